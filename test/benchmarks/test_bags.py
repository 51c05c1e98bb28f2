# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The benchmark of bags measures every step once."""

from face_detect_ros.benchmarks import bags


def test_every_step_is_measured(monkeypatch):
    monkeypatch.setattr(bags, "IMAGES", 3)
    monkeypatch.setattr(bags, "SIZE", (640, 360))
    monkeypatch.setattr(bags, "NETWORK_S", 0.001)
    monkeypatch.setattr(bags, "_FLEET_NETWORK_S", 0.001)
    monkeypatch.setattr(bags, "_BAGS", 2)
    monkeypatch.setattr(bags, "_WORKERS", (1,))
    rows = bags.run()
    assert len(rows) == 11
    assert all(row.ours > 0 for row in rows)
    assert [row.goal is not None for row in rows] == [*([False, False, False, True, False] * 2), False]
