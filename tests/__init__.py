"""Claims about Stillwatch, in folders that mirror the packages."""
