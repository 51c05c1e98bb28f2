"""Other implementations beside ours. They are no dependencies: each script says how to make an environment for it."""
