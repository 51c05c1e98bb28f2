# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page that shows live images in a browser, and its server. Needs neither ROS nor anything from the network."""
