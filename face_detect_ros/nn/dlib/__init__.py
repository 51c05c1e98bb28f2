"""dlib's networks in PyTorch."""
