# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Writes what detectors publish to a folder: videos, one JSON line per image, and an MCAP bag."""

from __future__ import annotations

import array
import functools
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import cv2
import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from vision_msgs.msg import Detection2DArray, LabelInfo, VisionInfo
from visualization_msgs.msg import MarkerArray

from face_detect_ros.bags.writing import BagWriter
from face_detect_ros.core.errors import OutputError
from face_detect_ros.demo.tally import Tally
from face_detect_ros.faces.gallery.people import UNKNOWN
from face_detect_ros.ros import qos
from face_detect_ros.ros.inputs.camera import camera_info_topic
from face_detect_ros.ros.messages.headers import to_ns
from face_detect_ros.ros.messages.images import decode_image
from face_detect_ros.viz.video import VideoFile

_MOST_WAITING = 10  # lines for identities that never come, and identities for lines


class Recorder(Node):
    """Records an image topic and the topics of a face and an object detector.

    Images go into the bag as JPEG, on the topic that image_transport would use.

    Args:
        folder: Where the bag, the videos and a list of detections are written.
        image_topic: Fully qualified.
        faces: Fully qualified name of the face detector.
        objects: The same of the object detector.
        rate_hz: Of the videos.

    Raises:
        OutputError: The folder cannot be written.
    """

    def __init__(self, folder: Path, image_topic: str, faces: str, objects: str, rate_hz: float) -> None:
        super().__init__("recorder")
        self.tally = Tally()
        self._rate_hz = rate_hz
        self._videos: dict[Path, VideoFile] = {}
        self._waiting: dict[int, dict[str, Any]] = {}  # lines without identities, by stamp
        self._early: dict[int, list[str]] = {}  # names that came before their line, by stamp
        self._bag = BagWriter(folder / "bag")
        self._lines: TextIO = (folder / "detections.jsonl").open("x", encoding="utf-8")
        self._subscribe(Image, image_topic, self._on_image, jpeg=True)
        for detector, handle, video in (
            (faces, self._on_faces, folder / "annotated.mp4"),
            (objects, self._on_objects, folder / "objects.mp4"),
        ):
            shown = functools.partial(self._on_annotated, video)
            self._subscribe(Image, f"{detector}/image_annotated", shown, jpeg=True)
            self._subscribe(Detection2DArray, f"{detector}/detections", handle)
            self._subscribe(MarkerArray, f"{detector}/markers")
            self._subscribe(LabelInfo, f"{detector}/label_info", latched=True)
            self._subscribe(VisionInfo, f"{detector}/vision_info", latched=True)
        self._subscribe(Detection2DArray, f"{faces}/identities", self._on_identities)
        self._subscribe(CameraInfo, camera_info_topic(image_topic))
        self._subscribe(DiagnosticArray, "/diagnostics")

    def close(self) -> None:
        """Finish the files."""
        self._write_waiting(0)
        for video in self._videos.values():
            video.close()
        self._lines.close()
        self._bag.close()

    def _subscribe(
        self,
        message_class: Any,
        topic: str,
        handle: Callable[[Any], np.ndarray | None] | None = None,
        *,
        jpeg: bool = False,
        latched: bool = False,
    ) -> None:
        message_type = f"{message_class.__module__.split('.')[0]}/msg/{message_class.__name__}"

        def arrived(cdr: bytes) -> None:
            now_ns = self.get_clock().now().nanoseconds
            image = None
            if handle is not None:
                image = handle(deserialize_message(cdr, message_class))
            if not jpeg:
                self._bag.write(topic, message_type, now_ns, cdr, latched=latched)
            elif image is not None:
                compressed = serialize_message(image)
                self._bag.write(f"{topic}/compressed", "sensor_msgs/msg/CompressedImage", now_ns, compressed)

        profile = qos.latched() if latched else qos.output()
        self.create_subscription(message_class, topic, arrived, profile, raw=True)

    def _on_image(self, message: Image) -> CompressedImage:
        self.tally.images.add(to_ns(message.header.stamp))
        return _jpeg(message, decode_image(message))

    def _on_annotated(self, path: Path, message: Image) -> CompressedImage:
        image = decode_image(message)
        video = self._videos.get(path)
        if video is None:
            video = self._videos[path] = VideoFile(path, self._rate_hz)
        video.write(image, to_ns(message.header.stamp) / 1e9)
        return _jpeg(message, image)

    def _on_identities(self, message: Detection2DArray) -> None:
        names = Counter(detection.results[0].hypothesis.class_id for detection in message.detections)
        self.tally.names += names
        self.tally.images_with_doubles += any(count > 1 for name, count in names.items() if name != UNKNOWN)
        stamp_ns = to_ns(message.header.stamp)
        # the same faces in the same order
        self._early[stamp_ns] = [detection.results[0].hypothesis.class_id for detection in message.detections]
        self._write_named(stamp_ns)
        while len(self._early) > _MOST_WAITING:
            del self._early[next(iter(self._early))]

    def _on_faces(self, message: Detection2DArray) -> None:
        stamp_ns = to_ns(message.header.stamp)
        latency_ms = (self.get_clock().now().nanoseconds - stamp_ns) / 1e6
        self.tally.processed.add(stamp_ns)
        self.tally.latency_ms.append(latency_ms)
        self.tally.detections += len(message.detections)
        self.tally.images_with_detections += bool(message.detections)
        # who they are comes on another topic, a little later or, where this process is late, before
        self._waiting[stamp_ns] = _line("face_detector", message, latency_ms)
        self._write_named(stamp_ns)
        self._write_waiting(_MOST_WAITING)

    def _on_objects(self, message: Detection2DArray) -> None:
        latency_ms = (self.get_clock().now().nanoseconds - to_ns(message.header.stamp)) / 1e6
        self.tally.searched += 1
        self.tally.objects.update({_as_dict(detection)["class"] for detection in message.detections})
        self._write_line(_line("object_detector", message, latency_ms))

    def _write_named(self, stamp_ns: int) -> None:
        """Write the line of an image once its faces and their names have come."""
        if stamp_ns in self._waiting and stamp_ns in self._early:
            line, names = self._waiting.pop(stamp_ns), self._early.pop(stamp_ns)
            for face, name in zip(line["detections"], names, strict=True):
                face["identity"] = {"name": name}
            self._write_line(line)

    def _write_waiting(self, most: int) -> None:
        """Write the oldest lines without identities, until at most so many wait for theirs."""
        while len(self._waiting) > most:
            self._write_line(self._waiting.pop(next(iter(self._waiting))))

    def _write_line(self, line: dict[str, Any]) -> None:
        try:
            print(json.dumps(line, ensure_ascii=False), file=self._lines)
        except OSError as error:
            raise OutputError(f"cannot write {self._lines.name}: {error}; is the disk full?") from error


def _line(node: str, message: Detection2DArray, latency_ms: float) -> dict[str, Any]:
    return {
        "node": node,
        "stamp_ns": to_ns(message.header.stamp),
        "frame_id": message.header.frame_id,
        "latency_ms": round(latency_ms, 3),
        "detections": [_as_dict(detection) for detection in message.detections],
    }


def _as_dict(detection: Any) -> dict[str, Any]:
    center, half_x, half_y = (
        detection.bbox.center.position,
        detection.bbox.size_x / 2,
        detection.bbox.size_y / 2,
    )
    best = detection.results[0].hypothesis
    box = (center.x - half_x, center.y - half_y, center.x + half_x, center.y + half_y)
    item = {"box": [round(v, 2) for v in box], "score": round(best.score, 4), "class": best.class_id}
    return {**item, "track": int(detection.id)} if detection.id else item


def _jpeg(message: Image, image: np.ndarray) -> CompressedImage:
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    compressed = CompressedImage(header=message.header, format="rgb8; jpeg compressed bgr8")
    compressed.data = array.array("B", data.tobytes())
    return compressed
