"""Training data: labeled images, augmentation, batches."""
