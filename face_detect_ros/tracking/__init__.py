"""Following things from image to image."""
