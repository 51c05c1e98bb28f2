"""Attacks in their long form: seeded, run by hand, with figures at the end. `pytest` collects none of them."""
