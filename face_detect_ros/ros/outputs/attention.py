# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`~/attention`: which parts of the image counted for one detection, as a heat map over it."""

from __future__ import annotations

import time
from collections.abc import Callable

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


class AttentionOutput(ImageOutput):
    """A heat map of one detection. After each it pauses so long that heat maps take no more than `LARGEST_SHARE` of
    the time; between two of them detections come as if nobody looked.

    Args:
        topics: Of the camera.
        model: Name of the model, for messages.
        attention_of: Gives which detection to show, see `chosen`.
        jpeg_quality: Gives the quality of the compressed image.
        private: Whether to draw on the covered image.
    """

    deferred = True

    def __init__(
        self,
        topics: CameraTopics,
        model: str,
        attention_of: Callable[[], str],
        jpeg_quality: Callable[[], int],
        private: Callable[[], bool],
    ) -> None:
        super().__init__(topics, "~/attention", jpeg_quality)
        self._private = private
        self._model = model
        self._attention_of = attention_of
        self._source: AttentionSource | None = None
        self._told = False
        self._failure = ""
        self._throttle = Throttle(WARNING_PERIOD_S)
        self._due_s = 0.0

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
        """Publish the heat map if it is time again. A failure is logged, not raised: the detections are fine."""
        began_s = time.monotonic()
        if self._source is None or began_s < self._due_s:
            return
        try:
            super().publish(result)
            self._failure = ""
        except PerceptionError as error:
            self._failure = f"failed: {error}"
            if self._throttle.allows("failed"):
                self.node.get_logger().warning(f"no image on {self.publisher.topic_name}: {error}")
        finally:
            ended_s = time.monotonic()
            self._due_s = ended_s + (ended_s - began_s) * (1 / LARGEST_SHARE - 1)

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
