# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The child process of `IsolatedDetector`: makes one detector and answers requests until its owner is gone.

Started as ``python -c "<set sys.path>; from face_detect_ros.detectors.isolated.worker import main; ..."``
with the file numbers it inherits; never run by hand.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from multiprocessing.connection import Connection

from face_detect_ros.core.child_process import die_with_owner, encode_error
from face_detect_ros.core.errors import PerceptionError
from face_detect_ros.core.protocols import Detector
from face_detect_ros.detectors.catalogue import load_factory
from face_detect_ros.detectors.isolated.protocol import ImageMemory


def main(arguments: list[str]) -> None:
    """arguments: file numbers of the connection, the lifeline and the image memory; factory; device."""
    connection_fd, lifeline_fd, memory_fd = (int(value) for value in arguments[:3])
    factory, device = arguments[3:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the owner decides
    die_with_owner(lifeline_fd)
    with contextlib.suppress(OSError):
        os.dup2(2, 1)  # the owner's stdout carries its results, not what a library may print here
    connection = Connection(connection_fd)
    memory = ImageMemory(memory_fd)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            detector = load_factory(factory)(device)
        except Exception as error:  # noqa: BLE001 - the owner gets it
            connection.send(("error", _report(error)))
            return
        connection.send(("ready", (tuple(detector.labels), detector.device)))
        while True:
            _answer(connection, detector, memory)


def _answer(connection: Connection, detector: Detector, memory: ImageMemory) -> None:
    verb, arguments = connection.recv()
    try:
        if verb == "warmup":
            detector.warmup()
            result = None
        else:
            places, options = arguments
            result = (detector.detect(memory.read(places), options), detector.times)
    except Exception as error:  # noqa: BLE001 - the owner gets it
        connection.send(("error", _report(error)))
    else:
        connection.send(("done", result))


def _report(error: Exception) -> tuple[str, str, str]:
    if not isinstance(error, PerceptionError):
        # the owner's traceback ends at the process border; a bug is found by this one
        traceback.print_exception(type(error), error, error.__traceback__, file=sys.stderr)
    return encode_error(error)
