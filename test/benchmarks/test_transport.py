# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`bench transport`: between real processes."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy")

from face_detect_ros.benchmarks import transport


def test_what_is_published_reliably_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SIZES", {"VGA": (640, 480)})
    monkeypatch.setattr(transport, "TRANSPORTS", ("default",))
    monkeypatch.setattr(transport, "RELIABILITIES", ("reliable",))
    (row,) = transport.run(10, 20.0)
    assert (row.sent, row.arrived) == (10, 10)
    assert row.latency_ms > 0
