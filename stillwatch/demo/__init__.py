"""A small watched site, its photographs and the whole journey on it: for newcomers, and for the tests."""
