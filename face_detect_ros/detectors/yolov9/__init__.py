"""YOLOv9 detectors."""
