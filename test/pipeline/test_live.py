# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A source through pipelines as it comes."""

import cv2
import numpy as np
import pytest
from helpers.detectors import ScriptedDetector, picture

from face_detect_ros.core.errors import SourceError
from face_detect_ros.core.frame import Frame
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.depth.camera_model import CameraModel
from face_detect_ros.depth.image import DepthImage
from face_detect_ros.depth.scene import Scene
from face_detect_ros.pipeline.live import opened, run_each, run_live
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.recipe import Recipe
from face_detect_ros.pipeline.stages.locate import Locate
from face_detect_ros.sources.options import SourceOptions


@pytest.fixture(scope="module")
def pipelines():
    with Recipe(task="faces", model="dlib_hog").build() as pipeline:
        yield {"one": pipeline, "two": pipeline}


def test_every_pipeline_sees_the_newest_images_until_the_source_ends(pipelines, tmp_path):
    for number in range(5):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((80, 100, 3), number, np.uint8))
    shown = []
    options = SourceOptions(str(tmp_path), rate_hz=20.0, loop=False)
    run_live(options, pipelines, lambda results, dropped: shown.append((results, dropped)), print)
    assert 1 <= len(shown) <= 5
    assert len(shown) + shown[-1][1] <= 5
    stamps = [results["one"].frame.stamp_ns for results, _ in shown]
    assert stamps == sorted(set(stamps))
    assert all(results["one"].frame is results["two"].frame for results, _ in shown)


def test_a_source_that_cannot_be_used_is_named(pipelines, tmp_path):
    with pytest.raises(SourceError, match=r"nothing\.mp4"):
        run_live(SourceOptions(str(tmp_path / "nothing.mp4")), pipelines, lambda *_: None, print)


def test_every_image_of_a_folder_is_shown_once(pipelines, tmp_path):
    for number in range(5):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((80, 100, 3), number, np.uint8))
    (tmp_path / "5.png").write_bytes(b"damaged")
    shown, told = [], []
    run_each(SourceOptions(str(tmp_path), loop=False), pipelines, shown.append, told.append)
    assert [results["two"].frame.image[0, 0, 0] for results in shown] == list(range(5))
    assert len(told) == 1
    assert "5.png" in told[0]


def test_an_image_without_depth_does_not_use_that_of_an_earlier_one():
    camera = CameraModel.nominal(32, 24)
    scene = Scene(camera, DepthImage(np.full((24, 32), 2000, np.uint16), 1e-3), camera)
    process = opened({"faces": Pipeline(ScriptedDetector(), [Locate()], PipelineOptions(DetectOptions()))})
    shown = [
        process(Frame(picture(), stamp), given)["faces"] for stamp, given in enumerate([scene, None, scene])
    ]
    assert [result.positions is not None for result in shown] == [True, False, True]
