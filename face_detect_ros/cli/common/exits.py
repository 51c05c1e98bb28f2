# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How a command ends: one line on stderr and a documented exit code instead of a traceback."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

import typer

from face_detect_ros.core.errors import ConfigError, PerceptionError
from face_detect_ros.core.text import printable, without_credentials
from face_detect_ros.engines import torch as torch_engine

FAILED = 1  # something could not be read, written or computed
BAD_ARGUMENTS = 2
INTERRUPTED = 128 + 2  # as a shell reports SIGINT
READER_GONE = 128 + 13  # as a shell reports SIGPIPE
_ECHO_S = 5.0  # signals of one terminal that is closed


@contextlib.contextmanager
def exit_codes() -> Iterator[None]:
    """Turn the errors of a verb's body into exit codes.

    ConfigError, or PyTorch is not installed: 2. Any other PerceptionError: 1. Ctrl-C, SIGTERM or SIGHUP: 130. Nobody
    reads stdout any more: 141, silently.
    """
    interrupts: list[int] = []
    try:
        with _interrupted_by(interrupts), torch_engine.required_by("this command"):
            yield
        sys.stdout.flush()
    except typer.Exit:
        raise
    except ConfigError as error:
        report(error)
        raise typer.Exit(BAD_ARGUMENTS) from error
    except PerceptionError as error:
        report(error)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(INTERRUPTED) from error
    except BrokenPipeError as error:
        # the interpreter flushes stdout once more at its end and would complain then
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(READER_GONE) from error
    except Exception as error:
        # rclpy ends its context on a signal, and calls in progress fail in many ways
        if not interrupts and not isinstance(error, _ros_shutdown()):
            raise
        raise typer.Exit(INTERRUPTED) from error


@contextlib.contextmanager
def _interrupted_by(received: list[int]) -> Iterator[None]:
    """SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does. Ignored signals stay ignored (nohup).

    Args:
        received: Gets the number of each signal that arrives.
    """

    hung_up_s = float("-inf")

    def interrupt(number: int, _: FrameType | None) -> None:
        nonlocal hung_up_s
        received.append(number)
        if number == signal.SIGHUP:  # a closed terminal sends it more than once: clean up undisturbed
            before_s, hung_up_s = hung_up_s, time.monotonic()
            if hung_up_s - before_s < _ECHO_S:
                return
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = (signal.SIG_DFL, signal.default_int_handler)
    before = {
        number: signal.signal(number, interrupt)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) in usual
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ros_shutdown() -> tuple[type[BaseException], ...]:
    """rclpy's ExternalShutdownException, if rclpy is in use."""
    executors = sys.modules.get("rclpy.executors")
    return () if executors is None else (executors.ExternalShutdownException,)


def report(error: object) -> None:
    """One line on stderr."""
    typer.echo(f"face_detect_ros: {printable(without_credentials(str(error)))}", err=True)
