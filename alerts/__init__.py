"""Tells the desk what was found, opens cases and works them."""
