"""Where images come from when no camera node runs: files, folders, videos, devices, streams, the screen."""
