# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The topics of a result: what detectors say about images, beside or instead of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from face_detect_ros.bags.cameras import output_names
from face_detect_ros.bags.images import COMPRESSED, ImageMessage, jpeg_message
from face_detect_ros.bags.topic import Message, Topic
from face_detect_ros.bags.writing import BagWriter
from face_detect_ros.fleet.one_bag.job import NODES
from face_detect_ros.fleet.one_bag.messages import (
    DETECTIONS,
    DETECTIONS_3D,
    LABEL_INFO,
    detections_3d_message,
    detections_message,
    identities_message,
    label_info_message,
)
from face_detect_ros.pipeline.result import Result
from face_detect_ros.viz.draw import draw_detections


class ResultBag:
    """Writes results to a bag, each at the time at which its image was recorded and with its stamp.

    Args:
        path: The bag's folder, which must not exist.
        images: Topics that are processed.
        annotate: Write images with the detections drawn on them.
        taken: Names of topics that are copied: of two topics of one name the copied one is written.

    Raises:
        OutputError: It cannot be written.
    """

    def __init__(
        self, path: Path, images: Sequence[Topic], *, annotate: bool, taken: Sequence[str] = ()
    ) -> None:
        self._writer = BagWriter(path, compress=True)
        self._annotate = annotate
        self._taken = frozenset(taken)
        self._places = output_names([topic.name for topic in images])

    def announce(
        self, labels: Mapping[str, Sequence[str]], thresholds: Mapping[str, float], log_ns: int
    ) -> None:
        """Write the class names of each task, for late subscribers too.

        Args:
            labels: Class names by task.
            thresholds: Lowest score that is written, by task.
            log_ns: Time of the messages.
        """
        for task, names in labels.items():
            message = label_info_message(names, thresholds[task], log_ns)
            self._write(f"/{NODES[task]}/label_info", LABEL_INFO, log_ns, message, latched=True)

    def declare(self, topics: Sequence[Topic]) -> None:
        """Announce topics that are copied or replaced, with their definitions and QoS."""
        for topic in topics:
            self._writer.declare(topic)

    def copy(self, message: Message, log_ns: int | None = None) -> None:
        """Write a message as it is, at another time if `log_ns` is given."""
        self._writer.write_declared(message.key, message.log_ns if log_ns is None else log_ns, message.data)

    def replace(self, message: Message, image: ImageMessage, result: Result) -> None:
        """Write an image message with the covered image in place of its own.

        Args:
            message: As it was recorded.
            image: Its content.
            result: With the covered image.
        """
        if result.covered is None:
            raise ValueError("the image was not covered")
        self._writer.write_declared(message.key, message.log_ns, image.replaced(result.covered))

    def add(self, task: str, message: Message, result: Result) -> None:
        """Write what was found in an image.

        Args:
            task: That the detector works for.
            message: The image as it was recorded.
            result: What was found.
        """
        place = f"/{NODES[task]}{self._places[message.key.name]}"
        self._write(f"{place}/detections", DETECTIONS, message.log_ns, detections_message(result))
        if result.identities is not None:
            self._write(f"{place}/identities", DETECTIONS, message.log_ns, identities_message(result))
        if result.scene is not None and (result.positions is not None or not len(result.detections)):
            self._write(
                f"{place}/detections_3d", DETECTIONS_3D, message.log_ns, detections_3d_message(result)
            )
        if self._annotate:
            canvas = result.frame.image if result.covered is None else result.covered
            drawn = draw_detections(canvas, result.detections, result.labels, names=result.names)
            jpeg = jpeg_message(drawn, result.frame.stamp_ns, result.frame.frame_id)
            self._write(f"{place}/image_annotated/compressed", COMPRESSED, message.log_ns, jpeg)

    def _write(
        self, topic: str, message_type: str, log_ns: int, cdr: bytes, *, latched: bool = False
    ) -> None:
        if topic not in self._taken:
            self._writer.write(topic, message_type, log_ns, cdr, latched=latched)

    def close(self) -> None:
        """Complete the bag. Raises OutputError."""
        self._writer.close()

    def abort(self) -> None:
        """Stop without completing it."""
        self._writer.abort()
