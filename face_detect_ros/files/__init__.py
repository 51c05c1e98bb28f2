"""Files on disk: written whole or not at all, and where the package keeps its own."""
