"""Reading images from files and resizing them."""
