# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the node `viewer` does beside serving the page: topics to the page, the page's actions to services."""
