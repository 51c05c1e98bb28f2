# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Measurements, each side by side with its peer and its limit from one run; `face_detect_ros bench` prints them."""
