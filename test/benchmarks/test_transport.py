# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`bench transport`: between real processes."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy")

from face_detect_ros.benchmarks import transport
from face_detect_ros.core.errors import PerceptionError


def test_what_is_published_reliably_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SIZES", {"VGA": (640, 480)})
    monkeypatch.setattr(transport, "TRANSPORTS", ("default",))
    monkeypatch.setattr(transport, "RELIABILITIES", ("reliable",))
    (row,) = transport.run(10, 20.0)
    assert (row.sent, row.arrived) == (10, 10)
    assert row.latency_ms > 0


HANGS = "import time; time.sleep(60)"


@pytest.mark.parametrize(
    ("programs", "said"),
    [
        pytest.param({"_CAMERA": "import no_such_module"}, "camera ended with exit code 1: ModuleN", id="fails"),
        pytest.param({"_CAMERA": "print(1, 2.0)", "_RECEIVER": ""}, "receiver ended with exit code 0;", id="silent"),
        pytest.param({"_CAMERA": HANGS, "_SLACK_S": 0.5}, r"camera did not end within 0\.7 s", id="hangs"),
    ],
)  # fmt: skip
def test_a_process_that_fails_is_an_error_in_one_line(
    monkeypatch: pytest.MonkeyPatch, programs: dict[str, object], said: str
) -> None:
    for name, program in programs.items():
        monkeypatch.setattr(transport, name, program)
    with pytest.raises(PerceptionError, match=said):
        transport.run(1, 10.0)
