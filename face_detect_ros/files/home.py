# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The folder on this machine in which the package keeps what outlives a run."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """`$ROS_HOME/face_detect_ros`, where ROS_HOME is ~/.ros unless set. It may not exist yet."""
    ros_home = os.environ.get("ROS_HOME")
    return (Path(ros_home).absolute() if ros_home else Path.home() / ".ros") / "face_detect_ros"
