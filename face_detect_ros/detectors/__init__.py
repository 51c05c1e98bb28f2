"""Detector backends, one file each; `catalogue` names them."""
