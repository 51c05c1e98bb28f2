# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros evaluate positions` as people and scripts run it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.paths import SHARED
from typer.testing import CliRunner, Result

from face_detect_ros.cli.app import app

RGBD = SHARED / "rgbd"
needs_rgbd = pytest.mark.skipif(not RGBD.is_dir(), reason="needs ../shared/data/rgbd")
CAMERA = {"width": 64, "height": 48, "fx": 60.0, "fy": 60.0, "cx": 31.5, "cy": 23.5, "depth_unit_m": 0.0005}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["evaluate", "positions", *map(str, arguments)])


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two frames of something 2.0 and 2.02 m away, before a wall at 4 m."""
    for name in ("color", "depth"):
        (tmp_path / name).mkdir()
    for index, depth in enumerate((2.0, 2.02)):
        values = np.full((48, 64), 8000, np.uint16)
        values[10:38, 20:44] = depth / 0.0005
        cv2.imwrite(str(tmp_path / f"depth/{index}.png"), values)
        cv2.imwrite(str(tmp_path / f"color/{index}.png"), np.zeros((48, 64, 3), np.uint8))
    (tmp_path / "camera.json").write_text(json.dumps(CAMERA))
    return tmp_path


def test_constructed_scenes() -> None:
    result = run("--distances", "1, 2", "--repeats", 1, "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert (figures["exact"], figures["something_else"], figures["unknown"]) == (1.0, 0, 0)
    assert figures["positions"] > 20
    assert figures["error_mm"]["max"] <= 20
    assert list(figures["by_distance_mm"]) == ["1", "2"]


def test_boxes_of_a_recording(recording: Path) -> None:
    result = run("--recording", recording, "--box", "thing=20,10,44,38", "--box", "wall=50,2,62,46", "--json")
    figures = json.loads(result.stdout)
    assert figures["thing"]["median_m"] == [0.0, 0.0, pytest.approx(2.01, abs=0.001)]
    assert figures["thing"]["largest_change_percent"] == pytest.approx(0.5, abs=0.05)
    assert figures["wall"]["median_m"][2] == 4.0
    assert (figures["thing"]["frames"], figures["thing"]["unknown"]) == (2, 0)
    assert "thing.median_m" in run("--recording", recording, "--box", "thing=20,10,44,38").stdout


def test_depth_of_another_resolution(recording: Path) -> None:
    for path in (recording / "depth").iterdir():
        values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), values[::2, ::2])
    figures = json.loads(run("--recording", recording, "--box", "thing=20,10,44,38", "--json").stdout)
    assert figures["thing"]["median_m"] == pytest.approx([0.0, 0.0, 2.01], abs=0.02)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"distortion": [0.1, 0.01]}, "with 2 coefficients is not known"),
        ({"width": 48, "height": 48}, "for images of 48x48 pixels, not 64x48"),
    ],
)
def test_a_camera_that_does_not_fit(recording: Path, changes: dict[str, object], words: str) -> None:
    (recording / "camera.json").write_text(json.dumps({**CAMERA, **changes}))
    result = run("--recording", recording, "--box", "thing=20,10,44,38")
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())


@pytest.mark.parametrize("kind", ["color", "depth"])
def test_an_image_of_another_shape(recording: Path, kind: str) -> None:
    path = recording / kind / "1.png"
    cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[:40])
    result = run("--recording", recording, "--box", "thing=20,10,44,38")
    assert result.exit_code == 2
    assert "not 64x40" in result.stderr


@needs_rgbd
def test_things_of_a_real_recording() -> None:
    boxes = {"cup": "440,385,463,420", "bananas": "312,425,372,462"}
    words = [word for name, sides in boxes.items() for word in ("--box", f"{name}={sides}")]
    figures = json.loads(run("--recording", RGBD / "person_sofa", *words, "--json").stdout)
    assert figures["cup"]["median_m"][2] == pytest.approx(1.628, rel=0.01)
    assert figures["bananas"]["median_m"][2] == pytest.approx(1.545, rel=0.01)
    assert all(each["largest_change_percent"] < 1 for each in figures.values())


@needs_rgbd
def test_tracked_people_of_a_real_recording() -> None:
    figures = json.loads(run("--recording", RGBD / "two_people", "--device", "cpu", "--json").stdout)
    people = sorted(each["median_m"][0] for name, each in figures.items() if name.startswith("person"))
    assert len(people) == 2
    assert people[1] - people[0] > 0.5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--box", "a=1,2,3,4"], "need --recording"),
        (["--distances", "near"], "--distances"),
        (["--distances", "0.01"], "from 0.3 to 10"),
        (["--recording", "nowhere"], "camera.json"),
        (["--recording", "RECORDING", "--box", "5,5,2,2"], "give NAME="),
        (["--recording", "RECORDING", "--box", "a=9,9,2,2"], "no order"),
    ],
)
def test_bad_arguments(recording: Path, arguments: list[str], words: str) -> None:
    result = run(*[recording if word == "RECORDING" else word for word in arguments])
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize("damage", ["camera", "depth", "empty"])
def test_damaged_recordings(recording: Path, damage: str) -> None:
    if damage == "camera":
        (recording / "camera.json").write_text(json.dumps({**CAMERA, "fx": 0}))
    elif damage == "depth":
        (recording / "depth/1.png").write_bytes((recording / "color/1.png").read_bytes())
    else:
        for path in (recording / "color").iterdir():
            path.unlink()
    result = run("--recording", recording, "--box", "thing=20,10,44,38", "--json")
    assert result.exit_code == (1 if damage == "depth" else 2)
    assert result.stdout == ""
