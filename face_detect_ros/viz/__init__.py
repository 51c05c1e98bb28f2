"""Drawing results on images."""
