"""A detector in a child process."""
