"""What `make demo` runs: node processes, a recorder, a bag."""
