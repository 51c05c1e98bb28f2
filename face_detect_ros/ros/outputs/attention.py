# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`~/attention`: which parts of the image counted for one detection, as a heat map over it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import PerceptionError
from face_detect_ros.core.protocols import AttentionSource
from face_detect_ros.core.statistics import Throttle
from face_detect_ros.detectors.class_filter import class_ids
from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.outputs.image_output import ImageOutput
from face_detect_ros.viz.draw import draw_detections
from face_detect_ros.viz.heat_map import blend_heat_map

WARNING_PERIOD_S = 5.0
# of the worker's time at most; the network runs once more for each image of it
LARGEST_SHARE = 0.25
_YIELD_S = 2.0  # a camera that has asked within this time, or since the other's previous image, goes first
_SLOWEST_S = 20.0  # time between images of a camera that the others wait for


@dataclass
class _Request:
    """That a camera asked for its turn."""

    asked_s: float
    interval_s: float = 0.0  # between its images; 0 if unknown or too long to wait for

    def is_ahead(self, since_s: float, now_s: float, pause_s: float) -> bool:
        """Whether another camera, which asked before at `since_s`, has to wait for this one's next image."""
        lasts_s = max(_YIELD_S, 1.5 * self.interval_s)
        # there is time for another heat map long before a slow camera's next image, but not just before it
        is_near = now_s + pause_s >= self.asked_s + 0.5 * self.interval_s
        return is_near and self.asked_s >= min(since_s, now_s - lasts_s)


class Turns:
    """When the cameras of a node may compute a heat map: they share one pause, and take turns.

    After each heat map the pause is so long that all of them take no more than `LARGEST_SHARE` of the time; between two
    of them detections come as if nobody looked. Use it from one thread.
    """

    def __init__(self) -> None:
        self._due_s = self._pause_s = 0.0
        self._requests: dict[str, _Request] = {}  # by camera; the one served last comes last

    def has(self, camera: str, now_s: float) -> bool:
        """Whether this camera, which has a new image, may compute a heat map now."""
        request = self._requests.setdefault(camera, _Request(now_s))
        since_s, request.asked_s = request.asked_s, now_s
        # the longer of two: a heat map delays an image, so the next one seems to come early
        interval_s = max(now_s - since_s, 0.75 * request.interval_s)
        request.interval_s = interval_s if interval_s <= _SLOWEST_S else 0.0
        ahead = itertools.takewhile(lambda each: each is not request, self._requests.values())
        return now_s >= self._due_s and not any(
            each.is_ahead(since_s, now_s, self._pause_s) for each in ahead
        )

    def took(self, camera: str, began_s: float, ended_s: float) -> None:
        """A heat map of this camera was computed."""
        self._pause_s = (ended_s - began_s) * (1 / LARGEST_SHARE - 1)
        self._due_s = ended_s + self._pause_s
        self._requests[camera] = self._requests.pop(camera, _Request(began_s))


class AttentionOutput(ImageOutput):
    """A heat map of one detection, when it is the camera's turn.

    Args:
        topics: Of the camera.
        model: Name of the model, for messages.
        attention_of: Gives which detection to show, see `chosen`.
        jpeg_quality: Gives the quality of the compressed image.
        private: Whether to draw on the covered image.
        turns: Shared by the cameras of the node.
    """

    deferred = True

    def __init__(
        self,
        topics: CameraTopics,
        model: str,
        attention_of: Callable[[], str],
        jpeg_quality: Callable[[], int],
        private: Callable[[], bool],
        turns: Turns,
    ) -> None:
        super().__init__(topics, "~/attention", jpeg_quality)
        self._private = private
        self._model = model
        self._attention_of = attention_of
        self._source: AttentionSource | None = None
        self._told = False
        self._failure = ""
        self._throttle = Throttle(WARNING_PERIOD_S)
        self._turns = turns
        self._camera = topics.camera

    @property
    def covers(self) -> bool:  # type: ignore[override]
        return self._private()

    def watch(self, detector: object) -> None:
        """Show the attention of `detector`, if it can give any."""
        self._source = detector if isinstance(detector, AttentionSource) else None

    def once_a_second(self, *, active: bool) -> None:
        """Say once to those who subscribe if there is nothing to see."""
        silent = active and self._source is None and self.wanted()
        if silent and not self._told:
            self.node.get_logger().warning(
                f"{self.publisher.topic_name} stays silent: model {self._model} has no heat maps; YOLOv9 "
                "(not as ONNX) and the DETR family have them"
            )
        self._told = silent

    def values(self) -> dict[str, str]:
        if self._source is None:
            return {"attention": "none in this model"}
        return {"attention": self._failure or ("watched" if self.wanted() else "nobody watches")}

    def publish(self, result: Result) -> None:
        """Publish the heat map if it is the camera's turn. A failure is logged, not raised: the detections are fine."""
        began_s = time.monotonic()
        if self._source is None or not self._turns.has(self._camera, began_s):
            return
        try:
            super().publish(result)
            self._failure = ""
        except PerceptionError as error:
            self._failure = f"failed: {error}"
            if self._throttle.allows("failed"):
                self.node.get_logger().warning(f"no image on {self.publisher.topic_name}: {error}")
        finally:
            self._turns.took(self._camera, began_s, time.monotonic())

    def image(self, result: Result) -> np.ndarray | None:
        """The image with the heat map of the chosen detection; without one where no detection is chosen."""
        source, found = self._source, result.detections
        image = result.covered if self._private() else result.frame.image
        if source is None or image is None:
            return None
        index = chosen(found, result.labels, self._attention_of())
        if index is not None:
            heat = source.attention(result.frame.image, found.boxes[index], int(found.class_ids[index]))
            image = draw_detections(blend_heat_map(image, heat), found.select([index]), result.labels)
        return image


def chosen(found: Detections, labels: tuple[str, ...], of: str) -> int | None:
    """The detection that a text means.

    Args:
        found: The detections.
        labels: Class names.
        of: "": the best detection; a class: its best one; "#17" or "17": that track.

    Returns:
        Its index; None if there is none.

    Raises:
        ConfigError: `of` is neither a class nor a track.
    """
    mine = np.ones(len(found), bool)
    if is_track(labels, of):
        if found.track_ids is None:
            return None
        mine = found.track_ids == int(of.removeprefix("#"))
    elif of:
        mine = np.isin(found.class_ids, class_ids(of, labels))
    if not mine.any():
        return None
    return int(np.where(mine, found.scores, -1.0).argmax())


def is_track(labels: tuple[str, ...], of: str) -> bool:
    """Whether `of` is the number of a track, as drawn ("#17") or bare, and no class's name."""
    number = of.removeprefix("#")
    return number.isascii() and number.isdigit() and of not in labels
