# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An MCAP bag of what the page shows, started and stopped from it."""

from __future__ import annotations

import array
import queue
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from vision_msgs.msg import Detection2DArray, LabelInfo

from face_detect_ros.bags.writing import BagWriter
from face_detect_ros.core.errors import OutputError, PerceptionError
from face_detect_ros.files.home import home
from face_detect_ros.images.raw import DecodeOptions
from face_detect_ros.ros import qos
from face_detect_ros.ros.messages.images import decode_image
from face_detect_ros.ros.viewer.topics import FACES, OBJECTS, CameraView

MOST_WAITING = 64
"""Messages that wait for the disk; the next ones are left out."""
FREE_BYTES = 1_000_000_000
"""A recording ends when the disk has less left."""
_CLOSE_S = 10.0
"""Longest wait for the disk when a recording is stopped."""


class Recording:
    """A bag being written, by a thread of its own: a slow disk drops messages and delays nothing.

    Args:
        node: The viewer.
        cameras: What to record.
        decode: How images are decoded.
        private: Record the anonymized images in place of the camera's.

    Attributes:
        path: Folder of the bag.
        count: Messages written so far.
        problem: Why nothing more is recorded; empty while messages are.

    Raises:
        OutputError: The bag cannot be written.
    """

    def __init__(self, node: Any, cameras: list[CameraView], decode: DecodeOptions, *, private: bool) -> None:
        self._node = node
        self._decode = decode
        self.count = 0
        self.problem = ""
        self.private = private
        folder = home() / "bags"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error
        self.path = folder / time.strftime("%Y-%m-%d_%H.%M.%S")
        _require_space(folder)
        self._bag = BagWriter(self.path)
        self._unfinished: PerceptionError | None = None
        # without a limit of its own: `close` must never wait for room in it
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._subscriptions = [self._subscribe(DiagnosticArray, "/diagnostics")]
        for camera in cameras:
            image = camera.topic(FACES, "image_anonymized") if private else camera.topic("", "image_raw")
            self._subscriptions += [
                self._subscribe(Image, image),
                self._subscribe(CameraInfo, camera.topic("", "camera_info")),
                self._subscribe(Detection2DArray, camera.topic(FACES, "identities")),
            ]
            self._subscriptions += [
                self._subscribe(Detection2DArray, camera.topic(detector, "detections"))
                for detector in (FACES, OBJECTS)
            ]
        self._subscriptions += [
            self._subscribe(LabelInfo, f"{detector}/label_info", latched=True)
            for detector in (FACES, OBJECTS)
        ]
        self._thread = threading.Thread(target=self._write_all, name="recording", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Complete the bag. Raises OutputError if that fails or takes long."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._waiting.put(None)
        self._thread.join(_CLOSE_S)
        if self._thread.is_alive():
            raise OutputError(
                f"{self.path}: the disk is slow, the bag is not complete yet; keep the viewer running"
            )
        if self._unfinished is not None:
            raise self._unfinished

    def _subscribe(self, kind: type, topic: str, *, latched: bool = False) -> Any:
        name = self._node.resolve_topic_name(topic)
        profile = (
            qos.latched() if latched else qos.image_input(reliable=True) if kind is Image else qos.output()
        )

        def arrived(cdr: bytes) -> None:
            now_ns = self._node.get_clock().now().nanoseconds
            if self._waiting.qsize() < MOST_WAITING:
                self._waiting.put(lambda: self._write(kind, name, now_ns, cdr, latched))

        return self._node.create_subscription(kind, topic, arrived, profile, raw=True)

    def _write_all(self) -> None:
        while (write := self._waiting.get()) is not None:
            if not self.problem:
                try:
                    write()
                except Exception as error:  # noqa: BLE001 - whatever it is, the page must learn that nothing is recorded
                    self.problem = str(_explained(error))
        try:
            self._bag.close()
        except Exception as error:  # noqa: BLE001 - raised again in `close`
            self._unfinished = _explained(error)

    def _write(self, kind: type, topic: str, now_ns: int, cdr: bytes, latched: bool) -> None:
        if kind is Image:
            topic, kind, cdr = f"{topic}/compressed", CompressedImage, self._as_jpeg(cdr)
            if self.count % 16 == 0:
                _require_space(self.path)
        package = kind.__module__.partition(".")[0]
        self._bag.write(topic, f"{package}/msg/{kind.__name__}", now_ns, cdr, latched=latched)
        self.count += 1

    def _as_jpeg(self, cdr: bytes) -> bytes:
        message = deserialize_message(cdr, Image)
        image = decode_image(message, self._decode)
        done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        if not done:
            raise OutputError("an image cannot be encoded as JPEG")
        compressed = CompressedImage(header=message.header, format="rgb8; jpeg compressed bgr8")
        compressed.data = array.array("B", data.tobytes())
        return bytes(serialize_message(compressed))


def _explained(error: Exception) -> PerceptionError:
    """The error itself, or one that names what should not have happened."""
    return error if isinstance(error, PerceptionError) else OutputError(f"{type(error).__name__}: {error}")


def _require_space(folder: Path) -> None:
    """Raises OutputError if the disk is nearly full, or the folder is gone."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise OutputError(f"{folder}: {error.strerror or error}") from error
    if free < FREE_BYTES:
        raise OutputError(f"{folder}: the disk has {free / 1e6:.0f} MB left; delete something first")
