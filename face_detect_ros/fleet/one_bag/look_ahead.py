# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Covers of faces that are found a moment later: a recording, unlike a camera, is known ahead.

The nodes keep a cover where a face was until it is surely gone. Here a face is also covered before it is first found,
for as long: it was there, too far turned away or blurred to be detected.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.frame import Frame
from face_detect_ros.pipeline.result import Result
from face_detect_ros.viz.anonymize import SAME_PLACE_IOU, AnonymizerOptions, cover_boxes, growth

_LONGEST_S = 5.0  # that anything waits for images that do not come

Emit = Callable[[Result], None]


@dataclass
class _Seen:
    """An image that may still get covers. extra: (M, 4) xyxy px and how far each has to grow."""

    log_ns: int
    topic: str
    time_s: float
    result: Result
    emit: Emit
    boxes: np.ndarray
    tracks: set[int]
    later: int = 0
    extra: list[tuple[np.ndarray, float]] = field(default_factory=list)


@dataclass
class _Other:
    """A message that waits for the images before it."""

    log_ns: int
    emit: Callable[[], None]


class LookAhead:
    """Passes results and messages on, in order, a little later, with the covers that only later images call for.

    Args:
        options: How faces are covered; the times for which covers are held apply backwards.
    """

    def __init__(self, options: AnonymizerOptions) -> None:
        self._options = options
        self._waiting: deque[_Seen | _Other] = deque()

    def other(self, log_ns: int, emit: Callable[[], None]) -> None:
        """Pass on something that is not an image."""
        self._waiting.append(_Other(log_ns, emit))
        self._release(log_ns)

    def image(self, topic: str, log_ns: int, result: Result, emit: Emit) -> None:
        """Pass on an image, with more covers where later images need them.

        Args:
            topic: Of the image.
            log_ns: When it was recorded.
            result: Of the image.
            emit: Called with the result once no later image can change it.
        """
        time_s = _time_s(result.frame)
        boxes = np.concatenate([result.detections.boxes, result.faint.boxes])
        ids = [
            0 if track is None else abs(int(track))
            for found in (result.detections, result.faint)
            for track in (found.track_ids if found.track_ids is not None else [None] * len(found))
        ]
        for earlier in self._waiting:
            if isinstance(earlier, _Seen) and earlier.topic == topic:
                earlier.later += 1
                there = box_geometry.resized(boxes, result.frame.size, earlier.result.frame.size)
                self._cover_before(earlier, time_s, there, ids)
        tracks = {track for track in ids if track}
        self._waiting.append(_Seen(log_ns, topic, time_s, result, emit, boxes, tracks))
        self._release(log_ns)

    def finish(self) -> None:
        """Pass on what still waits."""
        while self._waiting:
            self._emit()

    def _cover_before(self, earlier: _Seen, time_s: float, boxes: np.ndarray, ids: list[int]) -> None:
        """Cover in an earlier image, at `boxes` in its pixels, what a later one shows and it does not."""
        before_s = time_s - earlier.time_s
        if before_s < 0 or not self._holds(before_s, earlier.later):
            return
        for box, track in zip(boxes, ids, strict=True):
            overlap = box_geometry.iou(box[None], earlier.boxes).max(initial=0.0)
            if track in earlier.tracks or (not track and overlap >= SAME_PLACE_IOU):
                continue
            if track:
                earlier.tracks.add(track)
            else:
                earlier.boxes = np.concatenate([earlier.boxes, box[None]])
            earlier.extra.append((box, self._options.margin + growth(before_s)))

    def _holds(self, before_s: float, images: int) -> bool:
        return before_s <= self._options.hold_s + 1e-6 or images <= self._options.hold_images

    def _release(self, now_ns: int) -> None:
        """Pass on what no later image can change."""
        while self._waiting:
            head = self._waiting[0]
            if isinstance(head, _Seen):
                waited_s = (now_ns - head.log_ns) * 1e-9
                done = waited_s > 2 * self._options.hold_s and head.later > self._options.hold_images
                if not done and waited_s < _LONGEST_S + self._options.hold_s:
                    return
            self._emit()

    def _emit(self) -> None:
        head = self._waiting.popleft()
        if isinstance(head, _Other):
            head.emit()
            return
        result = head.result
        if head.extra and result.covered is not None:
            covered = cover_boxes(
                result.covered,
                np.stack([box for box, _ in head.extra]),
                [margin for _, margin in head.extra],
                self._options.style,
            )
            result = replace(result, covered=covered)
        head.emit(result)


def _time_s(frame: Frame) -> float:
    return frame.stamp_ns * 1e-9 if frame.stamp_ns else (frame.arrival_s or 0.0)
