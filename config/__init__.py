"""Settings, watched sites, and the tables of law and care: data and its readers."""
