# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The video source and the detectors in one process, sharing every decoded frame."""

from launch import LaunchDescription

from face_detect_ros.ros.launching import node_launch


def generate_launch_description() -> LaunchDescription:
    return node_launch(
        "perception",
        "depth_topic",
        "source",
        "object_model",
        "device",
        "cameras",
        "image_transport",
        "rviz",
        "viewer",
    )
