# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Calibration files as camera_calibration and its users write them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from helpers.paths import FIELD

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.depth.calibration import Roi, read_calibration

K = [300.0, 0.0, 160.0, 0.0, 310.0, 120.0, 0.0, 0.0, 1.0]
R = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
P = [300.0, 0.0, 160.0, -30.0, 0.0, 310.0, 120.0, 0.0, 0.0, 0.0, 1.0, 0.0]
D = [0.1, -0.2, 0.001, -0.002, 0.0]
CONTENT = {
    "image_width": 320,
    "image_height": 240,
    "camera_name": "front",
    "camera_matrix": {"rows": 3, "cols": 3, "data": K},
    "distortion_model": "plumb_bob",
    "distortion_coefficients": {"rows": 1, "cols": 5, "data": D},
    "rectification_matrix": {"rows": 3, "cols": 3, "data": R},
    "projection_matrix": {"rows": 3, "cols": 4, "data": P},
}
INI = f"""# Camera intrinsics

[image]

width
320

height
240

[front]

camera matrix
{" ".join(map(str, K[:3]))}
{" ".join(map(str, K[3:6]))}
{" ".join(map(str, K[6:]))}

distortion
{" ".join(map(str, D))}

rectification
1 0 0
0 1 0
0 0 1

projection
{" ".join(map(str, P[:4]))}
{" ".join(map(str, P[4:8]))}
{" ".join(map(str, P[8:]))}
"""
OPENCV = "%YAML:1.0\n---\n" + yaml.safe_dump(CONTENT).replace("matrix:\n", "matrix: !!opencv-matrix\n")


def read(folder: Path, content: str | dict, told: list[str] | None = None):
    path = folder / "calibration.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return read_calibration(path, None if told is None else told.append)


@pytest.mark.parametrize(
    "content",
    [CONTENT, yaml.safe_dump(CONTENT, default_flow_style=True), OPENCV, INI],
    ids=["yaml", "flow", "opencv", "ini"],
)
def test_every_format(tmp_path: Path, content) -> None:
    told: list[str] = []
    found = read(tmp_path, content, told)
    assert (found.width, found.height, found.distortion_model) == (320, 240, "plumb_bob")
    assert (list(found.k), list(found.d), list(found.r), list(found.p)) == (K, D, R, P)
    assert not told


def test_without_a_distortion_model(tmp_path: Path) -> None:
    told: list[str] = []
    content = {name: value for name, value in CONTENT.items() if name != "distortion_model"}
    assert read(tmp_path, content, told).distortion_model == "plumb_bob"
    assert "names no distortion_model; plumb_bob is assumed" in told[0]


def test_an_ini_of_eight_coefficients(tmp_path: Path) -> None:
    found = read(tmp_path, INI.replace(" ".join(map(str, D)), "1 2 3 4 5 6 7 8"))
    assert found.distortion_model == "rational_polynomial"
    assert len(found.d) == 8


def test_region_and_binning(tmp_path: Path) -> None:
    roi = {"x_offset": 10, "y_offset": 20, "height": 120, "width": 160, "do_rectify": True}
    found = read(tmp_path, {**CONTENT, "binning_x": 2, "binning_y": 2, "roi": roi})
    assert (found.binning_x, found.binning_y, found.roi) == (2, 2, Roi(10, 20, 120, 160, True))
    assert found.image_size == (80, 60)
    assert found.scaled(80, 60) is found
    assert found.scaled(160, 120).roi == Roi(20, 40, 240, 320, True)
    assert found.scaled(81, 60) is None


BROKEN = {
    "empty": "",
    "blank": " \n\n",
    "text": "a calibration",
    "list": "- 1\n- 2\n",
    "open": "image_width: [320\n  : }",
    "deep": "a: " + "[" * 100 + "]" * 100,
    "bad date": "image_width: 2024-99-99",
    "short matrix": {**CONTENT, "camera_matrix": {"data": [1.0]}},
    "matrix of words": {**CONTENT, "camera_matrix": {"data": ["x"] * 9}},
    "matrix that is a text": {**CONTENT, "camera_matrix": {"data": "123456789"}},
    "no matrix": {**CONTENT, "camera_matrix": None},
    "nan": {**CONTENT, "camera_matrix": {"data": [float("nan"), *K[1:]]}},
    "no focal length": {**CONTENT, "camera_matrix": {"data": [*K[:4], 0.0, *K[5:]]}},
    "many coefficients": {**CONTENT, "distortion_coefficients": {"data": [0.1] * 1000}},
    "width of words": {**CONTENT, "image_width": "wide"},
    "negative width": {**CONTENT, "image_width": -4},
    "huge width": {**CONTENT, "image_width": 10**30},
    "no width": {**CONTENT, "image_width": 0},
    "no projection": {name: value for name, value in CONTENT.items() if name != "projection_matrix"},
    "region of words": {**CONTENT, "roi": "all"},
    "ini without a matrix": INI.split("projection")[0],
    "ini of words": INI.replace("320", "wide"),
    "ini with nothing": "[image]\n",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_calibration_is_refused_with_its_path(tmp_path: Path, content) -> None:
    with pytest.raises(ConfigError, match=r"calibration\.yaml: .*camera_calibration package"):
        read(tmp_path, content)


@pytest.mark.skipif(not FIELD.is_dir(), reason="no files from the field beside the repository")
@pytest.mark.parametrize(
    ("name", "size", "fx", "warned"),
    [
        ("dexi_picam21.yaml", (640, 480), 517.549602, True),
        ("gobi_ost.yaml", (384, 288), 708.305362, False),
        ("wenny_ost.txt", (1920, 1080), 1588.052924, False),
    ],
)
def test_files_from_the_field(name: str, size: tuple[int, int], fx: float, warned: bool) -> None:
    told: list[str] = []
    found = read_calibration(FIELD / name, told.append)
    assert (found.width, found.height) == size
    assert (found.k[0], len(found.d), found.distortion_model) == (fx, 5, "plumb_bob")
    assert bool(told) == warned
