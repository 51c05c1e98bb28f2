# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The viewer alone, beside nodes that are already running: a live page in the browser."""

from launch import LaunchDescription

from face_detect_ros.ros.launching import node_launch


def generate_launch_description() -> LaunchDescription:
    return node_launch("viewer", "cameras", "image_transport")
