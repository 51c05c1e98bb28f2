# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Attacks in their long form: seeded, run by hand, with figures at the end. `pytest` collects none of them."""
