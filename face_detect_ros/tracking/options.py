# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What every tracker can be told, with its defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass

from face_detect_ros.core.errors import ConfigError

LONGEST_GAP_S = 30.0
"""After a longer gap without detections few images are no excuse: the track has ended."""


@dataclass(frozen=True)
class TrackerOptions:
    """How long a track takes to begin and to end.

    Ages count in time and in images, whichever is kinder, so that a track survives a few missed detections at 60
    images per second as well as at one image in two seconds.

    Attributes:
        min_hits: Detections of a thing before its id is published; 1 publishes it at once. A tracker may need fewer of
            them where images are far apart.
        max_age_s: A track without a detection for longer is lost. 0 or more, in seconds.
        max_age_images: A track is not lost before it went without a detection in more images than this. 0 or more.
        lost_age_s: A lost track may be found again until this long after its last detection, by trackers that can. 0
            or more, in seconds; at most `max_age_s` switches it off.

    Raises:
        ConfigError: A value is out of range.
    """

    min_hits: int = 4
    max_age_s: float = 1.0
    max_age_images: int = 3
    lost_age_s: float = 10.0

    def __post_init__(self) -> None:
        for name, least in (("min_hits", 1), ("max_age_images", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a whole number of at least {least}")
        for name in ("max_age_s", "lost_age_s"):
            value = getattr(self, name)
            if not 0.0 <= value < math.inf:
                raise ConfigError(f"{name} is {value}; give a number of at least 0")
