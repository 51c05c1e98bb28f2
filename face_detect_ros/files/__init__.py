# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Files on disk: written whole or not at all, and where the package keeps its own."""
