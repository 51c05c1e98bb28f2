# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How well a tracker keeps the ids of things: MOTChallenge sequences, HOTA, CLEAR MOT and identity measures."""
