# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A tracker on labeled sequences: runs it, and puts the figures together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from face_detect_ros.core.errors import OutputError
from face_detect_ros.evaluation.tracking.comparison import compare
from face_detect_ros.evaluation.tracking.measures import Counts, count, total
from face_detect_ros.evaluation.tracking.sequences import Sequence
from face_detect_ros.tracking.protocol import Tracker, has_track


@dataclass(frozen=True)
class TrackedSequence:
    """What a tracker made of one sequence.

    Attributes:
        frames: Indices of the frames that it was given.
        tracks: (K,) ids and (K, 4) float32 xyxy boxes of each of them.
        seconds: Processor time that the tracker took.
    """

    frames: range
    tracks: list[tuple[np.ndarray, np.ndarray]]
    seconds: float


def track(sequence: Sequence, tracker: Tracker, score_threshold: float, every: int = 1) -> TrackedSequence:
    """Collect everything that a tracker gives an id to.

    Args:
        sequence: Provides the detections.
        tracker: A new one.
        score_threshold: Lowest score that starts a track.
        every: 1 uses all frames, 2 every second one, as on a slower computer.
    """
    frames = range(0, len(sequence.detections), every)
    tracks = []
    seconds = 0.0
    for frame in frames:
        started = time.thread_time()
        found = tracker.update(
            sequence.detections[frame], sequence.stamp_ns(frame), score_threshold=score_threshold
        )
        seconds += time.thread_time() - started
        known = has_track(found)
        tracks.append((np.asarray(found.track_ids)[known], found.boxes[known]))
    return TrackedSequence(frames, tracks, seconds)


def evaluate_tracker(
    sequences: Iterable[Sequence],
    make: Callable[[], Tracker],
    *,
    score_threshold: float,
    every: int = 1,
    results: Path | None = None,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Run a tracker on labeled sequences and compute HOTA, MOTA, IDF1 in percent and ID switches, among others.

    Args:
        sequences: Labeled sequences.
        make: Makes a new tracker; called for each sequence.
        score_threshold: Lowest score that starts a track.
        every: See `track`.
        results: Folder for a file of tracks per sequence, in the MOTChallenge format; None writes nothing.
        advance: Called after each sequence.

    Returns:
        {"sequences": {name: figures}, "combined": figures}.
    """
    counts: dict[str, Counts] = {}
    images, seconds = 0, 0.0
    for sequence in sequences:
        tracked = track(sequence, make(), score_threshold, every)
        counts[sequence.name] = count(
            compare([sequence.labels[frame] for frame in tracked.frames], tracked.tracks)
        )
        images, seconds = images + len(tracked.frames), seconds + tracked.seconds
        if results is not None:
            _write(results / f"{sequence.name}.txt", _as_text(tracked))
        advance()
    combined = {**_rounded(total(counts.values())), "images_per_s": round(images / max(seconds, 1e-9))}
    return {"sequences": {name: _rounded(one) for name, one in counts.items()}, "combined": combined}


def _rounded(counts: Counts) -> dict[str, float]:
    return {name: round(value, 2) for name, value in counts.figures().items()}


def _write(path: Path, text: str) -> None:
    """Write a new file in place of one that is there, and of a link. Raises OutputError."""
    try:
        path.unlink(missing_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error


def _as_text(tracked: TrackedSequence) -> str:
    """frame, id, left, top, width, height, 1, -1, -1, -1; frames and pixels count from 1."""
    lines = []
    for frame, (ids, boxes) in zip(tracked.frames, tracked.tracks, strict=True):
        for number, (left, top, right, bottom) in zip(
            ids.tolist(), boxes.astype(np.float64).tolist(), strict=True
        ):
            size = f"{right - left:.3f},{bottom - top:.3f}"
            lines.append(f"{frame + 1},{number},{left + 1:.3f},{top + 1:.3f},{size},1,-1,-1,-1\n")
    return "".join(lines)
