# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images and detections to Foxglove and Lichtblick, by the server of foxglove-sdk (MIT)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.web.options import ServerOptions
from face_detect_ros.web.scene import Box

DEFAULT_PORT = 8765
"""Where these programs look first."""
_COLORS = ((1.0, 0.84, 0.37), (0.5, 0.82, 1.0), (0.72, 0.94, 0.48), (1.0, 0.62, 0.8))
_KNOWN = (0.37, 0.88, 0.55)
_LINE_PX = 3.0
_FONT_PX = 18.0


class FoxgloveServer:
    """Serves topics of a source until `close`: `image`, and for each detector `NAME/annotations` and `NAME/figures`.

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
        self._image = channels.CompressedImageChannel("/image")
        self._annotations: dict[str, Any] = {}
        self._figures: dict[str, Any] = {}

    def show(self, image: np.ndarray, stamp_ns: int, found: Mapping[str, Sequence[Box]]) -> None:
        """Send an image, (H, W, 3) uint8 RGB, and what each detector found in it."""
        stamp = self._messages.Timestamp(*divmod(stamp_ns, 1_000_000_000))
        quality = [cv2.IMWRITE_JPEG_QUALITY, self._options.jpeg_quality]
        _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)
        self._image.log(
            self._messages.CompressedImage(
                timestamp=stamp, frame_id="camera", data=data.tobytes(), format="jpeg"
            ),
            log_time=stamp_ns,
        )
        for index, (detector, boxes) in enumerate(found.items()):
            if detector not in self._annotations:
                topic = f"/{detector}/annotations"
                self._annotations[detector] = self._channels.ImageAnnotationsChannel(topic)
            self._annotations[detector].log(self._annotated(boxes, stamp, index), log_time=stamp_ns)

    def plot(self, detector: str, figures: Mapping[str, float]) -> None:
        """Send figures of a detector, for plots."""
        if detector not in self._figures:
            self._figures[detector] = self._foxglove.Channel(f"/{detector}/figures", message_encoding="json")
        self._figures[detector].log(dict(figures), log_time=time.time_ns())

    def close(self) -> None:
        """End the server."""
        self._server.stop()

    def _annotated(self, boxes: Sequence[Box], stamp: Any, index: int) -> Any:
        messages = self._messages
        outlines, texts = [], []
        for box in boxes:
            x1, y1, x2, y2 = box.corners
            red, green, blue = _KNOWN if box.name else _COLORS[index % len(_COLORS)]
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
            track = f" #{box.track}" if box.track else ""
            texts.append(
                messages.TextAnnotation(
                    timestamp=stamp,
                    position=messages.Point2(x=x1, y=y1),
                    text=f"{box.name or box.label} {box.score:.2f}{track}",
                    font_size=_FONT_PX,
                    text_color=messages.Color(r=0.06, g=0.08, b=0.1, a=1.0),
                    background_color=color,
                )
            )
        return messages.ImageAnnotations(timestamp=stamp, points=outlines, texts=texts)
