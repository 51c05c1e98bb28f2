# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the demonstration has seen so far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """What was seen. Stamps are nanoseconds; latency is from an image's stamp to its detections' arrival here.

    Attributes:
        names: How many faces were given each name, "unknown" included.
        images_with_doubles: One name for two faces.
        objects: In how many images each class was found.
        searched: Images that the object detector answered for.
    """

    images: set[int] = field(default_factory=set)
    processed: set[int] = field(default_factory=set)
    detections: int = 0
    images_with_detections: int = 0
    latency_ms: list[float] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)
    images_with_doubles: int = 0
    objects: Counter[str] = field(default_factory=Counter)
    searched: int = 0

    @property
    def dropped(self) -> int:
        return len(self.images - self.processed)
