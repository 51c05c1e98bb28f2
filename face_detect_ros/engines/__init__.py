# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Engines: what computes a network. Each takes an exported graph (ONNX) and runs it on arrays of any batch and size."""
