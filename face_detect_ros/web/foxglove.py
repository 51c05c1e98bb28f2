# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images and detections to Foxglove and Lichtblick, by the server of foxglove-sdk (MIT)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.web.live_view import CAMERA_FRAME, Look, caption_of, color_of
from face_detect_ros.web.options import ServerOptions
from face_detect_ros.web.scene import Box

DEFAULT_PORT = 8765
"""Where these programs look first."""
WORLD = "world"
"""The frame in which up is up, for 3-D panels."""
_LINE_PX = 3.0
_FONT_PX = 18.0
_SEE_THROUGH = 0.35


class FoxgloveServer:
    """Serves topics of a source until `close`.

    `image`, and of each detector `NAME/annotations` and `NAME/figures`. Where the source has depth also `depth`,
    `calibration`, `tf` and `NAME/boxes`, which are cubes in space.

    Args:
        options: Where to listen; this computer only, because the protocol has no token.

    Attributes:
        url: Where to connect to.

    Raises:
        ConfigError: foxglove-sdk is not installed, or the address cannot be used.
    """

    def __init__(self, options: ServerOptions) -> None:
        try:
            import foxglove
            from foxglove import channels, messages
        except ImportError as error:
            raise ConfigError(f"Foxglove needs foxglove-sdk ({error}): pip install foxglove-sdk") from error
        if not options.local:
            raise ConfigError(
                f"host is {options.host}, but Foxglove's connection has no token; use 127.0.0.1 and ssh -L"
            )
        self._foxglove, self._channels, self._messages = foxglove, channels, messages
        self._options = options
        foxglove.set_log_level("ERROR")
        port = options.port or DEFAULT_PORT
        try:
            self._server = foxglove.start_server(name="face_detect_ros", host=options.host, port=port)
        except RuntimeError as error:
            raise ConfigError(f"port {port} cannot be used: {error}; give another one") from error
        self.url = f"ws://{options.host}:{port}"
        self._open: dict[str, Any] = {}  # channels by topic

    def show(self, look: Look) -> None:
        """Send an image and what was found in it."""
        messages = self._messages
        stamp = messages.Timestamp(*divmod(look.stamp_ns, 1_000_000_000))
        quality = [cv2.IMWRITE_JPEG_QUALITY, self._options.jpeg_quality]
        _, data = cv2.imencode(".jpg", cv2.cvtColor(look.image, cv2.COLOR_RGB2BGR), quality)
        image = messages.CompressedImage(
            timestamp=stamp, frame_id=CAMERA_FRAME, data=data.tobytes(), format="jpeg"
        )
        self._log("/image", "CompressedImageChannel", image, look)
        for index, (detector, boxes) in enumerate(look.boxes.items()):
            annotations = self._annotated(boxes, stamp, index)
            self._log(f"/{detector}/annotations", "ImageAnnotationsChannel", annotations, look)
        if look.depth_m is not None:
            self._show_space(look, look.depth_m, stamp)

    def plot(self, detector: str, figures: Mapping[str, float], stamp_ns: int) -> None:
        """Send figures of a detector, for plots.

        Args:
            detector: Its name.
            figures: By name.
            stamp_ns: Of the image that they belong to.
        """
        topic = f"/{detector}/figures"
        if topic not in self._open:
            self._open[topic] = self._foxglove.Channel(topic, message_encoding="json")
        self._open[topic].log(dict(figures), log_time=stamp_ns)

    def close(self) -> None:
        """End the server."""
        for channel in self._open.values():
            channel.close()
        self._server.stop()

    def _log(self, topic: str, kind: str, message: Any, look: Look) -> None:
        if topic not in self._open:
            self._open[topic] = getattr(self._channels, kind)(topic)
        self._open[topic].log(message, log_time=look.stamp_ns)

    def _show_space(self, look: Look, depth_m: np.ndarray, stamp: Any) -> None:
        """Send depth, the camera and the boxes in space."""
        messages = self._messages
        height, width = depth_m.shape
        values = np.nan_to_num(depth_m).astype("<f4")
        depth = messages.RawImage(
            timestamp=stamp, frame_id=CAMERA_FRAME, width=width, height=height, encoding="32FC1", step=4 * width,
            data=values.tobytes(),
        )  # fmt: skip
        self._log("/depth", "RawImageChannel", depth, look)
        if look.intrinsics is not None:
            k = look.intrinsics.astype(float)
            height, width = look.image.shape[:2]
            calibration = messages.CameraCalibration(
                timestamp=stamp, frame_id=CAMERA_FRAME, width=width, height=height, K=k.ravel().tolist(),
                P=np.column_stack([k, np.zeros(3)]).ravel().tolist(), R=np.eye(3).ravel().tolist(),
            )  # fmt: skip
            self._log("/calibration", "CameraCalibrationChannel", calibration, look)
        # z forward and y down become x forward and z up
        upright = messages.FrameTransform(
            timestamp=stamp, parent_frame_id=WORLD, child_frame_id=CAMERA_FRAME,
            translation=messages.Vector3(), rotation=messages.Quaternion(x=-0.5, y=0.5, z=-0.5, w=0.5),
        )  # fmt: skip
        self._log("/tf", "FrameTransformChannel", upright, look)
        for index, (detector, boxes) in enumerate(look.boxes.items()):
            entities = [
                self._entity(box, number, index, stamp)
                for number, box in enumerate(boxes)
                if box.center_m is not None and box.size_m is not None
            ]
            update = messages.SceneUpdate(
                deletions=[
                    messages.SceneEntityDeletion(timestamp=stamp, type=messages.SceneEntityDeletionType.All)
                ],
                entities=entities,
            )
            self._log(f"/{detector}/boxes", "SceneUpdateChannel", update, look)

    def _entity(self, box: Box, number: int, detector: int, stamp: Any) -> Any:
        """A see-through cube with a caption above it."""
        messages = self._messages
        x, y, z = box.center_m or (0.0, 0.0, 0.0)
        width, height, depth = box.size_m or (0.0, 0.0, 0.0)
        red, green, blue = (value / 255 for value in color_of(box, detector))
        straight = messages.Quaternion(x=0.0, y=0.0, z=0.0, w=1.0)
        cube = messages.CubePrimitive(
            pose=messages.Pose(position=messages.Vector3(x=x, y=y, z=z), orientation=straight),
            size=messages.Vector3(x=width, y=height, z=depth),
            color=messages.Color(r=red, g=green, b=blue, a=_SEE_THROUGH),
        )
        above = messages.Vector3(x=x, y=y - height / 2 - 0.05, z=z)
        text = messages.TextPrimitive(
            pose=messages.Pose(position=above, orientation=straight),
            billboard=True,
            scale_invariant=True,
            font_size=_FONT_PX,
            color=messages.Color(r=red, g=green, b=blue, a=1.0),
            text=caption_of(box),
        )
        return messages.SceneEntity(
            timestamp=stamp,
            frame_id=CAMERA_FRAME,
            id=box.track or f"new {number}",
            cubes=[cube],
            texts=[text],
        )

    def _annotated(self, boxes: Sequence[Box], stamp: Any, index: int) -> Any:
        messages = self._messages
        outlines, texts = [], []
        for box in boxes:
            x1, y1, x2, y2 = box.corners
            red, green, blue = (value / 255 for value in color_of(box, index))
            color = messages.Color(r=red, g=green, b=blue, a=1.0)
            corners = ((x1, y1), (x2, y1), (x2, y2), (x1, y2))
            outlines.append(
                messages.PointsAnnotation(
                    timestamp=stamp,
                    type=messages.PointsAnnotationType.LineLoop,
                    points=[messages.Point2(x=x, y=y) for x, y in corners],
                    outline_color=color,
                    thickness=_LINE_PX,
                )
            )
            texts.append(
                messages.TextAnnotation(
                    timestamp=stamp,
                    position=messages.Point2(x=x1, y=y1),
                    text=caption_of(box),
                    font_size=_FONT_PX,
                    text_color=messages.Color(r=0.06, g=0.08, b=0.1, a=1.0),
                    background_color=color,
                )
            )
        return messages.ImageAnnotations(timestamp=stamp, points=outlines, texts=texts)
