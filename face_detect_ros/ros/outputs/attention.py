"""`~/attention`: where the network looked for one of its detections, as a heat map over the picture."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Image

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import PerceptionError
from face_detect_ros.core.frame import Frame
from face_detect_ros.core.protocols import AttentionSource, Detector
from face_detect_ros.core.statistics import Throttle
from face_detect_ros.detectors.class_filter import class_ids
from face_detect_ros.ros import qos
from face_detect_ros.ros.messages.images import image_message
from face_detect_ros.viz.draw import draw_detections
from face_detect_ros.viz.heat_map import blend_heat_map

WARNING_PERIOD_S = 5.0
# of the worker's time at most; the network runs once more for each picture of it
LARGEST_SHARE = 0.25


class AttentionView:
    """The topic of one node from configure to cleanup. Works only while somebody subscribes.

    After each heat map it pauses so long that heat maps take no more than `LARGEST_SHARE` of the time; between two of
    them detections come as if nobody looked.
    """

    def __init__(self, node: Node, model: str, detector: Detector) -> None:
        self._node = node
        self._model = model
        self._labels = detector.labels
        self._source = detector if isinstance(detector, AttentionSource) else None
        self._publisher = node.create_publisher(
            Image, "~/attention", qos.output(), qos_overriding_options=qos.overridable()
        )
        self._told = False
        self._failure = ""
        self._throttle = Throttle(WARNING_PERIOD_S)
        self._due_s = 0.0

    def close(self) -> None:
        self._node.destroy_publisher(self._publisher)

    def state(self) -> str:
        """For diagnostics. Also says once to those who subscribe if there is nothing to see."""
        watched = self._publisher.get_subscription_count() > 0
        if self._source is not None:
            return self._failure or ("watched" if watched else "nobody watches")
        if watched and not self._told:
            self._node.get_logger().warning(
                f"{self._publisher.topic_name} stays silent: model {self._model} does not show its attention; "
                "those of the DETR family and the ones with -attn in their name do"
            )
        self._told = watched
        return "none in this model"

    def offer(self, frame: Frame, found: Detections, of: str, canvas: Callable[[], np.ndarray]) -> None:
        """Publish the heat map of one of `found`, if somebody watches and it is time again.

        of: which one, see `chosen`. canvas: gives what it is drawn on, (H, W, 3) uint8 RGB of the frame's size.
        Where no detection is the chosen one, that picture goes out without a heat map.
        A failure is told and never raised: the detections are fine.
        """
        if self._source is None or self._publisher.get_subscription_count() == 0:
            return
        began_s = time.monotonic()
        if began_s < self._due_s:
            return
        try:
            picture = canvas()
            index = chosen(found, self._labels, of)
            if index is not None:
                heat = self._source.attention(frame.image, found.boxes[index])
                picture = draw_detections(blend_heat_map(picture, heat), found.select([index]), self._labels)
            self._publisher.publish(image_message(picture, frame.stamp_ns, frame.frame_id))
            self._failure = ""
        except PerceptionError as error:
            self._failure = f"failed: {error}"
            if self._throttle.allows("failed"):
                self._node.get_logger().warning(f"no picture on {self._publisher.topic_name}: {error}")
        finally:
            ended_s = time.monotonic()
            self._due_s = ended_s + (ended_s - began_s) * (1 / LARGEST_SHARE - 1)


def chosen(found: Detections, labels: tuple[str, ...], of: str) -> int | None:
    """Index of the detection that `of` means: "" is the best, a class its best one, "#17" or "17" that track.

    None if there is no such one. Raises ConfigError if `of` is neither a class of `labels` nor a track.
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
