# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A detector in a process of its own, for one that would block this one.

dlib's CNN holds Python's lock for seconds per image; no thread, service or parameter of this process would
move meanwhile. Across the border a VGA image costs well under a millisecond.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from face_detect_ros.core.child_process import decode_error
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import DetectorError
from face_detect_ros.core.frame import check_image
from face_detect_ros.core.protocols import DetectOptions, StageTimes
from face_detect_ros.detectors.isolated.protocol import ImageMemory

_LOG = logging.getLogger(__name__)
PATIENCE_S = 300.0
"""A child that has not answered for so long hangs, and is ended: far longer than loading or an image takes."""
_WORKER = "from face_detect_ros.detectors.isolated.worker import main"


class IsolatedDetector:
    """A Detector whose work happens in a child process.

    Args:
        factory: "module:function" as in the catalogue; called with `device` in the child.
        device: auto, cpu, cuda or cuda:N, as for the factory.

    The constructor waits until the child has loaded its weights and raises what the factory raised
    (ConfigError, DeviceError, WeightsError, ...), or DetectorError if the child died. A child that dies later
    is reported once, as a DetectorError of the call that noticed, and the next call starts another. One
    thread at a time may call `detect` and `warmup`; `close` may come from any thread, also while another
    waits for `detect`, which then raises DetectorError. The child dies with this process, however that ends.
    """

    def __init__(self, factory: str, device: str = "auto") -> None:
        self.labels: tuple[str, ...] = ()
        self.device = device
        self.times = StageTimes()
        self._factory = factory
        self._requested_device = device
        self._memory = ImageMemory()
        self._child: _Child | None = None
        self._closed = False
        self._state = threading.Lock()  # guards _child and _closed; held only for moments
        self._busy = threading.Lock()  # held while a call uses the child and the memory
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int | None:
        """Process id of the child; None after `close` or when it died during a call."""
        child = self._child
        return child.pid if child else None

    def detect(self, images: Sequence[np.ndarray], options: DetectOptions) -> list[Detections]:
        """As Detector says; besides, DetectorError if the child died or the detector was closed."""
        for image in images:
            check_image(image)
        with self._busy:
            child = self._running()
            started_s = time.perf_counter()
            try:
                places = self._memory.write(images)
            except OSError as error:
                raise DetectorError(f"no memory to hand over {len(images)} image(s): {error}") from error
            copied_ms = (time.perf_counter() - started_s) * 1e3
            detections, times = self._ask(child, "detect", (places, options))
        self.times = replace(times, pre_ms=times.pre_ms + copied_ms)
        return list(detections)

    def warmup(self) -> None:
        with self._busy:
            self._ask(self._running(), "warmup", None)

    def close(self) -> None:
        """Kill the child, also in the middle of its work, and release everything. Twice is fine."""
        with self._state:
            self._closed = True
            child, self._child = self._child, None
            if child:
                child.kill()
        # a detect that waited for the child leaves at once. Not for ever: a signal handler may have
        # interrupted it in this very thread, and then memory and connection go with this object
        if self._busy.acquire(timeout=0.5):
            try:
                self._memory.close()
                if child:
                    child.close()
            finally:
                self._busy.release()

    def _running(self) -> _Child:
        """The child, a new one if it has died."""
        child = self._child
        if child is not None and child.alive():
            return child
        if child is not None:
            _LOG.warning("%s while idle; starting it again", child.obituary())
        return self._start()

    def _start(self) -> _Child:
        with self._state:
            if self._closed:
                raise DetectorError("the detector is closed")
            previous, self._child = self._child, None
            if previous:
                previous.close()
            child = self._child = _Child(self._factory, self._requested_device, self._memory.fd)
        self.labels, self.device = self._receive(child)
        return child

    def _ask(self, child: _Child, verb: str, arguments: object) -> Any:
        with contextlib.suppress(OSError):  # a dead child shows when its answer is read
            child.connection.send((verb, arguments))
        return self._receive(child)

    def _receive(self, child: _Child) -> Any:
        try:
            if not child.connection.poll(PATIENCE_S):
                child.kill()
                self._forget(child)
                hangs = f"the process of {self._factory} has not answered for {PATIENCE_S:g} s"
                raise DetectorError(f"{hangs}; the next image starts it again")
            status, result = child.connection.recv()
        except (EOFError, OSError) as error:
            child.kill()
            if self._closed:
                raise DetectorError("the detector was closed while it worked") from error
            self._forget(child)
            raise DetectorError(f"{child.obituary()}; the next image starts it again") from error
        except DetectorError:
            raise
        except BaseException:
            # an interrupted call must not leave its answer behind for the next one
            child.kill()
            self._forget(child)
            raise
        if status == "error":
            raise decode_error(result)
        return result

    def _forget(self, child: _Child) -> None:
        with self._state:
            if self._child is child:
                self._child = None
        child.close()


class _Child:
    """One child process with its connection and lifeline."""

    def __init__(self, factory: str, device: str, memory_fd: int) -> None:
        """Raises DetectorError if no process can be started."""
        self._factory = factory
        self.connection, theirs = multiprocessing.Pipe()
        lifeline, self._lifeline = os.pipe()
        # the same import path as here, and neither this process's main module nor its working directory first
        path = [entry for entry in sys.path if isinstance(entry, str)]
        command = [sys.executable, "-c", f"import sys; sys.path[:] = {path!r}; {_WORKER}; main(sys.argv[1:])"]
        numbers = (theirs.fileno(), lifeline, memory_fd)
        try:
            with _interrupts_blocked():
                self._process = subprocess.Popen(
                    [*command, *map(str, numbers), factory, device],
                    stdin=subprocess.DEVNULL,
                    pass_fds=numbers,
                )
        except OSError as error:
            self.connection.close()
            os.close(self._lifeline)
            raise DetectorError(f"cannot start a process for {factory}: {error}") from error
        finally:
            theirs.close()
            os.close(lifeline)
        self.pid = self._process.pid
        self._end = weakref.finalize(self, _end, self._process, self._lifeline)

    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End it at once and wait until it is gone, so that no zombie stays."""
        self._end()

    def close(self) -> None:
        self.kill()
        self.connection.close()

    def obituary(self) -> str:
        code = self._process.poll()
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                name = signal.Signals(-code).name
                hint = " (out of memory?)" if name == "SIGKILL" else ""
                return f"the process of {self._factory} was killed by {name}{hint}"
        return f"the process of {self._factory} ended by itself (exit code {code})"


def _end(process: subprocess.Popen[bytes], lifeline: int) -> None:
    process.kill()
    process.wait()
    os.close(lifeline)


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """A process started inside ignores Ctrl-C from its first instruction on, and prints no traceback."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
