# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Many bags through the pipeline, by many workers, on one machine or more."""
