"""The matcher room."""
