# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Subscriptions of the viewer: only to what a page shows, and put where the page's server finds it."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any

from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from face_detect_ros.faces.gallery.people import UNKNOWN
from face_detect_ros.images.raw import DecodeOptions
from face_detect_ros.ros import qos
from face_detect_ros.ros.inputs.camera import ImageInput
from face_detect_ros.ros.messages.headers import to_ns
from face_detect_ros.ros.messages.images import lazy_frame
from face_detect_ros.web.robot import View
from face_detect_ros.web.scene import CAMERA, Box, Scene

FACES, OBJECTS = "face_detector", "object_detector"
"""Names of the detectors, relative to the viewer's namespace."""
DRAWN = {"anonymized": f"{FACES}/image_anonymized", "attention": f"{OBJECTS}/attention"}
"""Views that a detector draws -> its topic."""
MOST_BOXES = 300


class Topics:
    """The subscriptions of one viewer. Used on its executor's thread only.

    Args:
        node: Owner of the subscriptions.
        scene: Gets what arrives.
        transport: As for `ImageInput`.
        decode: How images are decoded.
    """

    def __init__(self, node: Any, scene: Scene, transport: str, decode: DecodeOptions) -> None:
        self._node = node
        self._scene = scene
        self._decode = decode
        self._input = ImageInput(
            node, node.hub, transport, lambda frame: scene.add_image("", CAMERA, frame), decode
        )
        self._views: Set[View] = frozenset()
        self._images: dict[str, Any] = {}
        self._results: list[Any] = []

    def show(self, views: Set[View]) -> None:
        """Subscribe to what `views` need and to nothing else."""
        before, self._views = {view.view for view in self._views}, views
        now = {view.view for view in views}
        if CAMERA in now - before:
            self._input.start()
        if CAMERA in before - now:
            self._input.stop()
            self._scene.drop_view("", CAMERA)
        for name, topic in DRAWN.items():
            if name in now - before:
                self._images[name] = self._subscribe(Image, topic, self._image(name))
            if name in before - now:
                self._node.destroy_subscription(self._images.pop(name))
                self._scene.drop_view("", name)
        if now and not before:
            self._results = [
                self._subscribe(Detection2DArray, f"{FACES}/detections", self._detections(FACES)),
                self._subscribe(Detection2DArray, f"{FACES}/identities", self._identities),
                self._subscribe(Detection2DArray, f"{OBJECTS}/detections", self._detections(OBJECTS)),
            ]
        if before and not now:
            for subscription in self._results:
                self._node.destroy_subscription(subscription)
            self._results = []

    def watch(self) -> str:
        """Why images do not arrive; empty while they do, or while nobody looks."""
        if not any(view.view == CAMERA for view in self._views):
            return ""
        self._input.watch()
        return self._input.problem

    def _subscribe(self, kind: type, topic: str, callback: Callable[[Any], None]) -> Any:
        return self._node.create_subscription(kind, topic, self._node.guarded(callback, topic), qos.output())

    def _image(self, view: str) -> Callable[[Image], None]:
        return lambda message: self._scene.add_image("", view, lazy_frame(message, self._decode))

    def _detections(self, detector: str) -> Callable[[Detection2DArray], None]:
        def arrived(message: Detection2DArray) -> None:
            self._scene.add_detections("", detector, to_ns(message.header.stamp), boxes(message))

        return arrived

    def _identities(self, message: Detection2DArray) -> None:
        names = {box.track: box.label for box in boxes(message) if box.track and box.label != UNKNOWN}
        self._scene.set_names("", names)


def boxes(message: Detection2DArray) -> list[Box]:
    """The detections of a message, at most MOST_BOXES; those without a class or a finite box are left out."""
    found = []
    for detection in message.detections[:MOST_BOXES]:
        center, half_x, half_y = (
            detection.bbox.center.position,
            detection.bbox.size_x / 2,
            detection.bbox.size_y / 2,
        )
        corners = (center.x - half_x, center.y - half_y, center.x + half_x, center.y + half_y)
        if not detection.results or not all(abs(value) < 1e6 for value in corners):
            continue
        best = detection.results[0].hypothesis
        score = best.score if abs(best.score) <= 1.0 else 0.0
        found.append(Box(corners, best.class_id[:200], score, detection.id[:40]))
    return found
