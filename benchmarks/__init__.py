"""One file per claim, each measuring its peer in the same run. `make bench` runs them all."""
