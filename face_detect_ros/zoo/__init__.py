# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Model files: where they are, whether they are the right ones, and what is in them."""
