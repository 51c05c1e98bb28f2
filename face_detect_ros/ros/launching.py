# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the launch files share: their arguments, and one process made from those that were given.

No default is written here. An argument that is left empty reaches no node, and the node's own default holds.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.logging import launch_config
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from face_detect_ros.files.looking import is_file

PACKAGE = "face_detect_ros"

DESCRIPTIONS = {
    "image_topic": "Image topic in place of image_raw; image_raw/compressed and camera_info move with it.",
    "depth_topic": "Depth topic in place of depth/image_raw; its compressedDepth and camera_info move with it.",
    "source": "What the video source shows: an image, folder, video, bag, device (/dev/video0), URL or screen.",
    "object_model": "Model of the object detector, such as onnx:/path/to/file; none: no object detector.",
    "model": "Model, by its name in the catalogue, such as onnx:/path/to/file.",
    "cameras": "Names of several cameras, such as front,left, whose topics are front/image_raw, left/image_raw.",
    "image_transport": "Which form of the image topic the detectors subscribe to.",
    "params_file": "ROS parameter file (YAML) for the nodes.",
    "namespace": "Namespace of the nodes, such as robot1.",
    "device": "Where the networks run, such as cpu, cuda or cuda:1.",
    "rviz": "Start RViz too, with config/perception.rviz.",
    "viewer": "Start the viewer too, a live page in the browser that prints its address.",
    "use_sim_time": "Take the time from /clock instead of the system.",
    "log_level": "Smallest severity to log: debug, info, warn, error or fatal.",
}
_TRUTH = ["true", "false", "True", "False"]
CHOICES = {
    "image_transport": ["raw", "compressed"],
    "rviz": _TRUTH,
    "viewer": _TRUTH,
    "use_sim_time": _TRUTH,
}
COMMON = ("image_topic", "params_file", "namespace", "use_sim_time", "log_level")


class LaunchArgumentError(ValueError):
    """An argument of a launch file that cannot be used: which, and what to give instead."""


def node_launch(executable: str, *more: str) -> LaunchDescription:
    """The launch description of one executable with the common arguments and some more of DESCRIPTIONS."""
    names = [name for name in DESCRIPTIONS if name in (*COMMON, *more)]
    start = OpaqueFunction(function=_start, args=[executable, names])
    return LaunchDescription([*map(_declare, names), start])


def _declare(name: str) -> DeclareLaunchArgument:
    default = "false" if name in ("rviz", "viewer") else "the node's own default"
    return DeclareLaunchArgument(
        name,
        default_value="",
        description=f"{DESCRIPTIONS[name]} Empty: {default}.",
        choices=["", *CHOICES[name]] if name in CHOICES else None,
    )


def _start(context: LaunchContext, executable: str, names: list[str]) -> list[Node]:
    values = {name: LaunchConfiguration(name).perform(context).strip() for name in names}
    given = {name: value for name, value in values.items() if value}
    moved = [
        *(remappings(given["image_topic"]) if "image_topic" in given else []),
        *(depth_remappings(given["depth_topic"]) if "depth_topic" in given else []),
    ] or None
    # Without a name: it would rename every node of the process.
    node = Node(
        package=PACKAGE,
        executable=executable,
        namespace=given.get("namespace"),
        parameters=parameters(given),
        remappings=moved,
        ros_arguments=["--log-level", given["log_level"]] if "log_level" in given else None,
        output="screen",
    )
    return [node, *_shown(given, moved)]


def _shown(given: Mapping[str, str], moved: list[tuple[str, str]] | None) -> list[Node]:
    """RViz and the viewer, where they were asked for: in the same namespace, on the same topics."""
    common = {"namespace": given.get("namespace"), "remappings": moved, "output": "screen"}
    nodes = []
    if _true(given, "rviz"):
        config = Path(get_package_share_directory(PACKAGE), "config", "perception.rviz")
        parameters_of_rviz = parameters({name: given[name] for name in ("use_sim_time",) if name in given})
        nodes.append(
            Node(
                package="rviz2",
                executable="rviz2",
                arguments=["-d", str(config)],
                parameters=parameters_of_rviz,
                **common,
            )
        )
    if _true(given, "viewer"):
        names = ("params_file", "image_transport", "cameras", "use_sim_time")
        values = {name: given[name] for name in names if name in given}
        nodes.append(Node(package=PACKAGE, executable="viewer", parameters=parameters(values), **common))
    return nodes


def _true(given: Mapping[str, str], name: str) -> bool:
    return given.get(name, "").lower() == "true"


def parameters(given: Mapping[str, str]) -> list[Any]:
    """The parameter file first, so that an argument on the command line wins over it."""
    sources: list[Any] = []
    if "params_file" in given:
        path = Path(os.path.expanduser(given["params_file"]))
        if not is_file(path):
            raise LaunchArgumentError(f"params_file: there is no file {path.absolute()} that can be read")
        sources.append(str(path))
    # Typed: launch would read a device "0" as a number, which the node refuses for a string parameter.
    single: dict[str, Any] = {
        name: ParameterValue(given[name], value_type=str)
        for name in ("source", "model", "cameras", "image_transport", "device")
        if name in given
    }
    if "use_sim_time" in given:
        single["use_sim_time"] = _true(given, "use_sim_time")
    if single:
        sources.append(single)
    if "object_model" in given:
        model = given["object_model"]
        sources.append(_for_one_node("object_detector", {"model": "" if model == "none" else model}))
    return sources


def _for_one_node(node: str, values: Mapping[str, str]) -> str:
    """A parameter file in launch's log folder: what launch passes itself would reach every node of the process."""
    with tempfile.NamedTemporaryFile(
        "w", prefix=f"{node}_", suffix=".yaml", dir=launch_config.log_dir, delete=False
    ) as file:
        json.dump({f"/**/{node}": {"ros__parameters": dict(values)}}, file)  # JSON is YAML
    return file.name


def remappings(image_topic: str) -> list[tuple[str, str]]:
    """Where image_raw, and the topics that stand beside it by convention, go."""
    topic = image_topic.rstrip("/")
    base = topic.removesuffix("/compressed")
    if base != topic:
        raise LaunchArgumentError(f"image_topic: give {base} and image_transport:=compressed, not {topic}")
    folder, slash, _ = topic.rpartition("/")
    return [
        ("image_raw", topic),
        ("image_raw/compressed", f"{topic}/compressed"),
        ("camera_info", f"{folder}{slash}camera_info"),
    ]


def depth_remappings(depth_topic: str) -> list[tuple[str, str]]:
    """Where depth/image_raw, and the topics beside it, go."""
    topic = depth_topic.rstrip("/")
    base = topic.removesuffix("/compressedDepth")
    folder, slash, _ = base.rpartition("/")
    return [
        ("depth/image_raw", base),
        ("depth/image_raw/compressedDepth", f"{base}/compressedDepth"),
        ("depth/camera_info", f"{folder}{slash}camera_info"),
    ]
