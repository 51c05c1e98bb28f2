"""Drawing results on pictures."""
