# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros doctor`: each check where things are well and where they are not."""

import importlib.util
import json
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from face_detect_ros.cli.app import app
from face_detect_ros.cli.doctor import checks, desktop, libraries, transport
from face_detect_ros.cli.doctor.finding import Finding
from face_detect_ros.zoo.published import dlib_models


def doctor(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["doctor", *arguments])
    return result.exit_code, result.stdout


def stand_in(monkeypatch: pytest.MonkeyPatch, name: str, **attributes: object) -> None:
    monkeypatch.setitem(sys.modules, name, SimpleNamespace(**attributes))


def test_where_the_package_runs() -> None:
    pytest.importorskip("rclpy")
    code, output = doctor()
    assert code == 0, output
    for name in (
        "python",
        "numpy",
        "opencv",
        "rclpy",
        "vision_msgs",
        "dlib",
        "face models",
        "torch",
        "transformers",
        "onnxruntime",
    ):
        assert name in output
    assert output.rstrip().endswith("can run")


def test_json_is_one_object() -> None:
    code, output = doctor("--json")
    answer = json.loads(output)
    assert answer["ok"] is (code == 0)
    assert [finding["name"] for finding in answer["findings"]][:3] == ["python", "numpy", "opencv"]
    assert {finding["state"] for finding in answer["findings"]} <= {"ok", "note", "bad"}
    assert all(finding["advice"] for finding in answer["findings"] if finding["state"] == "bad")


def test_something_missing_means_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    code, output = doctor()
    assert code == 1
    assert "pip install dlib-bin" in output
    assert "cannot run: 1 bad" in output


def test_a_check_that_crashes_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def check_weather() -> Finding:
        raise SystemError("rain")

    monkeypatch.setattr(checks, "CHECKS", (check_weather,))
    assert checks.run_checks() == [Finding("weather", "bad", "SystemError: rain", "reinstall it")]


@pytest.mark.parametrize(
    ("version", "state", "said"),
    [("4.5.4", "ok", ""), ("4.10.0-dev", "ok", ""), ("5.0.0", "bad", "<5"), ("4.2.0", "bad", "4.5")],
)
def test_opencv_versions(monkeypatch: pytest.MonkeyPatch, version: str, state: str, said: str) -> None:
    stand_in(monkeypatch, "cv2", __version__=version, getBuildInformation=lambda: "  FFMPEG:   YES")
    finding = libraries.check_opencv()
    assert finding.state == state
    assert said in finding.advice


def test_opencv_without_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, "cv2", __version__="4.8.0", getBuildInformation=lambda: "  FFMPEG:   NO")
    assert libraries.check_opencv().state == "note"


@pytest.mark.parametrize(("version", "state"), [("1.21.5", "ok"), ("2.4.6", "ok"), ("1.19.0", "bad")])
def test_numpy_versions(monkeypatch: pytest.MonkeyPatch, version: str, state: str) -> None:
    stand_in(monkeypatch, "numpy", __version__=version)
    assert libraries.check_numpy().state == state


@pytest.mark.parametrize(
    ("check", "module", "state"),
    [
        (libraries.check_rclpy, "rclpy", "bad"),
        (libraries.check_messages, "sensor_msgs.msg", "bad"),
        (libraries.check_vision_msgs, "vision_msgs.msg", "bad"),
        (libraries.check_cv_bridge, "cv_bridge", "note"),
        (libraries.check_tf2, "tf2_ros", "note"),
        (libraries.check_dlib, "dlib", "bad"),
        (libraries.check_onnxruntime, "onnxruntime", "note"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_missing_library(monkeypatch: pytest.MonkeyPatch, check, module: str, state: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    finding = check()
    assert finding.state == state
    assert "install" in finding.advice


@pytest.mark.parametrize(
    ("check", "module"),
    [
        (libraries.check_torch, "torch"),
        (libraries.check_transformers, "transformers"),
        (libraries.check_safetensors, "safetensors"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_only_some_models_need(monkeypatch: pytest.MonkeyPatch, check, module: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == module else find(name))
    finding = check()
    assert (finding.name, finding.state) == (module, "note")
    assert f"pip install {module}" in finding.advice


def test_an_old_vision_msgs(monkeypatch: pytest.MonkeyPatch) -> None:
    old = SimpleNamespace(get_fields_and_field_types=dict)
    stand_in(monkeypatch, "vision_msgs.msg", Detection2D=old)
    assert libraries.check_vision_msgs().state == "bad"


def test_missing_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dlib_models, "PACKAGE", "package_that_is_not_there")
    finding = libraries.check_face_models()
    assert finding.state == "bad"
    assert "pip install" in finding.advice


@pytest.mark.parametrize(
    ("transports", "middleware", "state"),
    [
        (None, None, "ok"),
        ("LARGE_DATA", None, "note"),
        ("UDPv4", "rmw_fastrtps_cpp", "ok"),
        ("LARGE_DATA", "rmw_cyclonedds_cpp", "ok"),
    ],
)
def test_large_images(
    monkeypatch: pytest.MonkeyPatch, transports: str | None, middleware: str | None, state: str
) -> None:
    for name, value in (("FASTDDS_BUILTIN_TRANSPORTS", transports), ("RMW_IMPLEMENTATION", middleware)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert transport.check_large_images().state == state


def test_display_and_ffmpeg(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":7")
    assert desktop.check_display() == Finding("display", "ok", ":7")
    monkeypatch.delenv("DISPLAY")
    assert desktop.check_display().state == "note"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert desktop.check_ffmpeg().state == "note"


def test_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("face_detect_ros.viz.fonts.missing_scripts", list)
    assert desktop.check_fonts().state == "ok"
    monkeypatch.setattr("face_detect_ros.viz.fonts.missing_scripts", lambda: ["Chinese", "Thai"])
    finding = desktop.check_fonts()
    assert finding.state == "note"
    assert finding.detail.endswith("none for Chinese, Thai")
    assert "fonts-noto" in finding.advice


def test_a_small_shared_memory_says_what_to_start_the_container_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport.shared_memory, "free_bytes", lambda: 64_000_000)
    finding = transport.check_shared_memory()
    assert finding.state == "note"
    assert "--shm-size" in finding.advice


def test_what_a_killed_process_left_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport.shared_memory, "FOLDER", tmp_path)
    monkeypatch.setattr(transport.shared_memory, "_YOUNG_S", -1.0)
    assert transport.check_leftovers().state == "ok"
    (tmp_path / "fastdds_0123456789abcdef").write_bytes(bytes(2_000_000))
    (tmp_path / "fastdds_0123456789abcdef_el").touch()
    finding = transport.check_leftovers()
    assert finding.state == "note"
    assert "fastdds_0123456789abcdef" in finding.detail
    assert "2 MB" in finding.detail


@pytest.mark.parametrize("name", ["a b", "", "/", "/camera/", "/2d/image", "image_raw:=x"])
def test_what_is_not_a_topic_name(name: str) -> None:
    result = CliRunner().invoke(app, ["doctor", "--topic", name])
    assert result.exit_code == 2
    assert f"--topic '{name}' is not a topic name; `ros2 topic list -t`" in result.stderr


def test_a_topic_whose_images_arrive_and_one_that_nobody_publishes(capfd) -> None:
    pytest.importorskip("rclpy")
    from helpers.ros_tools import Probe
    from sensor_msgs.msg import Image

    # slow and small: a camera that is late on a busy machine is taken for one whose images are lost
    parameters = ["-p", "source:=sample:astronaut", "-p", "rate_hz:=5.0", "-p", "width:=160"]
    command = [sys.executable, "-m", "face_detect_ros.ros.start", "video_source", "--ros-args", *parameters]
    camera = subprocess.Popen(command)
    try:
        with Probe() as probe:  # how long the camera takes to start is not the point
            probe.collect("/image_raw", Image).wait()
        with ThreadPoolExecutor() as beside:
            other = beside.submit(transport.check_topic, "/nowhere")
            for _ in range(5):  # as often as the machine is too busy for the camera
                # not by a CliRunner, whose streams are no files: rclpy's executor needs one
                code = app(["doctor", "--json", "--topic", "/image_raw"], standalone_mode=False)
                finding = json.loads(capfd.readouterr().out)["findings"][-1]
                if finding["state"] == "ok" and "arrive" in finding["detail"]:
                    break
            nowhere = other.result()
    finally:
        camera.send_signal(signal.SIGINT)
        camera.wait(30)
    assert not code
    assert (finding["name"], finding["state"]) == ("/image_raw", "ok"), finding
    assert re.fullmatch(r"\S+ of \S+ images per second arrive", finding["detail"])
    assert nowhere.state == "note"
    assert "nobody publishes it" in nowhere.detail + nowhere.advice
