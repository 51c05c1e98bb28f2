"""The `face_detect_ros` command."""
