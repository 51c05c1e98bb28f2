# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The folder on this machine in which the package keeps what outlives a run."""

from __future__ import annotations

import os
from pathlib import Path

from face_detect_ros.core.errors import ConfigError


def home() -> Path:
    """`face_detect_ros` in `ros_home`. It may not exist yet. Raises ConfigError."""
    return ros_home() / "face_detect_ros"


def ros_home() -> Path:
    """`$ROS_HOME`, or ~/.ros unless it is set. Raises ConfigError if the user has no home folder either."""
    if chosen := os.environ.get("ROS_HOME"):
        return Path(chosen).absolute()
    user = os.path.expanduser("~")
    if user == "~":  # no HOME, and no such user here, as in a container that runs as any number
        raise ConfigError("this user has no home folder; set HOME or ROS_HOME")
    return Path(user) / ".ros"
