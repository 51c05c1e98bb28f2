# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Sequences in the MOTChallenge format: detections and labeled tracks as text."""

from __future__ import annotations

import configparser
import fnmatch
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.files.reading import LARGE_BYTES, read_text

_USUAL_DETECTIONS = "det.txt"
_PERSON = 1
# boxes of MOT16, MOT17 and MOT20 that a tracker neither has to find nor is blamed for: people on vehicles or behind
# glass, statues, reflections, other distractors
_IGNORED_CLASSES = (2, 7, 8, 12)
_LAST_FRAME = 10_000_000


@dataclass(frozen=True)
class Labels:
    """Labeled boxes of one frame.

    Attributes:
        ids: (G,) int64.
        boxes: (G, 4) float64 xyxy, pixels.
        counted: (G,) bool: a person that a tracker has to find.
        ignored: (G,) bool: neither to be found nor a mistake if found. Boxes that are neither counted nor ignored are
            other things, such as cars.
    """

    ids: np.ndarray
    boxes: np.ndarray
    counted: np.ndarray
    ignored: np.ndarray


@dataclass(frozen=True)
class Sequence:
    """One video as text.

    Attributes:
        name: Name of its folder.
        frame_rate: Images per second.
        width, height: Of its images, in pixels.
        detections: What the public detector found in each frame.
        labels: What it should have found.
    """

    name: str
    frame_rate: float
    width: int
    height: int
    detections: list[Detections]
    labels: list[Labels]

    def stamp_ns(self, frame: int) -> int:
        """Stamp of the frame with this index."""
        return round((frame + 1) * 1e9 / self.frame_rate)


def read_sequences(folder: Path, detections: str = "", only: str = "*") -> list[Sequence]:
    """Every sequence below `folder`, by name.

    Args:
        folder: Holds a folder per sequence, each with seqinfo.ini, gt/gt.txt and det/; or is itself such a folder.
        detections: Name of the file in det/ to read; by default det.txt if every sequence has it, otherwise the first
            name that every sequence has.
        only: Pattern of the names of sequences to read, as in a shell.

    Raises:
        ConfigError: There is no sequence, or a file is missing or not in the format.
    """
    found = sorted(info.parent for info in (*folder.glob("seqinfo.ini"), *folder.glob("*/seqinfo.ini")))
    if not found:
        raise ConfigError(
            f"{folder} holds no sequence: give a folder with MOTChallenge sequences, each with a seqinfo.ini"
        )
    homes = [home for home in found if fnmatch.fnmatchcase(home.name, only)]
    if not homes:
        raise ConfigError(
            f"no sequence in {folder} matches '{only}'; there are {', '.join(home.name for home in found)}"
        )
    name = detections or _common_detections(folder, homes)
    return [_read_sequence(home, name) for home in homes]


def _common_detections(folder: Path, homes: list[Path]) -> str:
    present = [{path.name for path in home.glob("det/*.txt")} for home in homes]
    common = set.intersection(*present)
    if not common:
        raise ConfigError(f"the sequences in {folder} have no file det/*.txt of the same name")
    return _USUAL_DETECTIONS if _USUAL_DETECTIONS in common else min(common)


def _read_sequence(home: Path, detections: str) -> Sequence:
    info = configparser.ConfigParser(interpolation=None)
    text = read_text(home / "seqinfo.ini")
    try:
        info.read_string(text)
        section = info["Sequence"]
        length, rate = int(section["seqLength"]), float(section["frameRate"])
        width, height = int(section["imWidth"]), int(section["imHeight"])
    except (KeyError, ValueError, OverflowError, configparser.Error) as error:
        raise ConfigError(f"{home / 'seqinfo.ini'} cannot be read: {error}") from error
    if not (0 < length <= _LAST_FRAME and 0 < rate < 10_000):
        raise ConfigError(f"{home / 'seqinfo.ini'}: seqLength is {length} and frameRate is {rate:g}")
    found = _read_table(home / "det" / detections, 7)
    scores = as_scores(found[:, 6])
    boxes = _corners(found)
    labeled = _read_table(home / "gt" / "gt.txt", 7)
    labeled_boxes = _corners(labeled)
    # ten columns are MOT15's, with a position in the world in place of class and visibility
    classes = labeled[:, 7] if labeled.shape[1] == 9 else np.full(len(labeled), _PERSON)
    ignored = np.isin(classes, _IGNORED_CLASSES)
    counted = (labeled[:, 6] != 0) & (classes == _PERSON)
    return Sequence(
        name=home.name,
        frame_rate=rate,
        width=width,
        height=height,
        detections=[
            Detections(boxes[rows], scores[rows], np.zeros(len(rows))) for rows in _by_frame(found, length)
        ],
        labels=[
            Labels(labeled[rows, 1].astype(np.int64), labeled_boxes[rows], counted[rows], ignored[rows])
            for rows in _by_frame(labeled, length)
        ],
    )


def as_scores(values: np.ndarray) -> np.ndarray:
    """(N,) scores of a detector as numbers in [0, 1].

    Scores beyond that range are a classifier's margins, as those of DPM: they become probabilities by the logistic
    function.
    """
    if len(values) and (values.min() < 0 or values.max() > 1):
        return 1 / (1 + np.exp(-np.clip(values, -50, 50)))
    return values


def _read_table(path: Path, columns: int) -> np.ndarray:
    """(N, at least `columns`) float64."""
    text = read_text(path, most_bytes=LARGE_BYTES)
    try:
        rows = [line.split(",") for line in text.splitlines() if line.strip()]
        table = np.array(rows, np.float64)
    except ValueError as error:
        raise ConfigError(f"{path} cannot be read as MOTChallenge text: {error}") from error
    if not len(table):
        return np.empty((0, 10))
    if table.ndim != 2 or table.shape[1] < columns:
        raise ConfigError(f"{path} has rows of fewer than {columns} numbers")
    if not np.isfinite(table).all():
        raise ConfigError(f"{path} holds numbers that are not finite")
    return table


def _corners(table: np.ndarray) -> np.ndarray:
    """(N, 4) xyxy from columns left, top, width, height; MOTChallenge counts pixels from 1."""
    corner = table[:, 2:4] - 1
    return np.concatenate([corner, corner + table[:, 4:6]], axis=1)


def _by_frame(table: np.ndarray, length: int) -> list[np.ndarray]:
    """Indices of the rows of each frame; rows of other frames are dropped."""
    frames = table[:, 0].astype(np.int64)
    order = np.argsort(frames, kind="stable")
    edges = np.searchsorted(frames[order], np.arange(1, length + 2))
    return [order[first:last] for first, last in itertools.pairwise(edges)]
