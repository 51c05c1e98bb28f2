"""Detectors of the DETR family, through transformers."""
