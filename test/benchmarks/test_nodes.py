# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Benchmarks that start nodes: short runs of them."""

import pytest
import rclpy

from face_detect_ros.benchmarks import cameras, endurance, latency
from face_detect_ros.ros import runtime


def test_each_camera_gets_its_results(monkeypatch):
    monkeypatch.setattr(latency, "SETTLE_S", 0.5)
    (row,) = cameras.run(5.0, 2.0, (2,))
    assert (row.cameras, row.input_hz) == (2, 5.0)
    assert row.total_hz == pytest.approx(row.least_hz + row.most_hz)
    assert 1 < row.least_hz <= row.most_hz < 8
    assert 0 < row.p50_ms <= row.p95_ms
    assert row.cpu_percent > 0
    assert row.memory_mb > 50


def test_lives_leave_nothing_behind(monkeypatch):
    monkeypatch.setattr(endurance, "WARM", 1)
    runtime.carry_large_images()
    rclpy.init()
    try:
        found = endurance.lives(2)
    finally:
        rclpy.try_shutdown()
    assert found.times == 2
    assert found.before.entities == found.after.entities > 10
    assert abs(found.after.threads - found.before.threads) <= 2
    assert found.after.memory_mb > 20
