"""What nodes subscribe to."""
