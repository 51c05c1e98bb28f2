"""Training of detectors: data, augmentation, losses and the loop around them."""
