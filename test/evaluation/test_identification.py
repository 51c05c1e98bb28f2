# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""False accepts and rejects by gallery size."""

import json

import cv2
import numpy as np
import pytest
from helpers.galleries import at_distance, faces
from skimage.data import astronaut
from typer.testing import CliRunner

from face_detect_ros.cli.app import app
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.evaluation.identification import evaluate_identification, person_folders, rates
from face_detect_ros.faces.align import face_chips
from face_detect_ros.faces.matching import MatchOptions


def people(distance: float, count: int = 60):
    """Three looks each, this far apart."""
    names, looks = [], []
    for number, face in enumerate(faces(count)):
        for seed in range(3):
            names.append(f"{number:03d}")
            looks.append(at_distance(face, distance / np.sqrt(2), 3 * number + seed))
    return names, np.array(looks)


def test_people_who_are_easy_to_tell_apart():
    found = rates(*people(0.2), 10, MatchOptions())
    assert (found.people, found.false_accept, found.false_reject, found.wrong_name) == (10, 0.0, 0.0, 0.0)
    assert found.strangers >= 6000
    assert found.enrolled >= 2000


def test_people_who_change_too_much_are_rejected():
    found = rates(*people(0.65), 10, MatchOptions())
    assert found.false_reject > 0.9
    assert found.false_accept == 0.0


def test_strangers_who_equal_somebody_are_accepted():
    looks = np.tile(faces(1), (40, 1))
    found = rates([f"{number}" for number in range(40)], looks, 1, MatchOptions())
    assert found.false_accept == 1.0
    assert found.false_reject is None  # nobody has a second image


def test_it_is_the_same_every_time():
    assert rates(*people(0.6), 20, MatchOptions()) == rates(*people(0.6), 20, MatchOptions())


@pytest.mark.parametrize("size", [0, 60, 100])
def test_sizes_that_cannot_be(size):
    with pytest.raises(ConfigError, match="cannot be drawn"):
        rates(*people(0.2), size, MatchOptions())


class WholeImage:
    """Takes every image that is not black for a face."""

    def detect(self, images, options):
        (image,) = images
        if not image.any():
            return [Detections.empty()]
        side = image.shape[0]
        landmarks = [[[0.7, 0.4], [0.6, 0.4], [0.3, 0.4], [0.4, 0.4], [0.5, 0.6]]]
        return [Detections([[0, 0, side, side]], [0.9], [0], landmarks=np.array(landmarks) * side)]


class ByColor:
    """The embedding is one of `faces` by the image's mean."""

    def chips(self, image, faces):
        return face_chips(image, faces.landmarks)

    def embed(self, chips):
        return faces(256)[[round(float(chip[60:90, 60:90].mean())) for chip in chips]]


def test_a_folder(tmp_path):
    for number in range(1, 13):
        for index in range(3):
            path = tmp_path / f"person {number}" / f"{index}.png"
            path.parent.mkdir(exist_ok=True)
            cv2.imwrite(str(path), np.full((64, 64, 3), 20 * number * (index < 2), np.uint8))
    steps = []
    found = evaluate_identification(
        tmp_path, WholeImage(), ByColor(), DetectOptions(), MatchOptions(), 0.6, lambda: steps.append(1)
    )
    assert len(steps) == 36
    assert (found["people"], found["images"], found["without_face"]) == (12, 24, 12)
    (size,) = found["sizes"]
    assert (size["people"], size["false_accept"], size["false_reject"]) == (10, 0.0, 0.0)
    assert len(found["nearest_only"]) == 1


def test_folders_without_people(tmp_path):
    with pytest.raises(ConfigError, match="folder per person"):
        person_folders(tmp_path)
    with pytest.raises(ConfigError, match="No such file"):
        person_folders(tmp_path / "missing")
    (tmp_path / "A").mkdir()
    cv2.imwrite(str(tmp_path / "A" / "1.png"), astronaut()[:50, :50])
    with pytest.raises(ConfigError, match="shows 1 people"):
        evaluate_identification(tmp_path, WholeImage(), ByColor(), DetectOptions(), MatchOptions(), 0.6)


def test_the_command_goes_by_the_distances_of_its_embedder(tmp_path, monkeypatch):
    """Looks of one person are 0.75 apart: near for SFace, far for dlib's network."""
    for number in range(1, 13):
        for index in range(2):
            path = tmp_path / f"person {number}" / f"{index}.png"
            path.parent.mkdir(exist_ok=True)
            cv2.imwrite(str(path), np.full((64, 64, 3), 20 * number + index, np.uint8))

    class Apart(ByColor):
        device = "cpu"

        def embed(self, chips):
            values = [round(float(chip[60:90, 60:90].mean())) for chip in chips]
            looks = [
                at_distance(faces(13)[value // 20], 0.75 / np.sqrt(2), seed)
                for seed, value in enumerate(values)
            ]
            return np.array(looks)

        def close(self):
            pass

    class Finder(WholeImage):
        def close(self):
            pass

    monkeypatch.setattr("face_detect_ros.faces.embedders.catalogue.create", lambda *_: Apart())
    monkeypatch.setattr("face_detect_ros.detectors.catalogue.create", lambda *_, **__: Finder())
    rejected = {}
    for embedder in ("dlib", "sface"):
        command = ["evaluate", "identification", "--images", tmp_path, "--embedder", embedder, "--json"]
        found = json.loads(CliRunner().invoke(app, [str(word) for word in command]).stdout)
        rejected[embedder] = [found[rule][0]["false_reject"] for rule in ("sizes", "nearest_only")]
    assert rejected == {"dlib": [1.0, 1.0], "sface": [0.0, 0.0]}
