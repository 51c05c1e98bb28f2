# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a child process and its owner share: errors as plain values, and an end in common."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
from collections.abc import Sequence
from typing import IO, Any

from face_detect_ros.core import errors

EncodedError = tuple[str, str, str]
"""Class name in core.errors, message, reason (of an ImageError, else empty)."""


def encode_error(error: BaseException) -> EncodedError:
    """Any exception as plain values; one from outside core.errors becomes a DetectorError that names it."""
    name = type(error).__name__
    if isinstance(error, errors.PerceptionError) and hasattr(errors, name):
        return name, str(error), getattr(error, "reason", "")
    return errors.DetectorError.__name__, f"{name}: {error}", ""


def decode_error(encoded: EncodedError) -> errors.PerceptionError:
    """The exception again, of its own class."""
    name, message, reason = encoded
    if name == errors.ImageError.__name__:
        return errors.ImageError(reason, message)
    error: errors.PerceptionError = getattr(errors, name)(message)
    return error


def die_with_owner(lifeline_fd: int) -> None:
    """Have the kernel end this process as soon as the other end of the lifeline pipe closes.

    A thread that waits for it would not get Python's lock while a network holds it, and PR_SET_PDEATHSIG acts
    on the end of the thread that started this process, not of the owner.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)  # its default action ends the process
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGIO})
    fcntl.fcntl(lifeline_fd, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline_fd, fcntl.F_SETFL, fcntl.fcntl(lifeline_fd, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([lifeline_fd], [], [], 0)[0]:  # closed before the kernel was asked to watch it
        os._exit(1)


def start_tied(
    command: Sequence[str], number: int, pass_fds: Sequence[int] = (), **options: Any
) -> tuple[subprocess.Popen[Any], IO[bytes]]:
    """Start any program so that it does not outlive its owner, however the owner ends.

    Args:
        command: The program and its arguments.
        number: Signal that the kernel sends the program when its owner ends.
        pass_fds: Open files that the program inherits.
        **options: Of subprocess.Popen.

    Returns:
        The process and its lifeline, to be closed after the process has ended.
    """
    theirs, ours = os.pipe()
    lifeline = open(ours, "wb", buffering=0)  # noqa: SIM115 - closed by the caller
    try:
        process = subprocess.Popen(command, pass_fds=(*pass_fds, theirs), **options)
        # these belong to the open pipe, which the process shares: it need not know about them
        fcntl.fcntl(theirs, fcntl.F_SETOWN, process.pid)
        fcntl.fcntl(theirs, fcntl.F_SETSIG, number)
        fcntl.fcntl(theirs, fcntl.F_SETFL, fcntl.fcntl(theirs, fcntl.F_GETFL) | os.O_ASYNC)
    except BaseException:
        lifeline.close()
        raise
    finally:
        os.close(theirs)
    return process, lifeline
