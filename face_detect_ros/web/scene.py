# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the page shows: the latest images, detections and reports. Written by ROS's threads, read by the server's."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from face_detect_ros.core.frame import LazyFrame

CAMERA = "camera"
"""The view that every camera has: its own images. Others, such as "anonymized", are drawn by nodes."""
REMEMBERED_S = 5.0
"""Images wait this long for their detections, ..."""
REMEMBERED_BYTES = 128_000_000
"""... as long as those of a view take no more memory, ..."""
FEWEST_REMEMBERED, MOST_REMEMBERED = 8, 100
"""... but at least and at most so many."""
ALIVE_S = 3.0
"""A detector that was silent for longer has nothing to show."""


@dataclass(frozen=True)
class Box:
    """One detection.

    Attributes:
        corners: x1, y1, x2, y2 in pixels of the original image.
        label: Class name.
        score: 0 to 1.
        track: Id of the track; empty while it has none.
        name: Who it is; empty if nobody said.
        distance_m: From the camera; None if unknown.
        center_m, size_m: Of its box in space, x, y, z along the camera's axes; None if unknown.
    """

    corners: tuple[float, float, float, float]
    label: str
    score: float
    track: str = ""
    name: str = ""
    distance_m: float | None = None
    center_m: tuple[float, float, float] | None = None
    size_m: tuple[float, float, float] | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values for the page."""
        values: dict[str, Any] = {
            "box": [round(value, 1) for value in self.corners],
            "label": self.label,
            "score": round(self.score, 3),
        }
        if self.track:
            values["track"] = self.track
        if self.name:
            values["name"] = self.name
        if self.distance_m is not None:
            values["distance_m"] = round(self.distance_m, 2)
        return values


@dataclass(frozen=True)
class Found:
    """The detections of one detector in one image."""

    stamp_ns: int
    boxes: tuple[Box, ...]
    arrival_s: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, eq=False)
class Shot:
    """An image and what was found in it.

    Attributes:
        number: Grows with every image of the process.
        view: CAMERA or the name of a drawn view.
        found: Detector -> its detections.
        selected: What is followed, as "DETECTOR TRACK"; empty for nothing.
    """

    number: int
    camera: str
    view: str
    frame: LazyFrame
    found: Mapping[str, Found] = field(default_factory=dict)
    selected: str = ""


class _Camera:
    """What is known of one camera."""

    def __init__(self) -> None:
        self.images: dict[str, deque[Shot]] = {}
        self.image_bytes = 0  # of one image; 0: not known yet
        self.found: dict[str, deque[Found]] = {}
        self.names: dict[str, Mapping[str, str]] = {}
        self.distances: dict[str, Mapping[str, float]] = {}
        self.selected = ""


class Scene:
    """The latest of everything. Safe between threads; holds a bounded number of images."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cameras: dict[str, _Camera] = {}
        self._number = 0
        self._listeners: list[Callable[[], None]] = []
        self._report: dict[str, Any] = {}
        self._report_number = 0

    # written

    def add_image(self, camera: str, view: str, frame: LazyFrame) -> None:
        """Take a new image.

        Args:
            camera: That it is from.
            view: Which of the camera's views it is, such as the annotated one.
            frame: The image, decoded only if it is shown.
        """
        with self._lock:
            self._number += 1
            here = self._camera(camera)
            images = here.images.setdefault(view, deque(maxlen=MOST_REMEMBERED))
            images.append(Shot(self._number, camera, view, frame))
            oldest_s = time.monotonic() - REMEMBERED_S
            room = REMEMBERED_BYTES // here.image_bytes if here.image_bytes else FEWEST_REMEMBERED
            while len(images) > max(room, FEWEST_REMEMBERED) or images[0].frame.arrival_s < oldest_s:
                if len(images) == 1:
                    break
                images.popleft()
        self._tell()

    def add_detections(self, camera: str, detector: str, stamp_ns: int, boxes: Sequence[Box]) -> None:
        """Take what a detector found in an image.

        Args:
            camera: That the image is from.
            detector: Its name.
            stamp_ns: Of the image.
            boxes: The detections.
        """
        with self._lock:
            here = self._camera(camera)
            here.found.setdefault(detector, deque(maxlen=MOST_REMEMBERED)).append(
                Found(stamp_ns, tuple(boxes))
            )
        self._tell()

    def set_names(self, camera: str, detector: str, names: Mapping[str, str]) -> None:
        """Say who is who.

        Args:
            camera: That the tracks belong to.
            detector: Likewise.
            names: Track -> name.
        """
        with self._lock:
            self._camera(camera).names[detector] = names
        self._tell()

    def set_distances(self, camera: str, detector: str, distances: Mapping[str, float]) -> None:
        """Say how far away tracks are.

        Args:
            camera: That the tracks belong to.
            detector: Likewise.
            distances: Track -> meters.
        """
        with self._lock:
            self._camera(camera).distances[detector] = distances
        self._tell()

    def set_selected(self, camera: str, track: str) -> None:
        """Say what is followed, as "DETECTOR TRACK"; "" for nothing."""
        with self._lock:
            here = self._camera(camera)
            changed = here.selected != track
            here.selected = track
        if changed:
            self._tell()

    def set_report(self, report: Mapping[str, Any]) -> None:
        """Replace the report that every page gets: diagnostics, cameras and the like, as JSON values."""
        with self._lock:
            self._report = dict(report)
            self._report_number += 1
        self._tell()

    def forget(self, camera: str, detector: str) -> None:
        """Drop what a detector has said of a camera: it begins anew, and its tracks are others from now on."""
        with self._lock:
            here = self._camera(camera)
            for values in (here.found, here.names, here.distances):
                values.pop(detector, None)  # type: ignore[attr-defined]
            if here.selected.partition(" ")[0] == detector:
                here.selected = ""
        self._tell()

    def set_image_size(self, camera: str, width: int, height: int) -> None:
        """Say how large the images of `camera` are, in pixels: they are decoded only when they are shown."""
        with self._lock:
            self._camera(camera).image_bytes = 3 * width * height

    def drop_view(self, camera: str, view: str) -> None:
        """Forget the images of a view that nobody looks at any more."""
        with self._lock:
            self._camera(camera).images.pop(view, None)

    # read

    def listen(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called, on any thread, after each change. Returns what ends that."""
        with self._lock:
            self._listeners.append(callback)

        def stop() -> None:
            with self._lock:
                if callback in self._listeners:
                    self._listeners.remove(callback)

        return stop

    def report(self) -> tuple[int, dict[str, Any]]:
        """The report, and a number that changes with it."""
        with self._lock:
            return self._report_number, self._report

    def newest(self, camera: str, view: str, *, in_step: bool) -> Shot | None:
        """The image to show now; None if there is none.

        Args:
            camera: Its name.
            view: One of its views.
            in_step: Show the newest image that a detector has finished, so that boxes are where things are; where
                there is none, the newest image.
        """
        with self._lock:
            here = self._cameras.get(camera)
            images = here.images.get(view) if here else None
            if here is None or not images:
                return None
            shot = images[-1]
            alive_s = time.monotonic() - ALIVE_S
            found = {
                name: list(history)
                for name, history in here.found.items()
                if history and history[-1].arrival_s >= alive_s
            }
            if in_step and found:
                leader = next(iter(sorted(found)))  # face_detector before object_detector
                done = {item.stamp_ns for item in found[leader]}
                shot = next((image for image in reversed(images) if image.frame.stamp_ns in done), shot)
            chosen = {name: _nearest(history, shot.frame.stamp_ns) for name, history in found.items()}
            return replace(
                shot,
                found={name: _completed(here, name, item) for name, item in chosen.items()},
                selected=here.selected,
            )

    def _camera(self, name: str) -> _Camera:
        return self._cameras.setdefault(name, _Camera())

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()


def _completed(camera: _Camera, detector: str, found: Found) -> Found:
    """The detections with their names and distances."""
    names, distances = camera.names.get(detector, {}), camera.distances.get(detector, {})
    boxes = tuple(
        replace(
            box,
            name=names.get(box.track, box.name),
            distance_m=distances.get(box.track, box.distance_m),
        )
        if box.track
        else box
        for box in found.boxes
    )
    return replace(found, boxes=boxes)


def _nearest(history: Sequence[Found], stamp_ns: int) -> Found:
    """The detections of the image stamped so, or of the one closest to it."""
    return min(reversed(history), key=lambda item: abs(item.stamp_ns - stamp_ns))
