# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""rosbag2 files without ROS: reading also what is damaged, and writing MCAP."""
