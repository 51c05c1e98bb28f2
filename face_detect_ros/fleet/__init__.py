# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Bags in, bags out: the pipeline over recordings, in one process or in many."""
