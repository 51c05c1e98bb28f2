# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Exit codes of interrupted commands."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from face_detect_ros.cli.common.exits import exit_codes
from face_detect_ros.core.errors import ConfigError, DetectorError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda n: n.name)
@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError, typer.Exit, ConfigError, DetectorError])
def test_what_an_interrupted_command_raises(number, failure):
    def body():
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(number)
        raise failure(7)

    before = signal.getsignal(number)
    with pytest.raises(typer.Exit) as ended, exit_codes():
        body()
    assert ended.value.exit_code == {typer.Exit: 7, ConfigError: 2, DetectorError: 1}.get(failure, 130)
    assert signal.getsignal(number) == before


def test_an_unexpected_error_without_a_signal_is_not_hidden():
    with pytest.raises(RuntimeError), exit_codes():
        raise RuntimeError


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with exit_codes():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def uses_dds(pid):
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if os.readlink(descriptor).startswith("/dev/shm/fast"):
                    return True
    return False


@pytest.mark.parametrize("number", SIGNALS, ids=lambda n: n.name)
def test_a_benchmark_that_is_ended_prints_no_traceback(number):
    pytest.importorskip("rclpy")
    from helpers.ros_tools import wait_until

    command = [sys.executable, "-m", "face_detect_ros.cli.app", "bench", "latency", "/nobody"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        wait_until(lambda: uses_dds(process.pid), "its participant")  # rclpy.init is over, or nearly
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (130, "")
