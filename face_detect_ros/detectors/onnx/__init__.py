"""Object detectors from any ONNX file."""
