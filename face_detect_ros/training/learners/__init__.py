"""What training needs to know about each kind of network."""
