# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The CPU of this machine: cores, and what identifies it where something is kept for this machine alone."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import re
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

from face_detect_ros.core.errors import ConfigError

# when the process starts: later, threads may be pinned
_USABLE = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset[int]()
_PINNING = threading.Lock()


def cores() -> int:
    """How many this process may use: in a container often fewer than the machine has."""
    return len(_USABLE) or os.cpu_count() or 1


def parse(text: str) -> frozenset[int]:
    """CPUs by number, as taskset takes them: "0-3,6"; empty for an empty text.

    Raises:
        ConfigError: for another text, or CPUs that this process may not use.
    """
    chosen: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", part)
        if match is None:
            raise ConfigError(f"cpus '{text}': '{part}' is not a CPU; give numbers and ranges such as 0-3,6")
        chosen.update(range(int(match[1]), int(match[2] or match[1]) + 1))
        if match[2] and int(match[2]) < int(match[1]):
            raise ConfigError(f"cpus '{text}': the range {part} is empty; give the lower number first")
    if missing := sorted(chosen - _USABLE):
        here = ", ".join(map(str, sorted(_USABLE))) or "none: this system cannot pin threads"
        raise ConfigError(f"cpus '{text}': this process may not use CPU {missing[0]}; it may use {here}")
    return frozenset(chosen)


@contextlib.contextmanager
def pinned(cpus: Collection[int]) -> Iterator[None]:
    """Keep the calling thread, and every thread that starts inside, on these CPUs for good; none: as it is.

    The main thread is kept there inside, too: OpenVINO's threads take after it. One caller at a time.
    """
    if not cpus:
        yield
        return
    with _PINNING:
        os.sched_setaffinity(os.getpid(), cpus)
        try:
            pin(cpus)
            yield
        finally:
            os.sched_setaffinity(os.getpid(), _USABLE)


def pin(cpus: Collection[int]) -> None:
    """Keep the calling thread, and the threads that it starts from now on, on these CPUs; none: as it is."""
    if cpus:
        os.sched_setaffinity(0, cpus)


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
    """Whether an NVIDIA driver is loaded: a cheap check that loads no library. None of them may be able to use it."""
    return any(Path(path).exists() for path in ("/dev/nvidiactl", "/dev/nvhost-gpu", "/dev/nvgpu"))
