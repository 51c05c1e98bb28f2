# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Starting this package's executables as processes of their own, and talking to managed nodes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

import yaml
from lifecycle_msgs.srv import ChangeState
from rclpy.executors import Executor
from rclpy.node import Node

from face_detect_ros.core.child_process import start_tied
from face_detect_ros.core.errors import PerceptionError
from face_detect_ros.ros import runtime

STOP_TIMEOUT_S = 3.0


class ProcessError(PerceptionError):
    """A process of ours ended or does not answer."""


class NodeProcess:
    """`python -m MODULE` with ROS parameters, in a process group of its own. It does not outlive this process.

    Args:
        module: The node's module.
        parameters: Name -> value. A value that is a mapping holds the parameters of the node of that name alone.
        arguments: More words for its command line.
    """

    def __init__(self, module: str, parameters: Mapping[str, Any], arguments: Sequence[str] = ()) -> None:
        self.name = module.rpartition(".")[2]
        command = [sys.executable, "-m", module, *arguments, "--ros-args", "--log-level", "warn"]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop
        with _parameters_file(parameters) as file:
            # not among the arguments, which everybody can see
            if parameters:
                command += ["--params-file", f"/proc/self/fd/{file.fileno()}"]
            self._process, self._lifeline = start_tied(
                command,
                signal.SIGTERM,
                pass_fds=(file.fileno(),),
                stdout=self._log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def check(self) -> None:
        """Raises ProcessError, with what it printed last, if the process has ended."""
        status = self._process.poll()
        if status is not None:
            raise ProcessError(
                f"{self.name} ended with status {status}: {self.last_words() or 'it printed nothing'}"
            )

    def last_words(self) -> str:
        """The end of what it printed."""
        # pread: the child shares the file's position, which must not move under it
        file = self._log.fileno()
        start = max(0, os.fstat(file).st_size - 1000)
        return os.pread(file, 1000, start).decode(errors="replace").strip()

    def line_like(self, pattern: str) -> str:
        """The first line among the first 64 KiB of what it printed that matches a regular expression; "" for none."""
        text = os.pread(self._log.fileno(), 65_536, 0).decode(errors="replace")
        return next((line for line in text.splitlines() if re.fullmatch(pattern, line)), "")

    def cpu_s(self) -> float:
        """Seconds of processor time it has used so far (Linux)."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for the whole group if that is not enough."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid, signal.SIGKILL)
                self._process.wait()
        self._lifeline.close()
        self._log.close()


def _parameters_file(parameters: Mapping[str, Any]) -> IO[str]:
    """An unnamed file with parameters for whatever node reads it: no password stays, however the processes end."""
    plain = (bool, int, float, str)
    everybody: dict[str, Any] = {}
    content = {"/**": {"ros__parameters": everybody}}
    for key, value in parameters.items():
        if isinstance(value, Mapping):
            own = {name: each if isinstance(each, plain) else str(each) for name, each in value.items()}
            content[f"/**/{key}"] = {"ros__parameters": own}
        else:
            everybody[key] = value if isinstance(value, plain) else str(value)
    file = tempfile.TemporaryFile("w", encoding="utf-8")  # noqa: SIM115 - closed by the caller
    yaml.safe_dump(content, file, sort_keys=False)
    file.flush()
    return file


def wait_until(
    executor: Executor,
    condition: Callable[[], bool],
    watch: Callable[[], None],
    problem: str,
    timeout_s: float = 30.0,
) -> None:
    """Spin an executor until a condition holds.

    Args:
        executor: Worked by the calling thread.
        condition: True ends the wait.
        watch: Called again and again; may raise to end the wait.
        problem: What to say if the condition does not hold in time.
        timeout_s: Longest wait.

    Raises:
        ProcessError: With `problem`, after `timeout_s`.
    """
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        watch()
        if time.monotonic() > deadline_s:
            raise ProcessError(f"{problem} within {timeout_s:g} s")
        runtime.turn(executor, 0.05)


def change_state(
    node: Node, executor: Executor, target: str, transition: int, watch: Callable[[], None]
) -> None:
    """Ask a managed node for a transition, and wait for it.

    Args:
        node: Asks.
        executor: Works `node`.
        target: Full name of the managed node.
        transition: One of lifecycle_msgs/Transition.
        watch: Called again and again; may raise to end the wait.

    Raises:
        ProcessError: The node does not appear, does not answer or refuses.
    """
    client = node.create_client(ChangeState, f"{target}/change_state")
    try:
        wait_until(executor, client.service_is_ready, watch, f"{target} does not appear")
        request = ChangeState.Request()
        request.transition.id = transition
        future = client.call_async(request)
        wait_until(executor, future.done, watch, f"{target} does not answer")
        if not future.result().success:
            raise ProcessError(f"{target} refused transition {transition}")
    finally:
        node.destroy_client(client)
