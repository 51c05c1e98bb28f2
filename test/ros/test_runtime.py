# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Running nodes: which executor, and what ends it."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import rclpy
from helpers.ros_tools import wait_until
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future

from face_detect_ros.ros import runtime


@pytest.fixture
def context():
    context = Context()
    rclpy.init(context=context)
    yield context
    context.try_shutdown()


@pytest.fixture(params=["this_rclpy", "rclpy_of_jazzy"])
def executor(request, context, monkeypatch):
    if request.param == "rclpy_of_jazzy":
        monkeypatch.setattr(runtime, "version", lambda _: "7.1.5")
    executor = runtime.make_executor(context)
    old = int(runtime.version("rclpy").split(".")[0]) < 9
    assert isinstance(executor, SingleThreadedExecutor) == old
    yield executor
    executor.shutdown()


@pytest.fixture
def node(context, executor):
    node = Node("worker", context=context)
    executor.add_node(node)
    yield node
    executor.remove_node(node)
    node.destroy_node()


def test_it_works_until_told(context, executor, node):
    ticks = []
    node.create_timer(0.01, lambda: ticks.append(1))
    runtime.spin(executor, context, until=lambda: len(ticks) >= 3)
    assert len(ticks) >= 3


def test_a_bug_in_a_callback_comes_out(context, executor, node):
    def fail():
        raise ZeroDivisionError("a bug")

    node.create_timer(0.01, fail)
    with pytest.raises(ZeroDivisionError):
        runtime.spin(executor, context)


def test_an_end_in_the_middle_of_a_callback_is_quiet(context, executor, node):
    def end_and_publish():
        context.try_shutdown()
        node.create_publisher(int, "x", 1)

    node.create_timer(0.01, end_and_publish)
    runtime.spin(executor, context)
    assert not context.ok()


def test_it_returns_at_once_after_the_end(context, executor, node):
    context.try_shutdown()
    runtime.spin(executor, context)


def catches(pid, number):
    """Whether the process has a handler for the signal (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(re.search(r"SigCgt:\s*(\w+)", status).group(1), 16) >> (number - 1) & 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_modules_are_imported_ends_in_silence(number):
    command = [sys.executable, "-m", "face_detect_ros.ros.start", "object_detector"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        wait_until(lambda: catches(process.pid, signal.SIGTERM), "the handler of the entry point")
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (0, "")


def test_a_coroutine_that_waits_takes_little_of_a_core(context, executor, node):
    answer = Future(executor=executor)
    seen = []

    async def wait():
        seen.append(await runtime.Resting(answer))

    executor.create_task(wait)
    node.create_timer(1.0, lambda: answer.done() or answer.set_result("came"))
    before_s = time.thread_time()
    runtime.spin(executor, context, until=lambda: seen)
    assert seen == ["came"]
    assert time.thread_time() - before_s < 0.5  # it would be the whole second
