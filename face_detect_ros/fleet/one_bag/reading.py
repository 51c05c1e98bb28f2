# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The first steps of work on a bag: reading and decoding, then the networks. Each runs in a thread of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from face_detect_ros.bags.images import ImageMessage, read_image
from face_detect_ros.bags.reading import BagReader
from face_detect_ros.bags.topic import Message, Topic
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import DetectorError, ImageError
from face_detect_ros.core.frame import Frame
from face_detect_ros.fleet.one_bag.journal import Answer, ImageKey, Journal
from face_detect_ros.fleet.one_bag.scenes import Link, SceneOf, with_scenes
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.pipeline import Pipeline

Recorded = Callable[[str, ImageKey], "Answer | None"]
"""Gives the answer to a task and an image if it is known already."""


_EMPTY = np.zeros((1, 1, 1), np.uint8)


@dataclass(frozen=True, eq=False)
class Work:
    """A message on its way.

    Attributes:
        message: As it was recorded.
        key: Of the image; None for a message that is only copied.
        image: The message of the image; None if it cannot be read.
        frame: The decoded image; None if it cannot be decoded.
        scene: Gives the space that the image shows; None where there is no depth.
        answers: Of the detectors, by task.
        problem: Why there is no frame.
    """

    message: Message
    key: ImageKey | None = None
    image: ImageMessage | None = None
    frame: Frame | None = None
    scene: SceneOf | None = None
    answers: dict[str, Answer] = field(default_factory=dict)
    problem: ImageError | None = None


@dataclass(frozen=True)
class Reading:
    """Which part of a bag is read.

    Attributes:
        images: Topics whose images are processed.
        others: Topics that are copied.
        span_ns: Times of recording, the end exclusive.
        every: One image in so many of each topic.
        links: Cameras with depth.
        pixels: Whether images are decoded although all answers are known.
    """

    images: tuple[Topic, ...]
    others: tuple[Topic, ...]
    span_ns: tuple[int, int]
    every: int = 1
    links: tuple[Link, ...] = ()
    pixels: bool = True

    def part(self, span_ns: tuple[int, int]) -> Reading:
        """Only the images that were recorded in `span_ns`."""
        start_ns, end_ns = max(span_ns[0], self.span_ns[0]), min(span_ns[1], self.span_ns[1])
        return replace(self, others=(), links=(), span_ns=(start_ns, end_ns))


def read(
    reader: BagReader,
    reading: Reading,
    tasks: Sequence[str],
    recorded: Recorded,
) -> Iterator[Work]:
    """Everything in order of recording: images decoded, with the answers that are known already.

    Args:
        reader: Of the bag.
        reading: Which part of it is read.
        tasks: Whose answers are looked up.
        recorded: The known answers.
    """
    processed = {topic.key for topic in reading.images}
    numbers: Counter[str] = Counter()  # images of a topic so far
    latest: dict[str, tuple[int, int]] = {}  # time of the latest image of a topic, and how many had it
    wanted = {topic.key: topic for topic in (*reading.images, *reading.others)}
    aside = [topic for link in reading.links for topic in link.aside]
    messages = reader.messages((*wanted.values(), *aside), *reading.span_ns)
    for message, scene in with_scenes(messages, reading.links, wanted):
        if message.key not in processed:
            yield Work(message)
            continue
        topic = message.key.name
        log_ns, same = latest.get(topic, (-1, 0))
        same = same + 1 if log_ns == message.log_ns else 0
        latest[topic] = (message.log_ns, same)
        numbers[topic] += 1
        if (numbers[topic] - 1) % reading.every:
            continue
        key = ImageKey(topic, message.log_ns, same)
        answers = {task: answer for task in tasks if (answer := recorded(task, key)) is not None}
        known = None if reading.pixels or len(answers) < len(tasks) else answers[tasks[0]]
        yield _decoded(message, key, scene, answers, reader.start_ns, known)


def _decoded(
    message: Message,
    key: ImageKey,
    scene: SceneOf | None,
    answers: dict[str, Answer],
    start_ns: int,
    known: Answer | None,
) -> Work:
    """The image, or where nobody looks at it and all is `known`, an empty one of its size."""
    image: ImageMessage | None = None
    try:
        image = read_image(message.key.type, message.data)
        # images without stamps are told apart by when they were recorded
        arrival_s = (message.log_ns - start_ns) * 1e-9
        pixels = image.decode() if known is None else np.broadcast_to(_EMPTY, (*known.size, 3))
        frame = Frame(pixels, image.stamp_ns, image.frame_id, arrival_s)
    except ImageError as error:
        return Work(message, key, image, None, None, answers, error)
    return Work(message, key, image, frame, scene, answers)


def detect(
    works: Iterable[Work],
    pipelines: Mapping[str, Pipeline],
    options: Mapping[str, PipelineOptions],
    journal: Journal | None,
) -> Iterator[Work]:
    """Run the networks on the images that have no answer yet.

    Args:
        works: As `read` gives them; answers are added to them.
        pipelines: By task.
        options: By task.
        journal: Where new answers are kept; None: nowhere.

    Raises:
        OutputError: The journal cannot be written.
    """
    for work in works:
        if work.frame is not None and work.key is not None:
            for task, pipeline in pipelines.items():
                if task not in work.answers:
                    work.answers[task] = _answer(pipeline, work.frame.image, options[task])
                    if journal is not None:
                        journal.put(task, work.key, work.answers[task])
        yield work
    if journal is not None:
        journal.commit()


def _answer(pipeline: Pipeline, image: np.ndarray, options: PipelineOptions) -> Answer:
    size = (image.shape[0], image.shape[1])
    try:
        (found,), times = pipeline.detect([image], options)
    except DetectorError as error:
        return Answer(Detections.empty(), pipeline.detector.times, str(error) or "failed", size)
    return Answer(found, times, "", size)
