"""YOLOv9 weights: every published layout, mapped to the network of this package."""
