# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Bags as a source, and as what `detect` works on."""

import json

import numpy as np
import pytest
from helpers.bags import CAMERA, START_NS, STEP_NS, BagMaker, camera_bag, image_message, picture
from helpers.detectors import create_quick
from typer.testing import CliRunner

from face_detect_ros.bags.images import IMAGE
from face_detect_ros.cli.app import app
from face_detect_ros.core.errors import ConfigError, SourceError
from face_detect_ros.sources.opening import open_source
from face_detect_ros.sources.options import SourceOptions


def images(source, most=100):
    found = []
    while len(found) < most and (capture := source.read()) is not None:
        found.append(capture.image)
    source.close()
    return found


def test_a_bag_gives_its_images_at_its_rate(tmp_path):
    bag = camera_bag(tmp_path / "bag", 5)
    source = open_source(SourceOptions(str(bag), loop=False))
    assert not source.live
    assert source.rate_hz == pytest.approx(10.0, rel=0.05)
    found = images(source)
    assert len(found) == 5
    assert all(np.array_equal(image, picture(number)) for number, image in enumerate(found))


def test_it_starts_again_and_is_resized(tmp_path):
    bag = camera_bag(tmp_path / "bag", 2)
    found = images(open_source(SourceOptions(str(bag / "bag.mcap"), width=80)), 5)
    assert [image.shape for image in found] == [(48, 80, 3)] * 5
    assert np.array_equal(found[0], found[2])
    assert not np.array_equal(found[0], found[1])


def test_one_of_several_cameras_is_chosen(tmp_path):
    with BagMaker(tmp_path / "bag") as bag:
        for number in range(3):
            bag.image(number, "/front/image_raw")
        bag.image(7, "/rear/image_raw")
    with pytest.raises(ConfigError, match=r"several cameras.*#/front/image_raw"):
        open_source(SourceOptions(str(tmp_path / "bag")))
    [found] = images(open_source(SourceOptions(f"{tmp_path / 'bag'}#/rear/image_raw", loop=False)))
    assert np.array_equal(found, picture(7))
    with pytest.raises(ConfigError, match=r"left has no images"):
        open_source(SourceOptions(f"{tmp_path / 'bag'}#/left"))


def test_damaged_images_are_passed_over_with_a_warning(tmp_path):
    with BagMaker(tmp_path / "bag") as bag:
        bag.image(0)
        bag.write(CAMERA, IMAGE, START_NS + STEP_NS, image_message(picture(1), START_NS)[:-500])
        bag.image(2)
    told = []
    assert len(images(open_source(SourceOptions(str(tmp_path / "bag"), loop=False), told.append))) == 2
    assert "is left out" in told[0]


def test_a_bag_without_images_is_refused(tmp_path):
    bag = camera_bag(tmp_path / "bag", 0)
    with pytest.raises(SourceError, match="no topic with images"):
        open_source(SourceOptions(str(bag)))


def test_detect_tracks_through_each_camera_of_a_bag(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "face_detect_ros.detectors.catalogue.create", lambda *args, **options: create_quick("")
    )
    (tmp_path / "in").mkdir()
    with BagMaker(tmp_path / "in" / "bag") as bag:
        for number in range(2):
            bag.image(number, "/front/image_raw")
            bag.image(number, "/rear/image_raw", compressed=True)
    done = CliRunner().invoke(
        app, ["detect", "--json", "--save", str(tmp_path / "out"), str(tmp_path / "in")]
    )
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    name = tmp_path / "in" / "bag"
    assert [line["image"] for line in lines] == [
        f"{name}#/{camera}/image_raw#{number}" for camera in ("front", "rear") for number in range(2)
    ]
    assert [line["detections"][0]["track"] for line in lines] == [1, 1, 1, 1]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "bag-front-image_raw.mp4",
        "bag-rear-image_raw.mp4",
    ]
    # one of them
    done = CliRunner().invoke(
        app, ["detect", "--json", "--save", str(tmp_path / "one"), f"{name}/#/rear/image_raw"]
    )
    assert done.exit_code == 0, done.output
    assert [json.loads(line)["image"] for line in done.stdout.splitlines()] == [
        f"{name}#/rear/image_raw#{number}" for number in range(2)
    ]
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["bag-rear-image_raw.mp4"]
    done = CliRunner().invoke(app, ["detect", f"{name}#/left"])
    assert done.exit_code == 2
    assert "left has no images" in done.stderr
