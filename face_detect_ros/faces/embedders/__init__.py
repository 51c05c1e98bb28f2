"""Networks that turn a face into an embedding."""
