# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Types and algorithms that need nothing but NumPy: no ROS, no OpenCV, no devices."""
