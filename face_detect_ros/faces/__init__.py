"""Faces: alignment, embeddings, the gallery of known people, recognition."""
