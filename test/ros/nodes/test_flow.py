# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Frames of several cameras in one batch: what fails for one of them takes nothing from the others."""

import contextlib
from types import SimpleNamespace

import pytest
from helpers.detectors import ScriptedDetector, picture

from face_detect_ros.core.frame import LazyFrame
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.stages.locate import Locate
from face_detect_ros.pipeline.stages.track import Track
from face_detect_ros.ros.nodes.flow import Flow
from face_detect_ros.tracking.motion import MotionTracker
from face_detect_ros.tracking.zones import Areas

OPTIONS = PipelineOptions(DetectOptions(score_threshold=0.5))
LEFT = {
    "track": [],
    "late": ["detections"],
    "detections": [],
    "images": ["detections"],
    "finished": ["detections"],
}
"""What is published for a camera where each of these fails."""


class Camera:
    """One channel; `fails` names the part of it that raises."""

    def __init__(self, name, pipeline, fails):
        self.name, self.fails, self.published, self.late = name, fails, [], []
        self.frame_id = self.rejection = ""
        self.told_of_stamps, self.locates = True, False
        self.stream = pipeline.open_stream(name)
        self.stream.steps["late"] = self.step("late", lambda result, options: result)
        self.stream.steps["track"] = self.step("track", self.stream.steps["track"])
        self.outputs = [self.output("detections", early=True), self.output("images")]
        self.failed_late = self.late.append

    def check(self, part):
        if part == self.fails:
            raise RuntimeError(f"{part} fails")

    def step(self, part, work):
        return lambda result, options: self.check(part) or work(result, options)

    def output(self, part, early=False):
        def publish(result):
            self.check(part)
            self.published.append(part)

        always = dict(always=True, covers=False, deferred=False, wanted=lambda: True)
        return SimpleNamespace(early=early, publish=publish, **always)

    def discard(self):
        raise AssertionError("nothing is dropped")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["the good camera first", "the bad camera first"])
@pytest.mark.parametrize("fails", LEFT)
def test_what_fails_for_one_camera(fails, order):
    pipeline = Pipeline(ScriptedDetector(), [Track(MotionTracker), Locate()], OPTIONS)
    cameras = [Camera("front", pipeline, ""), Camera("left", pipeline, fails)]
    warnings = []
    node = SimpleNamespace(
        active=True,
        params=None,
        pipeline=pipeline,
        outputs=[],
        gate=contextlib.nullcontext(),
        options=lambda params, labels: OPTIONS,
        areas=lambda name: Areas(),
        finished=lambda result, camera: camera.check("finished"),
        context=SimpleNamespace(ok=lambda: True),
        get_logger=lambda: SimpleNamespace(warning=warnings.append),
        get_clock=lambda: SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=0)),
    )
    Flow(node, pipeline, cameras, 2).process(
        [(index, LazyFrame(1, "", lambda: picture(0))) for index in order]
    )
    front, left = cameras
    assert (front.published, front.rejection) == (["detections", "images"], "")
    assert left.published == LEFT[fails]
    assert left.rejection == f"RuntimeError: {fails} fails"
    assert bool(left.late) == (fails != "track")
    assert len(warnings) == 1
    assert warnings[0].startswith("left: ")
