# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Peak memory of one face network, in a process of its own: ``python -m ... NAME WIDTH HEIGHT``.

Imports nothing that the network does not need. Prints MiB.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np

from face_detect_ros.core.protocols import DetectOptions

DETECTORS = ("mmod", "dlib_cnn")


def peak_mib(name: str, width: int, height: int) -> float:
    """Peak memory of a process that runs one detector or embedder in float32, in MiB.

    Args:
        name: Of the catalogue.
        width: Of the one image that it processes; 0: it only loads.
        height: Of that image.
    """
    command = [sys.executable, "-m", __name__, name, str(width), str(height)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def _use(name: str, width: int, height: int) -> None:
    if name in DETECTORS:
        from face_detect_ros.detectors import catalogue

        if name == "dlib_cnn":  # in this process, not in a child
            from face_detect_ros.detectors.faces.dlib_faces import create_cnn_here

            detector = create_cnn_here("cpu")
        else:
            detector = catalogue.create(name, task="faces", device="cpu", precision="float32")
        with closing(detector):
            if width:
                image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
                detector.detect([image], DetectOptions(min_size_px=80))
        return
    from face_detect_ros.faces.embedders import catalogue as embed

    with closing(embed.create(name, "cpu", "float32")) as embedder:
        if width:
            embedder.embed(np.zeros((8, height, width, 3), np.uint8))


def _peak_mib() -> float:
    # not getrusage: what a process used before it became this program counts there
    status = Path("/proc/self/status").read_text()
    peak_kib = next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]
    return int(peak_kib) / 1024


if __name__ == "__main__":
    _use(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    print(_peak_mib())
