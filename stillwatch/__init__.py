"""The command line, the scheduler, and the one file that chooses adapters."""
