"""Sites, names and bytes made to mislead."""
