"""Measurements, each side by side with its peer and its limit from one run; `face_detect_ros bench` prints them."""
