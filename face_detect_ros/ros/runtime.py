# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Running nodes: the cheapest executor there is, and an orderly end on Ctrl-C or SIGTERM."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.images.quiet import silence_opencv
from face_detect_ros.ros import shared_memory

# how long an end may wait for a detector that is in the middle of an image
STOP_TIMEOUT_S = 0.5
_REST_S = 0.002
_KILTED_MAJOR = 9  # of rclpy's version


# what users set to choose transports themselves
_TRANSPORT_VARIABLES = (
    "FASTDDS_BUILTIN_TRANSPORTS",
    "FASTDDS_DEFAULT_PROFILES_FILE",
    "FASTRTPS_DEFAULT_PROFILES_FILE",
)


def carry_large_images() -> None:
    """Let Fast DDS pass large images between processes of a machine; to be called before a context is made.

    Sets a transport profile in this process's environment, unless the user has chosen transports, and removes what
    processes of this user that were killed have left in /dev/shm.
    """
    shared_memory.remove_dead_segments()
    if any(name in os.environ for name in _TRANSPORT_VARIABLES):
        return
    profile = shared_memory.profile()
    if profile is not None:
        os.environ[shared_memory.profile_variable()] = str(profile)


def stay_on_this_computer() -> None:
    """Keep the processes of a command apart from other robots, unless the user has chosen a network for them.

    To be called before a context is made.
    """
    # robots, and the tests of this package, use low numbers
    os.environ.setdefault("ROS_DOMAIN_ID", str(random.randint(51, 101)))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")


def make_executor(context: Context | None = None) -> Executor:
    """rclpy's EventsExecutor from Kilted on: it takes a fraction of the CPU time of the wait-set executors (rclpy
    issue 1389). Else a SingleThreadedExecutor."""
    # Jazzy has one too, which sends the coroutine of an async service as its answer, and dies of it
    if _rclpy_major() < _KILTED_MAJOR:
        return SingleThreadedExecutor(context=context)
    from rclpy.experimental.events_executor import EventsExecutor

    return EventsExecutor(context=context or rclpy.get_default_context())


def _rclpy_major() -> int:
    try:
        return int(version("rclpy").split(".")[0])
    except (PackageNotFoundError, ValueError):
        return 0


class Resting:
    """Awaits a future of rclpy while the executor rests a little between two looks at it.

    rclpy's executors go on with a coroutine that waits again and again, which would take a whole core.
    """

    def __init__(self, future: Future) -> None:
        self._future = future

    def __await__(self) -> Generator[None, None, Any]:
        while not self._future.done():
            time.sleep(_REST_S)
            yield
        return self._future.result()


def turn(executor: Executor, timeout_s: float, context: Context | None = None) -> None:
    """Work for a moment.

    What executors and callbacks raise because the context ended in the middle of their work is not an error.

    Args:
        executor: Worked by the calling thread.
        timeout_s: Longest wait for work.
        context: None: the default one.

    Raises:
        ExternalShutdownException: The context has ended.
    """
    try:
        executor.spin_once(timeout_sec=timeout_s)
    except (KeyboardInterrupt, ExternalShutdownException):
        raise
    except Exception as error:
        if rclpy.ok(context=context):
            raise
        raise ExternalShutdownException from error


def spin(executor: Executor, context: Context | None = None, until: Callable[[], bool] | None = None) -> None:
    """Work until the context is shut down (Ctrl-C, SIGTERM).

    Args:
        executor: Worked by the calling thread.
        context: None: the default one.
        until: True ends the work, too; checked every 0.1 s.
    """
    try:
        # not executor.spin(): some builds of EventsExecutor compute a deadline that overflows, and never wake
        while rclpy.ok(context=context) and not (until is not None and until()):
            turn(executor, 1.0 if until is None else 0.1, context)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass


def main(make_nodes: Callable[[], Sequence[Node]], args: Sequence[str] | None = None) -> int:
    """Initialize ROS, run nodes in one executor, and end cleanly.

    After SIGINT or SIGTERM the nodes stop while the context still lives, so that nothing publishes or logs into one
    that is gone. A node that cannot be made (ConfigError: a parameter of the wrong type, say) gives one line and
    status 1.

    Args:
        make_nodes: Makes the nodes, once ROS is initialized.
        args: Of the command line; None: those of this process.

    Returns:
        The exit status.
    """
    carry_large_images()
    silence_opencv()
    asked, ended = threading.Event(), threading.Event()
    _watch_signals(asked, ended)
    try:
        rclpy.init(
            args=list(args) if args is not None else None, signal_handler_options=SignalHandlerOptions.NO
        )
    except Exception as error:  # noqa: BLE001 - rclpy has no narrower type for unusable ROS arguments
        print(f"cannot start ROS: {error}", file=sys.stderr)
        return 1
    nodes: Sequence[Node] = ()
    executor: Executor | None = None
    idle = True
    try:
        nodes = make_nodes()
        executor = make_executor()
        for node in nodes:
            executor.add_node(node)
        spin(executor, until=asked.is_set)
    except ConfigError as error:
        rclpy.logging.get_logger("face_detect_ros").fatal(str(error))
        return 1
    finally:
        for node in nodes:
            idle = node.stop(STOP_TIMEOUT_S) and idle  # type: ignore[attr-defined]
        if executor is not None:
            # it holds the nodes: others would see them for another 20 s if the process ends without cleaning up
            executor.shutdown(STOP_TIMEOUT_S)
        for node in nodes:
            node.destroy_node()
        rclpy.try_shutdown()
        ended.set()
    if not idle:
        _exit_at_once()
    return 0


def _watch_signals(asked: threading.Event, ended: threading.Event) -> None:
    """Set `asked` on SIGINT or SIGTERM, and end the process soon after, also while it is still loading a network.

    A handler in Python runs when the main thread is between two steps of the interpreter, which a long native call
    keeps it from: a thread of its own sees the signal at once.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    os.set_blocking(reading, True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def watch() -> None:
        while not {signal.SIGINT, signal.SIGTERM} & set(os.read(reading, 64)):
            pass
        asked.set()
        if not ended.wait(2 * STOP_TIMEOUT_S):
            _exit_at_once()

    threading.Thread(target=watch, name="watch_signals", daemon=True).start()


def _exit_at_once() -> None:
    # a native call that cannot be interrupted would crash in the interpreter's own teardown
    shared_memory.remove_own_segments()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
