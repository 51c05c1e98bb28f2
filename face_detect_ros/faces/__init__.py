# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Faces: alignment, embeddings, the gallery of known people, recognition."""
