"""File formats of weights, read strictly: dlib, PyTorch, pickle, safetensors."""
