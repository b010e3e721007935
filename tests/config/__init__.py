"""Claims about settings, site files and tables of law."""
