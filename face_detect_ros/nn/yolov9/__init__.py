"""YOLOv9 in PyTorch: GELAN backbone, pyramid, heads, PGI."""
