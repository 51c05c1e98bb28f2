"""Model files: where they are, whether they are the right ones, and what is in them."""
