# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`~/annotations`: boxes and captions for Foxglove, which draws them over the camera's own image."""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time

from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.messages.headers import make_header
from face_detect_ros.ros.outputs.output import Output
from face_detect_ros.tracking.protocol import has_track
from face_detect_ros.viz.colors import detection_color, ink_on

_LINE_PX = 2.0
_FONT_PX = 14.0


def foxglove() -> Any:
    """The module `foxglove_msgs.msg`; None where it is not installed."""
    try:
        from foxglove_msgs import msg
    except ImportError:
        return None
    return msg


class AnnotationsOutput(Output):
    """foxglove_msgs/ImageAnnotations: a box and a caption per detection, in the colors of the annotated image.

    Args:
        topics: Of the camera.
        messages: The module `foxglove_msgs.msg`.
    """

    def __init__(self, topics: CameraTopics, messages: Any) -> None:
        super().__init__(topics, messages.ImageAnnotations, "~/annotations")
        self._messages = messages

    def message(self, result: Result) -> Any:
        stamp = make_header(result.frame.stamp_ns, "").stamp
        message = self._messages.ImageAnnotations()
        found, names = result.detections, result.names
        tracked = has_track(found)
        for index, class_id in enumerate(found.class_ids.tolist()):
            label = result.labels[class_id]
            name = None if names is None else names[index]
            ground = detection_color(label, name)
            track = f" #{found.track_ids[index]}" if tracked[index] else ""  # type: ignore[index]
            left, top, right, bottom = found.boxes[index].tolist()
            corners = ((left, top), (right, top), (right, bottom), (left, bottom))
            message.points.append(self._outline(stamp, corners, ground))
            text = f"{name or label}{track} {found.scores[index]:.2f}"
            message.texts.append(self._caption(stamp, (left, top), text, ground))
        return message

    def _outline(self, stamp: Time, corners: tuple[tuple[float, float], ...], color: tuple[int, ...]) -> Any:
        kind = self._messages.PointsAnnotation
        points = [self._messages.Point2(x=x, y=y) for x, y in corners]
        return kind(
            timestamp=stamp,
            type=kind.LINE_LOOP,
            points=points,
            outline_color=self._color(color),
            thickness=_LINE_PX,
        )

    def _caption(self, stamp: Time, at: tuple[float, float], text: str, ground: tuple[int, int, int]) -> Any:
        return self._messages.TextAnnotation(
            timestamp=stamp,
            position=self._messages.Point2(x=at[0], y=at[1]),
            text=text,
            font_size=_FONT_PX,
            text_color=self._color(ink_on(ground)),
            background_color=self._color(ground),
        )

    def _color(self, color: tuple[int, ...]) -> Any:
        red, green, blue = (value / 255 for value in color)
        return self._messages.Color(r=red, g=green, b=blue, a=1.0)
