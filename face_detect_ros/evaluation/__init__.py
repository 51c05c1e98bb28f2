"""How good detectors and embedders are on labelled pictures."""
