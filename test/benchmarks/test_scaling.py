# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`bench scaling`."""

from __future__ import annotations

from face_detect_ros.benchmarks import scaling
from face_detect_ros.faces.matching import match
from face_detect_ros.faces.options import MatchOptions


def test_a_row_for_each_size_number_of_faces_and_of_people_and_cameras() -> None:
    rows = scaling.run(sizes=((160, 120),), faces=(2,), people=(10,), cameras=(1, 2), repeats=1)
    kinds = [row.name.partition(":")[0] for row in rows]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "pixels": 2,
        "faces in an image": 2,
        "people in the gallery": 2,
        "cameras": 4,
    }
    assert all(row.ours > 0 for row in rows)


def test_the_gallery_knows_its_people_and_no_stranger() -> None:
    known, (somebody, stranger) = scaling.gallery(300)
    found = match([somebody, stranger], known, MatchOptions())
    assert found[0].nearest == "000000"
    assert found[1].name is None
