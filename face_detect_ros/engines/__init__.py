"""Engines: what computes a network. Each takes an exported graph (ONNX) and runs it on arrays of any batch and size."""
