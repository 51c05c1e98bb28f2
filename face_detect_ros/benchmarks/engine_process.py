# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One network on one engine, in a process of its own: `bench engines` starts it, asks, and reads lines of JSON.

Its first line comes after the first result, so that the time from its start is that of a cold start. Then every line
"VGA" or "mixed" on stdin is answered by the milliseconds of some images; an embedder gets one face each time.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import numpy as np

_CALLS = 8
_MIXED = 40
RECOGNITION = "recognition"
"""The task of an embedder."""


def main(arguments: list[str]) -> None:
    """arguments: task, model, engine, precision, threads."""
    from face_detect_ros.core.errors import PerceptionError
    from face_detect_ros.detectors import catalogue

    task, model, engine, precision, threads = arguments
    if task == RECOGNITION:
        _embedder(model, engine, precision, int(threads))
        return
    options = catalogue.default_options(model, task=task)
    try:
        detector = catalogue.create(
            model, task=task, engine=engine, precision=precision, threads=int(threads)
        )
        detector.detect([np.full((480, 640, 3), 114, np.uint8)], options)
    except PerceptionError as error:
        _answer(error=str(error))
        return
    _ready(detector.device)
    from face_detect_ros.benchmarks.photos import mixed_sizes, photo

    vga = photo(640, 480)
    for line in sys.stdin:
        images = [vga] * _CALLS if line.strip() == "VGA" else mixed_sizes(_MIXED)
        total_ms, network_ms = [], []
        cpu_s = time.process_time()
        for image in images:
            start_s = time.perf_counter()
            detector.detect([image], options)
            total_ms.append((time.perf_counter() - start_s) * 1e3)
            network_ms.append(detector.times.network_ms)
        cpu_ms = (time.process_time() - cpu_s) * 1e3 / len(images)
        _answer(total_ms=total_ms, network_ms=network_ms, cpu_ms=cpu_ms)


def _embedder(model: str, engine: str, precision: str, threads: int) -> None:
    from face_detect_ros.benchmarks.known_face import SIDE_PX, known_face
    from face_detect_ros.core.errors import PerceptionError
    from face_detect_ros.faces.embedders import catalogue

    try:
        embedder = catalogue.create(model, engine=engine, precision=precision, threads=threads)
        face = known_face()
        embedder.embed(embedder.chips(np.full((SIDE_PX, SIDE_PX, 3), 114, np.uint8), face))
    except PerceptionError as error:
        _answer(error=str(error))
        return
    _ready(embedder.device)
    from face_detect_ros.benchmarks.photos import photo

    image = photo(SIDE_PX, SIDE_PX)
    for _ in sys.stdin:
        total_ms, network_ms = [], []
        cpu_s = time.process_time()
        for _ in range(_CALLS):
            start_s = time.perf_counter()
            chips = embedder.chips(image, face)
            cut_s = time.perf_counter()
            embedder.embed(chips)
            end_s = time.perf_counter()
            total_ms.append((end_s - start_s) * 1e3)
            network_ms.append((end_s - cut_s) * 1e3)
        cpu_ms = (time.process_time() - cpu_s) * 1e3 / _CALLS
        _answer(total_ms=total_ms, network_ms=network_ms, cpu_ms=cpu_ms)


def _ready(device: str) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    _answer(device=device, cpu_s=used.ru_utime + used.ru_stime, peak_mb=used.ru_maxrss / 1024)


def _answer(**values: object) -> None:
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
