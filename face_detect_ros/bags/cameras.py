# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which topics of a bag are cameras that can be processed."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from face_detect_ros.bags.images import (
    CAMERA_INFO,
    COMPRESSED,
    camera_name,
    holds_distances,
    is_image_topic,
    read_image,
)
from face_detect_ros.bags.reading import BagReader
from face_detect_ros.bags.topic import Topic
from face_detect_ros.core.errors import ConfigError, ImageError

_DRAWN = ("image_annotated", "image_anonymized", "attention")
_DEPTH_WORDS = ("depth", "disparity", "range")
_LIGHT_WORDS = re.compile(
    r"(?<![a-z])(ir|nir|infra(red)?|thermal|amplitude|intensity|brightness|mono|gr[ae]y)(?![a-z])"
)
"""Of images of light that have the encodings of distances, such as /depth_camera/ir/image_raw."""


@dataclass(frozen=True)
class Camera:
    """A topic with images.

    Attributes:
        topic: Its topic.
        use: "images": can be processed; "drawn": what a detector has drawn; "depth": distances; or why it cannot be
            processed.
        encoding: Of its first image.
        frame_id: Of its first image.
    """

    topic: Topic
    use: str
    encoding: str
    frame_id: str = ""

    @property
    def usable(self) -> bool:
        return self.use in ("images", "drawn")


def cameras(reader: BagReader) -> list[Camera]:
    """Every topic with images, looked at by its first readable image."""
    return [_look(reader, topic) for topic in reader.topics if is_image_topic(topic)]


def by_name(topic: Topic) -> Camera:
    """What a topic with images is to be used for, as its name suggests."""
    base = topic.name.removesuffix("/compressed").rsplit("/", 1)[-1]
    if base in _DRAWN:
        return Camera(topic, "drawn", "")
    return Camera(topic, "depth" if _is_called_depth(topic.name) else "images", "")


def choose(found: Sequence[Camera], wanted: Sequence[str], *, every_topic: bool = False) -> list[Camera]:
    """The cameras to process.

    Args:
        found: All of a bag.
        wanted: Names of topics; empty chooses every camera once: raw images rather than compressed ones of the same
            camera, and nothing that a detector has drawn.
        every_topic: Choose every topic that shows something, as often as a camera has it.

    Raises:
        ConfigError: A wanted topic is not there or cannot be processed, or there is none at all.
    """
    by_name = {camera.topic.name: camera for camera in found}
    if wanted:
        for name in wanted:
            if name not in by_name:
                there = ", ".join(by_name) or "none"
                raise ConfigError(f"topic {name} has no images in this bag; topics with images: {there}")
            if not by_name[name].usable:
                raise ConfigError(f"topic {name} cannot be processed: {by_name[name].use}")
        return [by_name[name] for name in dict.fromkeys(wanted)]
    usable = [camera for camera in found if camera.usable]
    if every_topic:
        return usable
    chosen = [camera for camera in usable if camera.use == "images"]
    raw = {camera.topic.name for camera in chosen if camera.topic.type != COMPRESSED}
    return [
        camera
        for camera in chosen
        if camera.topic.type != COMPRESSED or camera.topic.name.removesuffix("/compressed") not in raw
    ]


def output_names(topics: Sequence[str]) -> dict[str, str]:
    """What stands between a detector's name and a topic's: nothing for a single camera, else the camera's name."""
    if len(topics) == 1:
        return {topics[0]: ""}
    whole = {topic: topic.strip("/") for topic in topics}
    names = {topic: camera_name(topic) or whole[topic] for topic in topics}
    for _ in topics:  # a whole name may be that of another camera
        counts = Counter(names.values())
        names = {topic: whole[topic] if counts[name] > 1 else name for topic, name in names.items()}
    taken: set[str] = set()
    for topic, name in names.items():  # some topics differ in their slashes alone
        numbered = (f"{name}_{number}" for number in itertools.count(2))
        names[topic] = next(free for free in itertools.chain([name], numbered) if free not in taken)
        taken.add(names[topic])
    return {topic: f"/{name}" for topic, name in names.items()}


def camera_info_topic(reader: BagReader, camera: Topic) -> Topic | None:
    """The topic with the calibration of a camera, beside its images; None if there is none."""
    name = f"/{camera_name(camera.name)}/camera_info".replace("//", "/")
    found = reader.topic(name)
    return found if found is not None and found.type == CAMERA_INFO else None


def _is_called_depth(name: str) -> bool:
    """Whether a topic is named as one of distances; the last part of the name that says anything counts."""
    for part in reversed(name.lower().split("/")):
        if any(word in part for word in _DEPTH_WORDS):
            return True
        if _LIGHT_WORDS.search(part):
            return False
    return False


def _look(reader: BagReader, topic: Topic) -> Camera:
    base = topic.name.removesuffix("/compressed").rsplit("/", 1)[-1]
    trouble = "has no message"
    for number, message in enumerate(reader.messages([topic])):
        try:
            image = read_image(topic.type, message.data)
            if holds_distances(image):
                if _is_called_depth(topic.name):
                    return Camera(topic, "depth", image.encoding, image.frame_id)
                trouble = f"its encoding {image.encoding} is one of distances, its name is not"
                return Camera(topic, trouble, image.encoding)
            image.decode()
            use = "drawn" if base in _DRAWN else "images"
            return Camera(topic, use, image.encoding, image.frame_id)
        except ImageError as error:
            trouble = str(error)
            if error.reason == "encoding" or number >= 9:
                break
    return Camera(topic, trouble, "")
