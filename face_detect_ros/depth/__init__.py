"""From pixels to places: calibrations and camera models."""
