# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is in an image, for those who watch tracks come and go."""

from __future__ import annotations

from collections.abc import Sequence

from face_detect_ros.pipeline.result import Result
from face_detect_ros.tracking.events import Thing
from face_detect_ros.tracking.protocol import has_track
from face_detect_ros.tracking.zones import Zone


def tracked_things(result: Result, zones: Sequence[Zone]) -> list[Thing]:
    """The detections of a result that have a confirmed track, with who they are and the zones that they are in."""
    found, frame = result.detections, result.frame
    if found.track_ids is None:
        return []
    names = result.names or [None] * len(found)
    inside = [(zone.name, zone.contains(found.boxes, frame.width, frame.height)) for zone in zones]
    return [
        Thing(
            track=int(found.track_ids[index]),
            label=result.labels[found.class_ids[index]],
            box=tuple(found.boxes[index].tolist()),
            name=names[index],
            zones=frozenset(name for name, member in inside if member[index]),
        )
        for index in has_track(found).nonzero()[0].tolist()
    ]
