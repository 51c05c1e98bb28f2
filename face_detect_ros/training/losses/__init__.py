"""Assignment of targets and losses."""
