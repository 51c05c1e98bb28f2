"""How good detectors and embedders are on labeled images."""
