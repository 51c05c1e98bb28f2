# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One detector on one engine, in a process of its own: `bench engines` starts it, asks, and reads lines of JSON.

Its first line comes after the first boxes, so that the time from its start is that of a cold start. Then every line
"VGA" or "mixed" on stdin is answered by the milliseconds of some images.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import numpy as np

_CALLS = 8
_MIXED = 40


def main(arguments: list[str]) -> None:
    """arguments: task, model, engine, precision, threads."""
    from face_detect_ros.core.errors import PerceptionError
    from face_detect_ros.detectors import catalogue

    task, model, engine, precision, threads = arguments
    options = catalogue.default_options(model, task=task)
    try:
        detector = catalogue.create(
            model, task=task, engine=engine, precision=precision, threads=int(threads)
        )
        detector.detect([np.full((480, 640, 3), 114, np.uint8)], options)
    except PerceptionError as error:
        _answer(error=str(error))
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _answer(device=detector.device, cpu_s=used.ru_utime + used.ru_stime, peak_mb=used.ru_maxrss / 1024)
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


def _answer(**values: object) -> None:
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
