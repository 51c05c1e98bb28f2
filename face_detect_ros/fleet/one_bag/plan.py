# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is done with each topic of a bag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from face_detect_ros.bags.cameras import Camera, by_name, cameras, choose
from face_detect_ros.bags.images import is_image_topic
from face_detect_ros.bags.reading import BagReader
from face_detect_ros.bags.stored import Outline
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.fleet.one_bag.job import Job
from face_detect_ros.fleet.one_bag.passing import Passing
from face_detect_ros.fleet.one_bag.reading import Reading
from face_detect_ros.fleet.one_bag.scenes import links

NO_IMAGES = "has no topic with images that can be processed"


@dataclass(frozen=True)
class Plan:
    """What a job does with the topics of its bag.

    Attributes:
        cameras: Image topics that are processed.
        reading: Which messages are read.
        passing: Decides what is copied; None if nothing is.
        left_out: Topics that an anonymized bag does not have.
    """

    cameras: tuple[Camera, ...]
    reading: Reading
    passing: Passing | None = None
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, job: Job, reader: BagReader) -> Plan:
        """Raises ConfigError if a topic is not there, cannot be processed or may not be copied."""
        found = cameras(reader)
        without = _below(reader, job.without, strict=job.every_name)
        keep = _below(reader, job.keep, strict=job.every_name)
        offered = [camera for camera in found if camera.topic.name not in without | keep]
        try:
            chosen = tuple(choose(offered, job.topics, every_topic=job.anonymize))
        except ConfigError as error:
            raise ConfigError(f"{job.bag}: {error}") from error
        span_ns = job.span_ns(reader)
        images = tuple(camera.topic for camera in chosen)
        if not job.anonymize:
            if not chosen:
                reasons = "".join(f"; {camera.topic.name}: {camera.use}" for camera in found)
                raise ConfigError(f"{job.bag}: {NO_IMAGES}{reasons}")
            shown = job.annotate or any(task.recipe.recognition is not None for task in job.tasks)
            reading = Reading(images, (), span_ns, job.every, links(reader, chosen, found), shown)
            return cls(chosen, reading)
        # by name and type: what else has the name of an image topic is copied, or an error
        covered = {topic.key for topic in images}
        others = {camera.topic.key for camera in offered if camera.usable} - covered
        copied = tuple(
            topic
            for topic in reader.topics
            if topic.name not in without and topic.key not in covered | others
        )
        left_out = without | {key.name for key in others}
        try:
            passing = Passing(copied, images, found, keep)
        except ConfigError as error:
            raise ConfigError(f"{job.bag}: {error}") from error
        reading = Reading(images, copied, span_ns, job.every, links(reader, chosen, found))
        return cls(chosen, reading, passing, tuple(sorted(left_out)))

    @classmethod
    def outlined(cls, job: Job, bag: Outline) -> Plan | None:
        """A plan without a look at the images, good enough to cut the bag; None if only such a look can tell.

        Raises ConfigError for a bag without images.
        """
        images = [topic for topic in bag.topics if is_image_topic(topic)]
        if not images and not job.anonymize:
            raise ConfigError(NO_IMAGES)
        try:
            chosen = tuple(
                choose([by_name(topic) for topic in images], job.topics, every_topic=job.anonymize)
            )
        except ConfigError:
            return None
        if not chosen:
            return None
        return cls(chosen, Reading(tuple(camera.topic for camera in chosen), (), job.span_ns(bag), job.every))

    def expected(self, reader: BagReader | Outline) -> int:
        """About how many images there are."""
        start_ns, end_ns = self.reading.span_ns
        covered_ns = min(end_ns, reader.end_ns) - max(start_ns, reader.start_ns)
        share = max(0.0, min(1.0, covered_ns / max(1, reader.end_ns - reader.start_ns)))
        return round(sum(topic.count for topic in self.reading.images) * share / self.reading.every)


def _below(reader: BagReader, names: Sequence[str], *, strict: bool) -> set[str]:
    """The topics of these names, and all below them. If `strict`, raises ConfigError for a name without any."""
    found = set()
    for name in names:
        below = {topic.name for topic in reader.topics if f"{topic.name}/".startswith(f"{name.rstrip('/')}/")}
        if strict and not below:
            raise ConfigError(f"{reader.path}: topic {name} is not in this bag")
        found |= below
    return found
