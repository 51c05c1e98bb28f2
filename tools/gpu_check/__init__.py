# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Checks and measures on a GPU everything that claims to run on one; `tools/gpu_check.sh` starts it."""
