"""Decoding in child processes."""
