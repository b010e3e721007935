"""Claims about how Stillwatch is installed, started and kept in shape."""
