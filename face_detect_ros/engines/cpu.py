# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The CPU of this machine: cores, and what identifies it where something is kept for this machine alone."""

from __future__ import annotations

import functools
import os
import platform
from pathlib import Path


def cores() -> int:
    """Those that this process may use: in a container often fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.lru_cache(maxsize=1)
def name() -> str:
    """The model as the kernel names it: "AMD EPYC", "Cortex-A78AE"; the architecture where it does not."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for key in ("model name", "Model", "Hardware"):
        for line in lines:
            label, colon, value = line.partition(":")
            if colon and label.strip() == key and value.strip():
                return value.strip()
    return platform.machine() or "unknown"


def machine() -> str:
    """This machine, in words that change when measurements made on it no longer count."""
    return f"{platform.node()}: {name()}, {cores()} cores"


def has_nvidia() -> bool:
    """Whether an NVIDIA driver is loaded: a cheap look that loads no library."""
    return any(Path(path).exists() for path in ("/dev/nvidiactl", "/dev/nvhost-gpu", "/dev/nvgpu"))
