# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros evaluate`: how good a model or tracker is on labeled images and sequences."""
