"""The gallery: known people in one SQLite file."""
