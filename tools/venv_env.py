# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Installed into the environment and run when its Python starts, so that nobody needs to source anything.

It runs before `ros_wheels_bootstrapper`, which restarts Python with LD_LIBRARY_PATH set: what is set here is
inherited.
"""

import os
import sys


def prepare(environ: "os._Environ[str]", prefix: str, distribution: str) -> None:
    def parts(name: str) -> "list[str]":
        return [part for part in environ.get(name, "").split(os.pathsep) if part]

    if prefix not in parts("AMENT_PREFIX_PATH"):
        environ["AMENT_PREFIX_PATH"] = os.pathsep.join([prefix, *parts("AMENT_PREFIX_PATH")])
    environ["ROS_DISTRO"] = distribution
    # The guard is inherited by children. A child in another environment still needs its own libraries.
    if os.path.join(prefix, "lib") not in parts("LD_LIBRARY_PATH"):
        environ.pop("_ROS_WHEELS_BOOTSTRAP_COMPLETE", None)


def start(distribution: str) -> None:
    prepare(os.environ, sys.prefix, distribution)
