"""Networks on PyTorch, and what describes them."""
