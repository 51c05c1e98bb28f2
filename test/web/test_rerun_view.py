# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rerun, where rerun-sdk is installed: what is in its recordings."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.bags import write_depth_bag
from helpers.looks import free_port, look

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.web.options import ServerOptions
from face_detect_ros.web.rerun_view import RerunView


@pytest.fixture
def program():
    """Rerun's own program, which reads its files."""
    pytest.importorskip("rerun", reason="rerun-sdk is not installed")
    return Path(pytest.importorskip("rerun_cli").__file__).with_name("rerun")


def entities(program, file):
    """Entity -> its columns, of all chunks together."""
    command = [program, "rrd", "print", "-v", file]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    found = {}
    for line in text.splitlines():
        if " - data columns: " in line:
            name, _, columns = line.strip().partition(" - data columns: ")
            found.setdefault(name.split()[-1], set()).update(columns.strip("[]").split())
    return found


def test_a_recording_has_images_boxes_tracks_space_depth_and_plots(program, tmp_path):
    file = tmp_path / "x.rrd"
    with contextlib.closing(RerunView(ServerOptions(), file)) as view:
        for number in range(1, 4):
            view.show(look(number))
            view.plot("face_detector", {"network_ms": 3.5}, number)
    found = entities(program, file)
    for entity, column in {
        "/camera/image": "EncodedImage:blob",
        "/camera/image/face_detector": "Boxes2D:labels",
        "/camera/image/face_detector/tracks": "LineStrips2D:strips",
        "/space/face_detector": "Boxes3D:centers",
        "/depth_camera/depth": "DepthImage:buffer",
        "/figures/face_detector/network_ms": "Scalars:scalars",
    }.items():
        assert f"{entity}@{column}" in found[entity]


def test_the_command_saves_a_bag_with_depth(program, tmp_path):
    bag, file = write_depth_bag(tmp_path / "bag"), tmp_path / "x.rrd"
    command = [sys.executable, "-m", "face_detect_ros.cli.app", "view", bag, "--rerun", "--save", file]
    models = ["--object-model", "none", "--gallery", tmp_path / "gallery.sqlite3"]
    done = subprocess.run([*command, *models], capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert {"/camera/image", "/depth_camera/depth", "/figures/face_detector/detections"} <= set(
        entities(program, file)
    )


def test_it_serves_viewers_of_this_computer(program):
    port = free_port()
    with contextlib.closing(RerunView(ServerOptions(port=port))) as view:
        assert view.url == f"rerun+http://127.0.0.1:{port}/proxy"
        view.show(look(1, depth=False))
        with pytest.raises(ConfigError, match="in use"):
            RerunView(ServerOptions(port=port))
    with pytest.raises(ConfigError, match="ssh -L"):
        RerunView(ServerOptions(host="0.0.0.0"))


def test_where_it_is_not_installed_the_error_says_how(monkeypatch):
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(ConfigError, match="pip install rerun-sdk"):
        RerunView(ServerOptions())
