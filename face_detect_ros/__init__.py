# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Finds faces in ROS 2 image streams and publishes them as vision_msgs."""

__version__ = "0.1.0"
