# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""HOTA, CLEAR MOT and identity measures: worked examples, and the values of TrackEval."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers.paths import SHARED

from face_detect_ros.evaluation.tracking.comparison import compare
from face_detect_ros.evaluation.tracking.measures import Counts, count, total
from face_detect_ros.evaluation.tracking.sequences import Labels, read_sequences

MOT = SHARED / "mot"
Frame = dict[int, float]  # id -> left edge of a box of 10 x 10 px


def boxes(frame: Frame) -> np.ndarray:
    return np.array([(left, 0, left + 10, 10) for left in frame.values()], np.float64).reshape(-1, 4)


def measure(labels: list[Frame], tracks: list[Frame], ignored: tuple[int, ...] = ()) -> Counts:
    truth = [
        Labels(
            np.array(list(frame), np.int64),
            boxes(frame),
            counted=np.array([id_ not in ignored for id_ in frame], bool),
            ignored=np.array([id_ in ignored for id_ in frame], bool),
        )
        for frame in labels
    ]
    return count(compare(truth, [(np.array(list(frame), np.int64), boxes(frame)) for frame in tracks]))


ALONE: list[Frame] = [{1: 0.0}] * 4


@pytest.mark.parametrize(
    ("labels", "tracks", "expected"),
    [
        pytest.param(
            ALONE,
            [{7: 0.0}] * 4,
            {"HOTA": 100, "DetA": 100, "AssA": 100, "MOTA": 100, "IDF1": 100, "FP": 0, "FN": 0, "IDSW": 0},
            id="perfect",
        ),
        pytest.param(
            ALONE,
            [{}] * 4,
            {"HOTA": 0, "MOTA": 0, "IDF1": 0, "FP": 0, "FN": 4, "IDSW": 0},
            id="nothing found",
        ),
        pytest.param([{}] * 4, [{7: 0.0}] * 4, {"HOTA": 0, "IDF1": 0, "FP": 4, "FN": 0}, id="nothing there"),
        pytest.param(
            ALONE,
            [{7: 0.0}, {7: 0.0}, {8: 0.0}, {8: 0.0}],
            # each box: 2 of 4 frames of its label have its track
            {"DetA": 100, "AssA": 50, "HOTA": 100 * 0.5**0.5, "MOTA": 75, "IDF1": 50, "IDSW": 1},
            id="a switch in the middle",
        ),
        pytest.param(
            ALONE,
            [{7: 0.0}, {}, {}, {7: 0.0}],
            {"DetA": 50, "AssA": 50, "HOTA": 50, "MOTA": 50, "IDF1": 100 * 4 / 6, "FN": 2, "IDSW": 0},
            id="missed for a while",
        ),
        pytest.param(
            [{1: 0.0, 2: 100.0}] * 2,
            [{7: 0.0, 8: 100.0}, {7: 100.0, 8: 0.0}],
            {"DetA": 100, "AssA": 100 / 3, "MOTA": 50, "IDF1": 50, "IDSW": 2},
            id="two swapped",
        ),
        pytest.param(
            ALONE,
            [{7: 3.0}] * 4,  # IoU 0.54: found at 10 of the 19 overlaps
            {"DetA": 1000 / 19, "AssA": 1000 / 19, "HOTA": 1000 / 19, "MOTA": 100, "IDF1": 100},
            id="half beside",
        ),
    ],
)
def test_worked_examples(labels: list[Frame], tracks: list[Frame], expected: dict[str, float]) -> None:
    figures = measure(labels, tracks).figures()
    assert {name: figures[name] for name in expected} == pytest.approx(expected)


def test_what_is_ignored_neither_counts_nor_is_a_mistake() -> None:
    counts = measure([{1: 0.0, 2: 50.0}] * 3, [{7: 0.0, 8: 50.0}] * 3, ignored=(2,))
    assert counts.figures()["HOTA"] == pytest.approx(100)
    assert (counts.label_boxes, counts.track_boxes) == (3, 3)


def test_counts_of_sequences_add_up() -> None:
    good, bad = measure(ALONE, [{7: 0.0}] * 4), measure(ALONE, [{}] * 4)
    figures = total([good, bad]).figures()
    assert figures["MOTA"] == pytest.approx(50)
    assert figures["IDF1"] == pytest.approx(100 * 8 / 12)
    assert figures["HOTA"] == pytest.approx(100 * 0.5**0.5)


@pytest.mark.skipif(not (MOT / "reference").is_dir(), reason="needs ../shared/data/mot")
def test_real_tracks_measure_as_in_trackeval() -> None:
    reference = json.loads((MOT / "reference" / "trackeval_reference.json").read_text())["MOT15"]
    counts = []
    for sequence in read_sequences(MOT / "MOT15"):
        table = np.loadtxt(MOT / "reference" / "MOT15" / f"{sequence.name}.txt", delimiter=",", ndmin=2)
        tracks = []
        for frame in range(1, len(sequence.labels) + 1):
            rows = table[table[:, 0] == frame]
            corner = rows[:, 2:4] - 1
            tracks.append(
                (rows[:, 1].astype(np.int64), np.concatenate([corner, corner + rows[:, 4:6]], axis=1))
            )
        counts.append(count(compare(sequence.labels, tracks)))
        figures = counts[-1].figures()
        assert figures == pytest.approx({name: reference[sequence.name][name] for name in figures}, abs=0.006)
    combined = total(counts).figures()
    assert combined == pytest.approx({name: reference["COMBINED_SEQ"][name] for name in combined}, abs=0.006)
