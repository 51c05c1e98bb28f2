# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where results of `detect` go: lines on stdout, annotated images and videos in a folder."""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from face_detect_ros.cli.common.media import MediaFile
from face_detect_ros.core.errors import ConfigError, OutputError
from face_detect_ros.core.text import printable
from face_detect_ros.faces.gallery.people import UNKNOWN
from face_detect_ros.files.whole_file import whole_file
from face_detect_ros.pipeline.result import Result
from face_detect_ros.tracking.protocol import has_track
from face_detect_ros.viz.outlines import polygons
from face_detect_ros.viz.video import VideoFile

_SAVED_AS_THEY_ARE = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


def as_record(name: str, result: Result) -> dict[str, Any]:
    """What --json prints of one image: places in its pixels, times in milliseconds."""
    detections, identities = result.detections, result.identities
    items = []
    for index in range(len(detections)):
        item: dict[str, Any] = {
            "box": _rounded(detections.boxes[index]),
            "score": round(float(detections.scores[index]), 4),
            "class": result.labels[int(detections.class_ids[index])],
        }
        if has_track(detections)[index] and detections.track_ids is not None:
            item["track"] = int(detections.track_ids[index])
        if detections.landmarks is not None:
            item["landmarks"] = [_rounded(point) for point in detections.landmarks[index]]
            item["landmark_set"] = detections.landmark_set
        if detections.keypoints is not None:
            item["keypoints"] = [_rounded(point) for point in detections.keypoints[index]]
        if detections.masks is not None:
            item["polygons"] = polygons(detections.masks, index)
        if identities is not None:
            match = identities[index]
            distance = round(match.distance, 4) if math.isfinite(match.distance) else None
            item["identity"] = {"name": match.name or UNKNOWN, "distance": distance}
        items.append(item)
    times = result.times
    ms = {"pre": times.pre_ms, "network": times.network_ms, "post": times.post_ms}
    return {"image": name, "detections": items, "ms": {stage: round(value, 2) for stage, value in ms.items()}}


def print_lines(record: dict[str, Any]) -> None:
    """Print what `print_json` does for people: a line for the image and one per detection. Raises BrokenPipeError."""
    items = record["detections"]
    total_ms = sum(record["ms"].values())
    lines = [f"{record['image']}: {len(items) or 'no'} detection{'s' * (len(items) != 1)}, {total_ms:.0f} ms"]
    for item in items:
        left, top, right, bottom = (round(value) for value in item["box"])
        size = f"{right - left} x {bottom - top}"
        what = item["identity"]["name"] if "identity" in item else item["class"]
        if "track" in item:
            what = f"#{item['track']} {what}"
        lines.append(f"  {what:<16} {item['score']:.2f}  {size:>11} px at ({left}, {top})")
    # names come from outside: of files, topics, models and people
    sys.stdout.write("".join(f"{printable(line)}\n" for line in lines))
    sys.stdout.flush()


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 2) for value in values]


class OutputFolder:
    """Annotated images and videos under one folder, laid out as their inputs."""

    def __init__(self, folder: Path, media: Sequence[MediaFile]) -> None:
        """Raises ConfigError if nothing can be written there or a result would replace its own input."""
        self._inputs = {_identity(item.path) for item in media} - {None}
        self._taken: dict[Path, int] = {}  # name -> the highest number that was added to it
        # by input and camera; an input named twice has one result
        self._targets: dict[tuple[MediaFile, str], Path] = {}
        for item in dict.fromkeys(media):
            self._targets[item, ""] = self._take(folder / _target_name(item))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise ConfigError(f"{folder}: cannot be written to: {error.strerror or error}") from error

    def save_image(self, item: MediaFile, image: np.ndarray) -> Path:
        """Write (H, W, 3) RGB `image` as the result of `item`. Raises OutputError."""
        target = self._prepare(item)
        try:
            good, data = cv2.imencode(target.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        except cv2.error as error:  # JPEG and WebP have a largest size
            raise OutputError(
                f"{target}: cannot be encoded: {' '.join(str(error.err or error).split())}"
            ) from error
        if not good:
            raise OutputError(f"{target}: cannot be encoded")
        try:
            with whole_file(target) as beside:
                beside.write_bytes(data.tobytes())
        except OSError as error:
            raise OutputError(f"{target}: {error.strerror or error}") from error
        return target

    def open_video(self, item: MediaFile, rate_hz: float, camera: str = "") -> VideoFile:
        """A video for the results of `item`, or of one camera of several in it. Raises OutputError."""
        return VideoFile(self._prepare(item, camera), rate_hz)

    def _prepare(self, item: MediaFile, camera: str = "") -> Path:
        if (item, camera) not in self._targets:
            target = self._targets[item, ""]
            try:
                target = self._take(
                    target.with_name(f"{target.stem}{camera.replace('/', '-')}{target.suffix}")
                )
            except ConfigError as error:
                raise OutputError(str(error)) from error
            self._targets[item, camera] = target
        target = self._targets[item, camera]
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{target.parent}: {error.strerror or error}") from error
        return target

    def _take(self, target: Path) -> Path:
        """`target`, or target-2, target-3, ... where another result has that name. Raises ConfigError for an input."""
        number, candidate = self._taken.get(target, 1), target
        while candidate in self._taken:
            number += 1
            candidate = target.with_name(f"{target.stem}-{number}{target.suffix}")
        if _identity(candidate) in self._inputs:
            raise ConfigError(
                f"{candidate.parent}: would replace the input {candidate}; choose another folder"
            )
        self._taken[candidate] = 1
        self._taken[target] = number
        return candidate


def _identity(path: Path) -> tuple[int, int] | None:
    """The same for all names of a file or folder; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _target_name(item: MediaFile) -> Path:
    if item.live:
        return item.relative
    if item.is_bag:
        return item.relative.with_name(f"{item.relative.name}.mp4")
    if item.is_video:
        return item.relative.with_suffix(".mp4")
    if item.relative.suffix.lower() in _SAVED_AS_THEY_ARE:
        return item.relative
    return item.relative.with_suffix(".png")
