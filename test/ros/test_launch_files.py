# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Launch files: their arguments, and what these become on a node's command line."""

import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest
import yaml
from helpers.paths import ROOT

# The folder launch/ of this project would pass for a package named launch: ask for a module inside.
pytest.importorskip("launch.actions", reason="launch comes with ROS 2 from apt, not from pip")
pytest.importorskip("launch_ros.actions", reason="launch_ros comes with ROS 2 from apt, not from pip")

from launch import LaunchContext, LaunchDescription, LaunchService
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.utilities import perform_substitutions

from face_detect_ros.ros import launching

FOLDER = ROOT / "launch"
COMMON = {"image_topic", "params_file", "namespace", "use_sim_time", "log_level"}
ARGUMENTS = {
    "perception": COMMON
    | {"depth_topic", "device", "source", "object_model", "cameras", "image_transport", "rviz", "viewer"},
    "face_detector": COMMON | {"depth_topic", "device", "cameras", "image_transport"},
    "object_detector": COMMON | {"depth_topic", "device", "model", "cameras", "image_transport"},
    "video_source": COMMON | {"source"},
    "viewer": COMMON | {"cameras", "image_transport"},
}


def load(name):
    spec = importlib.util.spec_from_file_location(f"{name}_launch", FOLDER / f"{name}.launch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


REPORT = """#!{python}
import json, os, pathlib, sys
words = sys.argv[1:]
files = [pathlib.Path(words[i + 1]).read_text() for i, word in enumerate(words) if word == "--params-file"]
report = dict(words=words, files=files, environment=dict(os.environ))
pathlib.Path({output!r}).write_text(json.dumps(report))
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Launch a file for real, with executables that only report how they were started."""
    output = tmp_path / "report.json"
    for name in ARGUMENTS:
        executable = tmp_path / "lib" / "face_detect_ros" / name
        executable.parent.mkdir(parents=True, exist_ok=True)
        executable.write_text(REPORT.format(python=sys.executable, output=str(output)))
        executable.chmod(0o755)
    marker = tmp_path / "share" / "ament_index" / "resource_index" / "packages" / "face_detect_ros"
    marker.parent.mkdir(parents=True)
    marker.touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{tmp_path}{os.pathsep}{os.environ['AMENT_PREFIX_PATH']}")
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "log"))

    def run(name, **arguments):
        service = LaunchService(noninteractive=True)
        source = PythonLaunchDescriptionSource(str(FOLDER / f"{name}.launch.py"))
        include = IncludeLaunchDescription(source, launch_arguments=arguments.items())
        service.include_launch_description(LaunchDescription([include]))
        assert service.run() == 0
        return json.loads(output.read_text())

    return run


def perform(name, **arguments):
    """Evaluate a launch file up to its node, without starting that."""
    context = LaunchContext()
    context.launch_configurations.update(arguments)
    for entity in load(name).entities:
        entity.execute(context)


def test_every_launch_file_is_in_the_table():
    assert {file.name.split(".")[0] for file in FOLDER.glob("*.py")} == set(ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_are_described_and_have_no_default(name):
    declared = [entity for entity in load(name).entities if isinstance(entity, DeclareLaunchArgument)]
    assert {argument.name for argument in declared} == ARGUMENTS[name]
    for argument in declared:
        assert len(argument.description) > 20
        assert perform_substitutions(LaunchContext(), argument.default_value) == ""


@pytest.mark.parametrize("name", ARGUMENTS)
def test_nothing_given_means_nothing_passed_on(start, name):
    report = start(name)
    assert [word for word in report["words"] if word != "--ros-args"] == []


def test_what_is_given_reaches_the_node(start, tmp_path):
    params = tmp_path / "params.yaml"
    params.write_text("/**: {ros__parameters: {device: cuda}}\n")
    report = start(
        "perception",
        image_topic="/front/image",
        depth_topic="/front/aligned/image_raw",
        params_file=str(params),
        namespace="robot1",
        device="0",
        use_sim_time="true",
        log_level="debug",
        source="0",
        object_model="onnx:/a #1/b.onnx",
        image_transport="compressed",
    )
    line = " ".join(report["words"])
    assert "-r image_raw:=/front/image" in line
    assert "-r image_raw/compressed:=/front/image/compressed" in line
    assert "-r camera_info:=/front/camera_info" in line
    assert "-r depth/image_raw:=/front/aligned/image_raw" in line
    assert "-r depth/image_raw/compressedDepth:=/front/aligned/image_raw/compressedDepth" in line
    assert "-r depth/camera_info:=/front/aligned/camera_info" in line
    assert "-r __ns:=/robot1" in line
    assert "--log-level debug" in line
    assert "__node:=" not in line  # it would rename every node of the process
    # The arguments come after the file: the last value of a parameter wins.
    from_file, from_arguments, of_objects = map(yaml.safe_load, report["files"])
    assert from_file == {"/**": {"ros__parameters": {"device": "cuda"}}}
    values = {"source": "0", "image_transport": "compressed", "device": "0", "use_sim_time": True}
    assert from_arguments == {"/**": {"ros__parameters": values}}
    assert of_objects == {"/**/object_detector": {"ros__parameters": {"model": "onnx:/a #1/b.onnx"}}}


def test_rviz_and_the_viewer_come_when_asked_for():
    def packages(**arguments):
        context = LaunchContext()
        names = sorted(ARGUMENTS["perception"])
        context.launch_configurations.update({**dict.fromkeys(names, ""), **arguments})
        nodes = launching._start(context, "perception", names)
        return [node.node_package for node in nodes]

    assert packages() == ["face_detect_ros"]
    assert packages(rviz="false", viewer="false") == ["face_detect_ros"]
    assert packages(rviz="true", namespace="robot1") == ["face_detect_ros", "rviz2"]
    assert packages(viewer="True", image_topic="/a/b") == ["face_detect_ros", "face_detect_ros"]


def test_the_object_detector_alone_takes_its_model(start):
    report = start("object_detector", model="onnx:/a/b.onnx", device="cpu")
    (from_arguments,) = map(yaml.safe_load, report["files"])
    assert from_arguments == {"/**": {"ros__parameters": {"model": "onnx:/a/b.onnx", "device": "cpu"}}}


def test_two_robots_in_one_launch_keep_their_models():
    sources = [launching.parameters({"object_model": model}) for model in ("onnx:a", "onnx:b", "none")]
    written = [
        yaml.safe_load(Path(path).read_text())["/**/object_detector"]["ros__parameters"]
        for (path,) in sources
    ]
    assert written == [{"model": "onnx:a"}, {"model": "onnx:b"}, {"model": ""}]


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("/image", ("/image", "/image/compressed", "/camera_info")),
        ("image", ("image", "image/compressed", "camera_info")),
        ("front/image/", ("front/image", "front/image/compressed", "front/camera_info")),
        ("/a/b/c", ("/a/b/c", "/a/b/c/compressed", "/a/b/camera_info")),
    ],
)
def test_camera_info_and_compressed_move_with_the_image(topic, expected):
    assert dict(launching.remappings(topic)) == dict(
        zip(("image_raw", "image_raw/compressed", "camera_info"), expected, strict=True)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"params_file": "/does/not/exist.yaml"}, "params_file: there is no file /does/not/exist.yaml"),
        ({"image_topic": "/cam/image/compressed"}, "give /cam/image and image_transport:=compressed"),
        ({"use_sim_time": "maybe"}, "use_sim_time"),
        ({"image_transport": "h264"}, "image_transport"),
    ],
)
def test_a_bad_argument_is_named(arguments, message):
    with pytest.raises((launching.LaunchArgumentError, RuntimeError), match=message):
        perform("perception", **arguments)
