"""Pictures drawn by code, and what the reference implementations say of them."""
