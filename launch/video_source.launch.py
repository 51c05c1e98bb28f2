# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The video source alone: a camera for those who have none."""

from launch import LaunchDescription

from face_detect_ros.ros.launching import node_launch


def generate_launch_description() -> LaunchDescription:
    return node_launch("video_source", "source")
