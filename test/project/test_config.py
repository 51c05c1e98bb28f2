# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The shipped parameter file and the documentation show the defaults that the code has."""

from __future__ import annotations

import dataclasses

import pytest
import yaml
from helpers.paths import ROOT

from face_detect_ros.ros.nodes.face_detector import FaceDetectorParameters
from face_detect_ros.ros.nodes.object_detector import ObjectDetectorParameters
from face_detect_ros.ros.nodes.video_source import VideoSourceParameters
from face_detect_ros.ros.nodes.viewer import ViewerParameters
from face_detect_ros.ros.parameters import markdown_table

NODES = {
    "face_detector": FaceDetectorParameters,
    "object_detector": ObjectDetectorParameters,
    "video_source": VideoSourceParameters,
    "viewer": ViewerParameters,
}


@pytest.mark.parametrize("name", NODES)
def test_the_parameter_file_gives_every_parameter_its_default(name: str) -> None:
    content = yaml.safe_load((ROOT / "config/perception.yaml").read_text())
    written = content[f"/**/{name}"]["ros__parameters"]
    defaults = {field.name: field.default for field in dataclasses.fields(NODES[name])}
    assert written == defaults
    # a double written as an integer would be refused by the node
    assert {key: type(value) for key, value in written.items()} == {k: type(v) for k, v in defaults.items()}


def test_the_parameter_file_has_no_other_node() -> None:
    content = yaml.safe_load((ROOT / "config/perception.yaml").read_text())
    assert set(content) == {f"/**/{name}" for name in NODES}


@pytest.mark.parametrize("name", NODES)
def test_the_documentation_shows_the_parameters_of(name: str) -> None:
    page = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8")
    assert markdown_table(NODES[name]) in page
