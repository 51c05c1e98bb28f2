# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How many classes a box may be proposed as, by every network whose boxes overlap: in PyTorch and in ONNX files."""

from __future__ import annotations

# of one image, best first, before overlapping ones go
MOST_CANDIDATES = 1000
MOST_LABELED_CANDIDATES = 5000

EVERY_LABEL_BELOW = 0.1
"""Lower score thresholds ask for every class of a box, others for its best one alone.

As in YOLOv9's own code, whose validation (threshold 0.001) counts every class and whose detection the best: AP gains
from second guesses, while on a robot they are a car and a truck in one place.
"""
