"""Export of PyTorch detectors to ONNX."""
