# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Depth and calibration of the cameras in a bag: which topics belong together, and what each image's scene is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from os.path import commonpath
from typing import Any

from face_detect_ros.bags.cameras import Camera, camera_info_topic
from face_detect_ros.bags.images import COMPRESSED, ImageMessage, read_image
from face_detect_ros.bags.reading import BagReader
from face_detect_ros.bags.topic import Key, Message, Topic
from face_detect_ros.bags.types import standard_types
from face_detect_ros.core.errors import ConfigError, ImageError
from face_detect_ros.core.frame import Frame
from face_detect_ros.depth.calibration import Calibration, from_message
from face_detect_ros.depth.image import DepthImage, decode_compressed_depth, decode_depth
from face_detect_ros.depth.scene import Scene

SLOP_NS = 50_000_000
"""Most time between an image and its depth."""
_PATIENCE_NS = 300_000_000  # of an image for depth that is recorded after it
_KEPT_NS = 2_000_000_000
_REGISTERED = ("aligned", "registered")

SceneOf = Callable[[Frame], "Scene | None"]


@dataclass(frozen=True)
class Link:
    """What belongs to one camera.

    Attributes:
        image: Its images.
        depth: Depth that is registered to them.
        info: Its calibration.
        depth_info: That of the depth images.
    """

    image: Topic
    depth: Topic
    info: Topic | None
    depth_info: Topic | None

    @property
    def aside(self) -> tuple[Topic, ...]:
        """Topics that are read for the images' sake."""
        return tuple(topic for topic in (self.depth, self.info, self.depth_info) if topic is not None)


def links(reader: BagReader, chosen: Sequence[Camera], found: Sequence[Camera]) -> tuple[Link, ...]:
    """The depth of each chosen camera that has some.

    Depth is registered to a camera if it is in the same coordinate frame, as REP 103 and image_proc have it, or if
    its name says so below the same name.

    Args:
        reader: Of the bag.
        chosen: Cameras whose images are processed.
        found: All cameras of the bag, those with depth too.
    """
    result = []
    for camera in chosen:
        own = [other for other in found if other.use == "depth" and _registered(other, camera)]
        if not own:
            continue
        # raw is quicker to decode; the nearest name is the camera's own
        depth = max(
            own,
            key=lambda other: (
                other.topic.type != COMPRESSED,
                len(commonpath([other.topic.name, camera.topic.name])),
                other.topic.name,
            ),
        )
        info, depth_info = camera_info_topic(reader, camera.topic), camera_info_topic(reader, depth.topic)
        if info is not None or depth_info is not None:
            result.append(Link(camera.topic, depth.topic, info, depth_info))
    return tuple(result)


def _registered(depth: Camera, camera: Camera) -> bool:
    if depth.frame_id and depth.frame_id == camera.frame_id:
        return True
    root = camera.topic.name.split("/")[1:2] == depth.topic.name.split("/")[1:2]
    return root and any(word in depth.topic.name for word in _REGISTERED)


@dataclass
class _Around:
    """What is known around a camera's images."""

    link: Link
    depths: deque[tuple[int, Key, bytes]] = field(default_factory=deque)
    calibration: Calibration | None = None
    depth_calibration: Calibration | None = None

    def take(self, message: Message) -> None:
        """Take in a message of one of the topics aside."""
        if message.key == self.link.depth.key:
            image = _image(message)
            if image is not None and image.stamp_ns:
                self.depths.append((image.stamp_ns, message.key, message.data))
                while (
                    self.depths[0][0] < image.stamp_ns - _KEPT_NS
                    or self.depths[0][0] > image.stamp_ns + _KEPT_NS
                ):
                    self.depths.popleft()
            return
        calibration = _calibration(message)
        if self.link.info is not None and message.key == self.link.info.key:
            self.calibration = calibration
        if self.link.depth_info is not None and message.key == self.link.depth_info.key:
            self.depth_calibration = calibration

    def complete(self, stamp_ns: int) -> bool:
        """Whether no nearer depth can come for an image of that stamp."""
        known = self.calibration is not None or self.depth_calibration is not None
        return not stamp_ns or (known and any(each >= stamp_ns for each, _, _ in self.depths))

    def scene_of(self, stamp_ns: int) -> SceneOf | None:
        """Gives the scene of the image of that stamp; None where there is no depth near it."""
        near = min(self.depths, key=lambda item: abs(item[0] - stamp_ns), default=None)
        if not stamp_ns or near is None or abs(near[0] - stamp_ns) > SLOP_NS:
            return None
        rectified = "rect" in _base(self.link.image), "rect" in _base(self.link.depth)
        return partial(_scene, near[1], near[2], self.calibration, self.depth_calibration, rectified)


def with_scenes(
    messages: Iterable[Message], all_links: Sequence[Link], wanted: Mapping[Key, Any]
) -> Iterator[tuple[Message, SceneOf | None]]:
    """Messages in order, images of cameras with depth together with their scene.

    An image waits for depth that was recorded a little after it, and everything behind it waits as well.

    Args:
        messages: Of the wanted topics and of those that the links need, in order of recording.
        all_links: Cameras with depth.
        wanted: Topics whose messages are given out.
    """
    arounds = [_Around(link) for link in all_links]
    by_image = {around.link.image.key: around for around in arounds}
    aside: dict[Key, list[_Around]] = {}
    for around in arounds:
        for topic in around.link.aside:
            aside.setdefault(topic.key, []).append(around)
    waiting: deque[tuple[Message, int]] = deque()

    def ready(now_ns: int | None) -> Iterator[tuple[Message, SceneOf | None]]:
        while waiting:
            message, stamp_ns = waiting[0]
            around = by_image.get(message.key)
            waits = around is not None and now_ns is not None and now_ns - message.log_ns < _PATIENCE_NS
            if waits and not around.complete(stamp_ns):  # type: ignore[union-attr]
                return
            waiting.popleft()
            yield message, None if around is None else around.scene_of(stamp_ns)

    for message in messages:
        for around in aside.get(message.key, ()):
            around.take(message)
        if message.key in wanted:
            image = _image(message) if message.key in by_image else None
            waiting.append((message, 0 if image is None else image.stamp_ns))
        yield from ready(message.log_ns)
    yield from ready(None)


def _image(message: Message) -> ImageMessage | None:
    try:
        return read_image(message.key.type, message.data)
    except ImageError:
        return None


def _calibration(message: Message) -> Calibration | None:
    from rosbags.serde import SerdeError

    try:
        return from_message(standard_types().deserialize_cdr(message.data, message.key.type))
    except (SerdeError, ValueError, AssertionError):
        return None


def _scene(
    key: Key,
    data: bytes,
    calibration: Calibration | None,
    depth_calibration: Calibration | None,
    rectified: tuple[bool, bool],
    frame: Frame,
) -> Scene | None:
    """The scene of a frame; None where depth or calibration cannot be used."""
    try:
        return Scene.of(
            frame.width,
            frame.height,
            calibration,
            _depth(key, data),
            depth_calibration,
            rectified=rectified[0],
            depth_rectified=rectified[1],
        )
    except (ConfigError, ImageError):
        return None


def _depth(key: Key, data: bytes) -> DepthImage:
    found: Any = standard_types().deserialize_cdr(data, key.type)
    if key.type == COMPRESSED:
        return decode_compressed_depth(found.data.tobytes(), found.format)
    return decode_depth(
        found.data, found.width, found.height, found.step, found.encoding, big_endian=bool(found.is_bigendian)
    )


def _base(topic: Topic) -> str:
    return topic.name.removesuffix("/compressed").rsplit("/", 1)[-1]
