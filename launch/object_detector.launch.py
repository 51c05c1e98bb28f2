# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The object detector alone, for a camera that is already there."""

from launch import LaunchDescription

from face_detect_ros.ros.launching import node_launch


def generate_launch_description() -> LaunchDescription:
    return node_launch("object_detector", "depth_topic", "model", "device", "cameras", "image_transport")
