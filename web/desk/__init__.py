"""The desk's pages: is the watching happening, what was found, what is done about it."""
