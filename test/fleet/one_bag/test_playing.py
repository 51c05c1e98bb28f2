# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Bags with depth as sources: every image with its space, at the pace of the recording or as fast as possible."""

import contextlib
import itertools
import time

import numpy as np
import pytest
from helpers.bags import CAMERA, START_NS, STEP_NS, BagMaker, write_depth_bag

from face_detect_ros.core.errors import ConfigError, ImageError, SourceError
from face_detect_ros.fleet.one_bag.playing import DepthBag


@contextlib.contextmanager
def opened(path, topic=""):
    with contextlib.closing(DepthBag(path, topic)) as bag:
        yield bag


def test_every_image_comes_once_with_its_space(tmp_path):
    with opened(write_depth_bag(tmp_path / "bag"), CAMERA) as bag:
        assert bag.has_depth
        shots = list(bag.frames(live=False))
    assert [frame.stamp_ns for frame, _ in shots] == [START_NS + number * STEP_NS for number in range(4)]
    for _, scene in shots:
        np.testing.assert_allclose(scene.depth.meters(), 1.5)
        assert scene.camera.k[0, 0] == 100.0


def test_live_it_goes_on_and_on_with_stamps_of_now(tmp_path):
    with opened(write_depth_bag(tmp_path / "bag", count=2)) as bag:
        began_ns = time.time_ns()
        shots = list(itertools.islice(bag.frames(live=True), 3))
    stamps = [frame.stamp_ns for frame, _ in shots]
    assert began_ns <= stamps[0] < stamps[1] < stamps[2] <= time.time_ns()
    assert stamps[1] - stamps[0] >= 0.9 * STEP_NS


def test_late_images_are_left_out_and_counted(tmp_path):
    with opened(write_depth_bag(tmp_path / "bag", count=4)) as bag:
        frames = bag.frames(live=True)
        next(frames)
        time.sleep(2.5 * STEP_NS * 1e-9)  # the second is late by then
        next(frames)
        assert bag.dropped >= 1


def test_a_bag_without_depth_says_so(tmp_path):
    with BagMaker(tmp_path / "bag") as bag:
        bag.image(0)
    with opened(tmp_path / "bag") as bag:
        assert not bag.has_depth


def test_a_topic_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="/none"), opened(write_depth_bag(tmp_path / "bag", 1), "/none"):
        pass


@pytest.mark.parametrize("live", [True, False])
def test_a_bag_whose_images_cannot_be_decoded_ends_with_an_error(tmp_path, monkeypatch, live):
    def damaged(self):
        raise ImageError("encoding", "damaged")

    monkeypatch.setattr("face_detect_ros.bags.images.ImageMessage.decode", damaged)
    with (
        opened(write_depth_bag(tmp_path / "bag", count=2)) as bag,
        pytest.raises(SourceError, match="no image can be decoded"),
    ):
        next(bag.frames(live=live))
