# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every tracker that can be named. A new one is a file with a class and one entry in `TRACKERS`."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.tracking.options import TrackerOptions
from face_detect_ros.tracking.protocol import Tracker

# name -> "module:factory", called with TrackerOptions
TRACKERS: dict[str, str] = {
    "motion": "face_detect_ros.tracking.motion:MotionTracker",
    "iou": "face_detect_ros.tracking.iou:IouTracker",
}

DEFAULT_TRACKER = "motion"


def find(name: str) -> str:
    """The factory of the tracker `name`, as "module:factory".

    Raises:
        ConfigError: There is no such tracker; the message lists what there is.
    """
    if name not in TRACKERS:
        raise ConfigError(f"tracker '{name}' is unknown; choose one of: {', '.join(TRACKERS)}")
    return TRACKERS[name]


def create(name: str = DEFAULT_TRACKER, options: TrackerOptions | None = None) -> Tracker:
    """A new tracker without tracks, for one stream of images.

    Args:
        name: Of the catalogue.
        options: None: the defaults.

    Raises:
        ConfigError: There is no such tracker; the message lists what there is.
    """
    module, _, factory = find(name).partition(":")
    make: Callable[[TrackerOptions], Tracker] = getattr(importlib.import_module(module), factory)
    return make(options or TrackerOptions())
