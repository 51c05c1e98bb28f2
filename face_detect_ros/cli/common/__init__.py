# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the verbs share: how a command ends, prints, shows progress and finds its files."""
