# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The face detector alone, for a camera that is already there."""

from launch import LaunchDescription

from face_detect_ros.ros.launching import node_launch


def generate_launch_description() -> LaunchDescription:
    return node_launch("face_detector", "depth_topic", "device", "cameras", "image_transport")
