"""The kinds of perceptual hash."""
