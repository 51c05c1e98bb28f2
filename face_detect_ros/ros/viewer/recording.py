# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An MCAP bag of what the page shows, started and stopped from it."""

from __future__ import annotations

import itertools
import os
import queue
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import QoSProfile
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage
from vision_msgs.msg import Detection2DArray, LabelInfo

from face_detect_ros.bags.writing import BagWriter
from face_detect_ros.core.errors import OutputError, PerceptionError
from face_detect_ros.core.frame import LazyFrame
from face_detect_ros.files.home import home
from face_detect_ros.ros import qos
from face_detect_ros.ros.inputs.camera import ImageInput
from face_detect_ros.ros.inputs.subscription import MatchingSubscription
from face_detect_ros.ros.messages.images import compressed_message
from face_detect_ros.ros.viewer.topics import ANONYMIZED, FACES, OBJECTS, CameraView
from face_detect_ros.web.scene import CAMERA

MOST_WAITING = 64
"""Messages that wait for the disk; the next ones are left out."""
FREE_BYTES = 1_000_000_000
"""A recording ends when the disk has less left."""
_JPEG_QUALITY = 95
_CLOSE_S = 10.0
"""Longest wait for the disk when a recording is stopped."""


class Recording:
    """A bag being written, by a thread of its own: a slow disk drops messages and delays nothing.

    Args:
        node: The viewer.
        cameras: What to record.
        private: Record the anonymized images in place of the camera's.

    Attributes:
        path: Folder of the bag.
        count: Messages written so far.
        problem: Why nothing more is recorded; empty while messages are.
        without_images: Leave images out for now.

    Raises:
        OutputError: The bag cannot be written.
        ConfigError: A topic cannot be subscribed to.
    """

    def __init__(self, node: Any, cameras: list[CameraView], *, private: bool) -> None:
        self._node = node
        self.count = 0
        self.problem = ""
        self.private = private
        self.without_images = False
        folder = home() / "bags"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error
        self.path = _free(folder / time.strftime("%Y-%m-%d_%H.%M.%S"))
        _require_space(folder)
        self._bag = BagWriter(self.path)
        self._unfinished: PerceptionError | None = None
        # without a limit of its own: `close` must never wait for room in it
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._subscriptions: list[MatchingSubscription] = []
        self._images: list[ImageInput] = []
        self._thread = threading.Thread(target=self._write_all, name="recording", daemon=True)
        self._thread.start()
        try:
            self._subscribe_to_all(cameras)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Complete the bag. Raises OutputError if that fails or takes long."""
        for images in self._images:
            images.stop()
        for subscription in self._subscriptions:
            subscription.close()
        self._waiting.put(None)
        self._thread.join(_CLOSE_S)
        if self._thread.is_alive():
            raise OutputError(
                f"{self.path}: the disk is slow, the bag is not complete yet; keep the viewer running"
            )
        if self._unfinished is not None:
            raise self._unfinished

    def watch(self) -> str:
        """Why images do not arrive; empty while they do."""
        for images in self._images:
            images.watch()
        return next((images.problem for images in self._images if images.problem), "")

    def _subscribe_to_all(self, cameras: list[CameraView]) -> None:
        self._subscribe(DiagnosticArray, "/diagnostics")
        for camera in cameras:
            self._record_images(camera, ANONYMIZED if self.private else CAMERA)
            self._subscribe(CameraInfo, camera.camera_info_topic, qos.camera_info_of)
            self._subscribe(Detection2DArray, camera.topic(FACES, "identities"))
            for detector in (FACES, OBJECTS):
                self._subscribe(Detection2DArray, camera.topic(detector, "detections"))
        for detector in (FACES, OBJECTS):
            self._subscribe(LabelInfo, f"{detector}/label_info", lambda _: qos.latched(), latched=True)

    def _record_images(self, camera: CameraView, view: str) -> None:
        def arrived(frame: LazyFrame) -> None:
            if not self.without_images:
                self._put(lambda now_ns: self._write_image(topic, now_ns, frame))

        images = camera.images(view, arrived)
        topic = images.wire_topic if images.compressed else f"{images.topic}/compressed"
        self._images.append(images)
        images.start()

    def _subscribe(
        self,
        kind: type,
        topic: str,
        profile_for: Callable[..., QoSProfile] = qos.results_of,
        *,
        latched: bool = False,
    ) -> None:
        name = self._node.resolve_topic_name(topic)

        def arrived(cdr: bytes) -> None:
            self._put(lambda now_ns: self._write(kind, name, now_ns, cdr, latched=latched))

        self._subscriptions.append(
            MatchingSubscription(self._node, kind, topic, arrived, profile_for, raw=True)
        )

    def _put(self, write: Callable[[int], None]) -> None:
        """Have the thread call `write` with the time of now."""
        now_ns = self._node.get_clock().now().nanoseconds
        if self._waiting.qsize() < MOST_WAITING:
            self._waiting.put(lambda: write(now_ns))

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

    def _write_image(self, topic: str, now_ns: int, frame: LazyFrame) -> None:
        if self.count % 16 == 0:
            _require_space(self.path)
        message = frame.message
        if not isinstance(message, CompressedImage):
            message = compressed_message(frame.frame().image, frame.stamp_ns, frame.frame_id, _JPEG_QUALITY)
        self._write(CompressedImage, topic, now_ns, bytes(serialize_message(message)))

    def _write(self, kind: type, topic: str, now_ns: int, cdr: bytes, *, latched: bool = False) -> None:
        package = kind.__module__.partition(".")[0]
        self._bag.write(topic, f"{package}/msg/{kind.__name__}", now_ns, cdr, latched=latched)
        self.count += 1


def _free(path: Path) -> Path:
    """The path itself, or one with a number if that exists: several recordings may begin within a second."""
    numbered = (path.with_name(f"{path.name}_{number}") for number in itertools.count(2))
    return next(each for each in itertools.chain([path], numbered) if not os.path.lexists(each))


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
