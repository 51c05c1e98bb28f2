"""What every object detector shares around its network."""
