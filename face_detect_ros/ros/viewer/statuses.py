# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The latest diagnostics of the nodes that a page shows."""

from __future__ import annotations

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray

SILENT_S, FORGOTTEN_S = 5.0, 60.0
"""Diagnostics that are older are shown as silent, and at last no more."""
SILENT = 3
"""Level of what is silent, as diagnostic_msgs/DiagnosticStatus has it for stale."""
MOST_STATUSES = 64


class Statuses:
    """What nodes in `namespace` have reported, a bounded amount of it."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace.strip("/")
        self._statuses: dict[str, tuple[float, dict[str, Any]]] = {}

    def add(self, message: DiagnosticArray) -> None:
        """Take a report."""
        now_s = time.monotonic()
        for status in message.status[:MOST_STATUSES]:
            name = status.name[:200]
            if name.partition(":")[0].rpartition("/")[0].strip("/") != self._namespace:
                continue  # another robot's
            self._statuses[name] = (
                now_s,
                {
                    "name": name.removeprefix(f"{self._namespace}/") if self._namespace else name,
                    "level": status.level[0] if isinstance(status.level, bytes) else int(status.level),
                    "message": status.message[:2000],
                    "values": {item.key[:100]: item.value[:500] for item in status.values[:100]},
                },
            )
            if len(self._statuses) > MOST_STATUSES:
                del self._statuses[next(iter(self._statuses))]

    def as_json(self) -> list[dict[str, Any]]:
        """Everything that was reported lately, by name, as the page takes it."""
        now_s = time.monotonic()
        for name, (arrival_s, _) in list(self._statuses.items()):
            if now_s - arrival_s > FORGOTTEN_S:
                del self._statuses[name]
        return [
            {**status, "level": SILENT if now_s - arrival_s > SILENT_S else status["level"]}
            for _, (arrival_s, status) in sorted(self._statuses.items())
        ]

    def figures(self, key: str) -> list[str]:
        """Every value that was reported under `key`."""
        return [status["values"][key] for _, status in self._statuses.values() if key in status["values"]]
