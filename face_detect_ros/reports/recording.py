# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a bag says about people and things: who was seen when, how well, and how fast."""

from __future__ import annotations

import contextlib
import math
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from face_detect_ros.bags.cameras import cameras, choose
from face_detect_ros.bags.finding import is_bag
from face_detect_ros.bags.images import camera_name, is_image_topic, read_image
from face_detect_ros.bags.reading import BagReader
from face_detect_ros.bags.topic import Message
from face_detect_ros.bags.types import stamp_ns, standard_types
from face_detect_ros.core.errors import ConfigError, ImageError
from face_detect_ros.faces.gallery.people import UNKNOWN
from face_detect_ros.files.looking import is_file
from face_detect_ros.images.resizing import for_eyes
from face_detect_ros.reports.charts import Span

DETECTIONS = "vision_msgs/msg/Detection2DArray"
DIAGNOSTICS = "diagnostic_msgs/msg/DiagnosticArray"
MOST_TRACKS = 60
"""Tracks with an image, the ones that were seen longest."""
THUMBNAIL_PX = 160
_RESULTS = "results.sqlite3"
_GAP_S = 1.0  # something that is missing for longer was away
_MARGIN = 0.3  # shown around a box, in its sizes
_ODD_LATENCY_S = 3600.0  # stamps of another clock


@dataclass
class Track:
    """One thing that was followed.

    Attributes:
        detector: Topic of its detections.
        id: Of the track; empty for detections without one, of a class together.
        label: Its class.
        times_s: When it was seen, since the start of the bag.
        names: Who it was taken for, how often.
        best: Its best detection: score, stamp_ns, corners in pixels.
        image: (H, W, 3) uint8 RGB: its best look; None if the bag has none.
    """

    detector: str
    id: str
    label: str
    times_s: list[float] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)
    best: tuple[float, int, tuple[float, float, float, float]] | None = None
    image: np.ndarray | None = None

    @property
    def name(self) -> str:
        """Who it is; empty for somebody unknown."""
        known = [(count, name) for name, count in self.names.items() if name != UNKNOWN]
        return max(known)[1] if known else ""

    @property
    def spans(self) -> list[Span]:
        """When it was there."""
        return spans(self.times_s)


@dataclass
class Detector:
    """What one detector did. Times are in seconds since the start of the bag.

    Attributes:
        images: Images that it answered for.
        detections: Of all of them.
        latency_ms: (time, stamp of the image to detections recorded).
    """

    images: int = 0
    detections: int = 0
    times_s: list[float] = field(default_factory=list)
    latency_ms: list[tuple[float, float]] = field(default_factory=list)


@dataclass
class Recorded:
    """A bag in figures.

    Attributes:
        counts: Topic -> messages.
        detectors: Topic of detections -> what it did.
        figures: Node -> figure of its diagnostics -> (time, value).
        reports: (time, node, message) of warnings and errors, each once.
        problems: What could not be read.
    """

    path: Path
    duration_s: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    images: int = 0
    detectors: dict[str, Detector] = field(default_factory=dict)
    tracks: list[Track] = field(default_factory=list)
    figures: dict[str, dict[str, list[tuple[float, float]]]] = field(default_factory=dict)
    reports: list[tuple[float, str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_recording(path: Path, *, images: bool = True) -> Recorded:
    """Read a bag once for its detections and, if asked for, once more for images of the tracks.

    Args:
        path: The bag.
        images: Whether images are wanted.

    Raises:
        SourceError: Nothing of it can be read.
        ConfigError: It is not a bag, or holds no detections.
    """
    with BagReader(path) as reader:
        found = Recorded(path, reader.duration_s, {topic.name: topic.count for topic in reader.topics})
        wanted = [topic for topic in reader.topics if topic.type in (DETECTIONS, DIAGNOSTICS)]
        if not any(topic.type == DETECTIONS for topic in wanted):
            raise ConfigError(f"{path}: holds no detections; make some: face_detect_ros bag {path} OUT")
        counted = choose(cameras(reader), ()) if any(map(is_image_topic, reader.topics)) else []
        found.images = sum(camera.topic.count for camera in counted)
        gathered = _Gathered(found)
        for message in reader.messages(wanted):
            time_s = (message.log_ns - reader.start_ns) * 1e-9
            content = _content(message, found)
            if content is not None:
                gathered.add(message, time_s, content)
        found.tracks = gathered.tracks()
        if images:
            _add_images(reader, found)
        found.problems += reader.problems
    # never for an anonymized copy, which has images: those of its source show people
    source = None if any(map(is_image_topic, reader.topics)) else _source_of(path)
    if source is not None:
        with BagReader(source) as reader:
            found.images = sum(camera.topic.count for camera in choose(cameras(reader), ()))
            if images:
                _add_images(reader, found)
            found.problems += reader.problems
    return found


def _source_of(path: Path) -> Path | None:
    """The bag with the images, where `path` has only results of `face_detect_ros bag`; None if it is not there."""
    results = path / _RESULTS
    if not is_file(results):
        return None
    try:
        with contextlib.closing(
            sqlite3.connect(f"{results.absolute().as_uri()}?mode=ro", uri=True)
        ) as database:
            rows = database.execute("SELECT DISTINCT bag FROM images").fetchall()
    except sqlite3.Error:
        return None
    found = [Path(bag) for (bag,) in rows if is_bag(Path(bag))]
    return found[0] if len(found) == 1 else None


def spans(times_s: list[float]) -> list[Span]:
    """Times, in order, as spans without long gaps."""
    joined: list[Span] = []
    for time_s in times_s:
        if joined and time_s - joined[-1].end <= _GAP_S:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, time_s))
        else:
            joined.append(Span(time_s, time_s))
    return joined


class _Gathered:
    """Detections of a bag by their tracks."""

    def __init__(self, found: Recorded) -> None:
        self._found = found
        self._tracks: dict[tuple[str, str, str], Track] = {}
        self._names: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._said: set[tuple[str, str]] = set()

    def add(self, message: Message, time_s: float, content: Any) -> None:
        topic = message.key.name
        if message.key.type == DIAGNOSTICS:
            self._add_diagnostics(time_s, content)
        elif topic.endswith("/identities"):
            for detection in content.detections:
                if detection.id and detection.results:
                    name = detection.results[0].hypothesis.class_id
                    self._names[topic.removesuffix("identities"), detection.id][name] += 1
        elif topic.endswith("detections"):
            self._add_detections(topic, message.log_ns, time_s, content)

    def tracks(self) -> list[Track]:
        """Every track, the longest first."""
        faces = {f"{prefix}detections" for prefix, _ in self._names}
        for track in self._tracks.values():
            track.names = self._names[track.detector.removesuffix("detections"), track.id]
        kept = [
            track
            for track in self._tracks.values()
            # an object detector sees them too
            if not faces or track.label != "face" or track.detector in faces
        ]
        return sorted(kept, key=lambda track: -len(track.times_s))

    def _add_detections(self, topic: str, log_ns: int, time_s: float, content: Any) -> None:
        detector = self._found.detectors.setdefault(topic, Detector())
        stamp = stamp_ns(content.header)
        detector.images += 1
        detector.detections += len(content.detections)
        detector.times_s.append(time_s)
        if abs(log_ns - stamp) < _ODD_LATENCY_S * 1e9:
            detector.latency_ms.append((time_s, (log_ns - stamp) / 1e6))
        for detection in content.detections:
            if not detection.results:
                continue
            best = detection.results[0].hypothesis
            key = (topic, detection.id, best.class_id)
            track = self._tracks.setdefault(key, Track(topic, detection.id, best.class_id))
            if not track.times_s or track.times_s[-1] != time_s:
                track.times_s.append(time_s)
            if track.best is None or best.score > track.best[0]:
                center, box = detection.bbox.center.position, detection.bbox
                half = (box.size_x / 2, box.size_y / 2)
                corners = (center.x - half[0], center.y - half[1], center.x + half[0], center.y + half[1])
                track.best = (best.score, stamp, corners)

    def _add_diagnostics(self, time_s: float, content: Any) -> None:
        for status in content.status:
            figures = self._found.figures.setdefault(status.name, {})
            for item in status.values:
                try:
                    value = float(item.value)
                except ValueError:
                    continue
                if math.isfinite(value):
                    figures.setdefault(item.key, []).append((time_s, value))
            level = status.level[0] if isinstance(status.level, bytes) else int(status.level)
            if level and (status.name, status.message) not in self._said:
                self._said.add((status.name, status.message))
                self._found.reports.append((time_s, status.name, status.message))


def _content(message: Message, found: Recorded) -> Any:
    """The deserialized message; None, and a problem, if it is damaged."""
    from rosbags.serde import SerdeError

    try:
        return standard_types().deserialize_cdr(message.data, message.key.type)
    except (SerdeError, AssertionError, IndexError, ValueError) as error:
        found.problems.append(f"a message of {message.key.name} is damaged: {' '.join(str(error).split())}")
        return None


def _add_images(reader: BagReader, found: Recorded) -> None:
    """Give the longest tracks the image of their best detection."""
    sources = choose(cameras(reader), ()) if any(map(is_image_topic, reader.topics)) else []
    wanted: dict[int, list[Track]] = defaultdict(list)
    for track in [track for track in found.tracks if track.best and (track.id or track.name)][:MOST_TRACKS]:
        assert track.best is not None
        wanted[track.best[1]].append(track)
    if not sources or not wanted:
        return
    types = {camera.topic.name: camera.topic.type for camera in sources}
    for message in reader.messages([camera.topic for camera in sources]):
        try:
            image = read_image(types[message.key.name], message.data)
            mine = list(_of_camera(wanted.get(image.stamp_ns, ()), message.key.name, len(sources)))
            if mine:
                pixels = image.decode()
        except ImageError:
            continue
        for track in mine:
            assert track.best is not None
            track.image = thumbnail(pixels, track.best[2])


def _of_camera(tracks: Any, image_topic: str, count: int) -> Iterator[Track]:
    """The tracks that were seen by the camera of `image_topic`, one of `count`."""
    name = camera_name(image_topic)
    for track in tracks:
        if count == 1 or name in track.detector.strip("/").split("/"):
            yield track


def thumbnail(image: np.ndarray, corners: tuple[float, float, float, float]) -> np.ndarray | None:
    """A small image of what is in a box, with a little around it; None for a box without pixels.

    Args:
        image: (H, W, 3) uint8 RGB.
        corners: x1, y1, x2, y2 in pixels.
    """
    x1, y1, x2, y2 = corners
    wide, high = (x2 - x1) * _MARGIN, (y2 - y1) * _MARGIN
    height, width = image.shape[:2]
    left, right = (round(min(max(value, 0), width)) for value in (x1 - wide, x2 + wide))
    top, bottom = (round(min(max(value, 0), height)) for value in (y1 - high, y2 + high))
    part = image[top:bottom, left:right]
    if part.size == 0:
        return None
    scale = min(1.0, THUMBNAIL_PX / max(part.shape[:2]))
    size = max(1, round(part.shape[0] * scale)), max(1, round(part.shape[1] * scale))
    return np.ascontiguousarray(for_eyes(np.ascontiguousarray(part), size))
