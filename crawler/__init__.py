"""Finds images on the sites that agreed to be watched."""
