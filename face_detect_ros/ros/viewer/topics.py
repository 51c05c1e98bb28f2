# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Subscriptions of the viewer: only to what a page shows, and put where the page's server finds it."""

from __future__ import annotations

import math
from collections.abc import Callable, Set
from typing import Any

from geometry_msgs.msg import PointStamped
from vision_msgs.msg import Detection2DArray, Detection3DArray

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.frame import LazyFrame
from face_detect_ros.faces.gallery.people import UNKNOWN
from face_detect_ros.images.raw import DecodeOptions
from face_detect_ros.ros import qos
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.inputs.camera import TOPIC, ImageInput
from face_detect_ros.ros.inputs.subscription import MatchingSubscription
from face_detect_ros.ros.messages.headers import make_header, to_ns
from face_detect_ros.web.scene import CAMERA, Box, Scene

FACES, OBJECTS = "face_detector", "object_detector"
"""Names of the detectors, relative to the viewer's namespace."""
ANONYMIZED = "anonymized"
DRAWN = {ANONYMIZED: (FACES, "image_anonymized"), "attention": (OBJECTS, "attention")}
"""Views that a detector draws -> the detector and its topic."""
MOST_BOXES = 300
_NOWHERE = -1.0  # pixel where nothing is: what is followed is let go


class CameraView:
    """The subscriptions for one camera. Used on the executor's thread only.

    Args:
        node: Owner of the subscriptions.
        scene: Gets what arrives.
        camera: Name of the camera; empty if it is the only one.
        transport: As for `ImageInput`.
        decode: How images are decoded.
    """

    def __init__(self, node: Any, scene: Scene, camera: str, transport: str, decode: DecodeOptions) -> None:
        self.camera = camera
        self._node = node
        self._scene = scene
        self._transport = transport
        self._decode = decode
        self._images = {view: self.images(view, self._shown_in(view)) for view in (CAMERA, *DRAWN)}
        self._views: Set[str] = frozenset()
        self._results: list[MatchingSubscription] = []
        self._pointers: dict[str, Any] = {}
        self._frame_ids: dict[str, str] = {}
        self._publishers: dict[str, Set[bytes]] = {}

    def topic(self, detector: str, name: str) -> str:
        """Relative name of a detector's topic for this camera."""
        return "/".join(part for part in (detector, self.camera, name) if part)

    def images(self, view: str, on_frame: Callable[[LazyFrame], Any]) -> ImageInput:
        """The images of a view, not subscribed to yet.

        Args:
            view: CAMERA or one of DRAWN.
            on_frame: Gets every image.
        """
        topics, name = CameraTopics(self._node, self.camera), TOPIC
        if view != CAMERA:  # a detector's topics are not below the name of the camera
            topics, name = CameraTopics(self._node), self.topic(*DRAWN[view])
        return ImageInput(topics, self._node.hub, self._transport, on_frame, self._decode, name)

    @property
    def camera_info_topic(self) -> str:
        """The calibration that belongs to the camera's images."""
        return self._images[CAMERA].camera_info_topic

    def show(self, views: Set[str]) -> None:
        """Subscribe to what `views` need and to nothing else.

        Raises:
            ConfigError: A topic cannot be subscribed to. The next call tries again.
        """
        for view in self._views - views:
            self._images[view].stop()
            self._views -= {view}
            self._scene.drop_view(self.camera, view)
        if not views:
            self._unsubscribe_results()
        elif not self._results:
            self._subscribe_results()
        for view in views - self._views:
            self._images[view].start()
            self._views |= {view}

    def restrict(self, allowed: Set[str]) -> None:
        """Unsubscribe from views that may no longer be shown, and forget their images."""
        if self._views - allowed:
            self.show(self._views & allowed)

    def close(self) -> None:
        """Unsubscribe from everything."""
        self.show(frozenset())
        for publisher in self._pointers.values():
            self._node.destroy_publisher(publisher)
        self._pointers.clear()

    def watch(self) -> str:
        """Why images do not arrive; empty while they do, or while nobody looks."""
        if CAMERA not in self._views:
            return ""
        self._images[CAMERA].watch()
        return self._images[CAMERA].problem

    def look_for_detectors(self) -> None:
        """Forget what a detector has said that has ended, started again, or is configured again."""
        for detector in (FACES, OBJECTS):
            publishers = self._node.get_publishers_info_by_topic(self.topic(detector, "detections"))
            found = frozenset(bytes(publisher.endpoint_gid) for publisher in publishers)
            before = self._publishers.get(detector, frozenset())
            if before and (found - before or not found):  # one that was killed is remembered for a while
                self._scene.forget(self.camera, detector)
            self._publishers[detector] = found

    def select(self, detector: str, track: str, x: float, y: float, stamp_ns: int) -> None:
        """Have a detector follow what is at a pixel.

        Args:
            detector: Name of its node.
            track: Of the detection, to mark it at once; "" if it has none.
            x, y: In pixels of the image.
            stamp_ns: Of the image.
        """
        self._scene.set_selected(self.camera, f"{detector} {track}" if track else "")
        for each in (FACES, OBJECTS):
            if each == detector:
                self._point(each, x, y, stamp_ns)
            else:
                self._point(each, _NOWHERE, _NOWHERE, 0)

    def unselect(self) -> None:
        """Have the detectors follow nothing."""
        self._scene.set_selected(self.camera, "")
        for detector in (FACES, OBJECTS):
            self._point(detector, _NOWHERE, _NOWHERE, 0)

    def prepare_pointing(self) -> None:
        """Make the publishers of clicks, so that they have met the detectors before the first one."""
        for detector in (FACES, OBJECTS):
            topic = self.topic(detector, "select_at")
            if detector not in self._pointers and self._node.count_subscribers(topic):
                self._pointers[detector] = self._node.create_publisher(PointStamped, topic, qos.output())

    def _point(self, detector: str, x: float, y: float, stamp_ns: int) -> None:
        self.prepare_pointing()
        if detector in self._pointers:
            message = PointStamped(header=make_header(stamp_ns, ""))
            message.point.x, message.point.y = x, y
            self._pointers[detector].publish(message)

    def _subscribe_results(self) -> None:
        """Subscribe to all results, or to none if one of them raises ConfigError."""
        try:
            self._subscribe(Detection2DArray, self.topic(FACES, "identities"), self._identities)
            for each in (FACES, OBJECTS):
                self._subscribe(Detection2DArray, self.topic(each, "detections"), self._detections(each))
                self._subscribe(Detection2DArray, self.topic(each, "selected"), self._selected(each))
                self._subscribe(Detection3DArray, self.topic(each, "detections_3d"), self._places(each))
        except ConfigError:
            self._unsubscribe_results()
            raise

    def _unsubscribe_results(self) -> None:
        for subscription in self._results:
            subscription.close()
        self._results = []

    def _subscribe(self, kind: type, topic: str, callback: Callable[[Any], None]) -> None:
        self._results.append(MatchingSubscription(self._node, kind, topic, callback, qos.results_of))

    def _shown_in(self, view: str) -> Callable[[LazyFrame], None]:
        return lambda frame: self._scene.add_image(self.camera, view, frame)

    def _detections(self, detector: str) -> Callable[[Detection2DArray], None]:
        def arrived(message: Detection2DArray) -> None:
            self._frame_ids[detector] = message.header.frame_id
            self._scene.add_detections(self.camera, detector, to_ns(message.header.stamp), boxes(message))

        return arrived

    def _identities(self, message: Detection2DArray) -> None:
        found = boxes(message)
        self._scene.set_names(
            self.camera, FACES, {box.track: box.label for box in found if box.track and box.label != UNKNOWN}
        )

    def _selected(self, detector: str) -> Callable[[Detection2DArray], None]:
        def arrived(message: Detection2DArray) -> None:
            # an empty one: it is not in the image just now, and may come back
            for box in boxes(message)[:1]:
                if box.track:
                    self._scene.set_selected(self.camera, f"{detector} {box.track}")

        return arrived

    def _places(self, detector: str) -> Callable[[Detection3DArray], None]:
        def arrived(message: Detection3DArray) -> None:
            if message.header.frame_id != self._frame_ids.get(detector):
                return  # places in another frame say nothing about the distance from the camera
            distances = {}
            for detection in message.detections[:MOST_BOXES]:
                place = detection.bbox.center.position
                distance_m = math.hypot(place.x, place.y, place.z)
                if detection.id and 0 < distance_m < 1e4:
                    distances[detection.id[:40]] = distance_m
            self._scene.set_distances(self.camera, detector, distances)

        return arrived


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
