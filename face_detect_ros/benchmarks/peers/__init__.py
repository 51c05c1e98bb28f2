# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Other implementations beside ours. They are no dependencies: each script says how to make an environment for it."""
