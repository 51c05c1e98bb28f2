# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is counted and measured on one stream."""

from __future__ import annotations

import math
import threading
from collections import Counter

from face_detect_ros.core.statistics import DurationWindow, RateMeter

_LONGEST_LATENCY_MS = 3_600_000.0


_HINTS = {
    "arrive": "images arrive %.0f ms after their stamps; use `perception`, which has camera and detectors in one "
    "process, image_transport compressed, or check that the clocks agree",
    "network": "the network takes %.0f ms; use a smaller model or input_size, a faster engine or a GPU",
    "wait": "images wait %.0f ms for their turn; lower max_rate_hz or the load of the machine, or use fewer cameras",
}


class StreamStatistics:
    """Figures of one stream. Safe between threads.

    latency_ms: image stamp to published, by the node's clock. processing_ms: arrival to published.
    network_ms: in the network. overhead_ms: processing without the network. latest_jump_s: how far back time went
    when it last started again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.rejected: Counter[str] = Counter()
        self.processed = 0
        self.detections = 0
        self.time_jumps = 0
        self.latest_jump_s = 0.0
        self.input_rate = RateMeter()
        self.output_rate = RateMeter()
        self.latency_ms = DurationWindow()
        self.processing_ms = DurationWindow()
        self.network_ms = DurationWindow()
        self.overhead_ms = DurationWindow()

    def reject(self, reason: str, images: int = 1) -> None:
        with self._lock:
            self.rejected[reason] += images

    def published(self, detections: int, latency_ms: float, processing_ms: float, network_ms: float) -> bool:
        """Count a result.

        Args:
            detections: How many were published.
            latency_ms: From the image's stamp to now.
            processing_ms: From taking up the image to now.
            network_ms: In the network.

        Returns:
            False if the latency is not counted, because the image has no stamp or one of another clock.
        """
        self.processed += 1
        self.detections += detections
        self.output_rate.tick()
        measured = abs(latency_ms) < _LONGEST_LATENCY_MS
        if measured:
            self.latency_ms.add(latency_ms)
        self.processing_ms.add(processing_ms)
        self.network_ms.add(network_ms)
        self.overhead_ms.add(processing_ms - network_ms)
        return measured

    def slowness(self, limit_ms: float) -> str:
        """Where the time goes and what to do, if the 95th percentile of the latency is above a limit; else empty."""
        latency_ms = self.latency_ms.percentile(95)
        if not latency_ms > limit_ms:  # NaN is not
            return ""
        typical = {
            name: window.percentile(50)
            for name, window in (
                ("latency", self.latency_ms), ("processing", self.processing_ms), ("network", self.network_ms)
            )
        }  # fmt: skip
        parts_ms = {
            "arrive": typical["latency"] - typical["processing"],
            "network": typical["network"],
            "wait": typical["processing"] - typical["network"],
        }
        worst = max(parts_ms, key=lambda part: parts_ms[part])
        return (
            f"latency is {latency_ms:.0f} ms (p95), more than {limit_ms:g}: {_HINTS[worst] % parts_ms[worst]}"
        )

    def values(self) -> dict[str, str]:
        with self._lock:
            rejected = dict(self.rejected)
        windows = {
            "latency": self.latency_ms,
            "processing": self.processing_ms,
            "network": self.network_ms,
            "overhead": self.overhead_ms,
        }
        figures = {
            f"{name}_p{percent}_ms": window.percentile(percent)
            for name, window in windows.items()
            for percent in (50, 95, 99)
        }
        return {
            "processed": str(self.processed),
            "detections": str(self.detections),
            "rejected": str(sum(rejected.values())),
            **{f"rejected_{reason}": str(count) for reason, count in sorted(rejected.items())},
            "time_jumps": str(self.time_jumps),
            "input_hz": f"{self.input_rate.hz():.1f}",
            "output_hz": f"{self.output_rate.hz():.1f}",
            **{name: "" if math.isnan(value) else f"{value:.2f}" for name, value in figures.items()},
        }
