# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The ROS 2 side: nodes, message conversion, parameters. The only folder that imports rclpy or messages."""
