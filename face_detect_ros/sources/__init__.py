# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where images come from when no camera node runs: files, folders, videos, devices, streams, the screen."""
