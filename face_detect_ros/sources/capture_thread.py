# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A thread that reads a source at its rate, and brings a lost camera back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from face_detect_ros.core.errors import ConfigError, SourceError
from face_detect_ros.sources.base import Capture, FrameSource, Warn
from face_detect_ros.sources.opening import open_source as open_any_source
from face_detect_ros.sources.options import SourceOptions
from face_detect_ros.sources.pacing import Backoff, Decimator, Pacer

OnImage = Callable[[np.ndarray, float], None]


@dataclass(frozen=True)
class SourceEvent:
    """Something to tell the user about.

    Attributes:
        kind: "lost": a live source gives nothing; it is tried again and again. Once per outage. "restored": images
            come again. Once per outage. "finished": the end of a file without `loop`. The thread ends. "failed": the
            source cannot be used. The thread ends. "warning": something was passed over and the images go on, such as
            one unreadable file.
        message: For people to read, without passwords.
    """

    kind: Literal["lost", "restored", "finished", "failed", "warning"]
    message: str


class CaptureThread:
    """Reads a source in a daemon thread of its own, from construction to `stop`.

    A file is read at the asked or its own rate, by a schedule that does not drift; late images are not made up for by
    a burst. A live source is read as fast as it gives, so that no old images queue up in it, and images above
    `rate_hz` are left out.

    Args:
        options: The source.
        on_image: Called with each image and when it was captured (see `Capture`), in the capture thread; should
            return soon. An exception in it becomes a warning event, once while it repeats.
        on_event: Called with each event, in the capture thread too.
        open_source: Opens the source.
        backoff: The waits between attempts to reopen a live source.
    """

    def __init__(
        self,
        options: SourceOptions,
        on_image: OnImage,
        on_event: Callable[[SourceEvent], None],
        *,
        open_source: Callable[[SourceOptions, Warn], FrameSource] = open_any_source,
        backoff: Backoff | None = None,
    ) -> None:
        self._options = options
        self._on_image = on_image
        self._on_event = on_event
        self._open_source = open_source
        self._backoff = backoff or Backoff()
        self._stopping = threading.Event()
        self._outage = False
        self._first_s: float | None = None  # when the source that is open now gave its first image
        self._last_failure = ""
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """End the thread and close the source. No image is delivered after this.

        False if a read is still blocked after `timeout_s`: the thread then ends by itself when that returns.
        """
        self._stopping.set()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._read_all()
                return
            except ConfigError as error:
                # nothing that waiting would change
                self._tell("failed", str(error))
                return
            except SourceError as error:
                if not self._options.live:
                    self._tell("failed", str(error))
                    return
                worked_s = 0.0 if self._first_s is None else time.monotonic() - self._first_s
                delay_s = self._backoff.next_s(worked_s)
                if not self._outage:
                    self._outage = True
                    self._tell("lost", f"{error}. Trying again until it is back")
                self._stopping.wait(delay_s)
            except Exception as error:
                self._tell("failed", f"{self._options.description}: {type(error).__name__}: {error}")
                raise

    def _read_all(self) -> None:
        """Open, and deliver until the end or `stop`. Raises SourceError or ConfigError."""
        self._first_s = None
        source = self._open_source(self._options, lambda message: self._tell("warning", message))
        try:
            if source.live:
                self._read_live(source)
            else:
                self._read_file(source)
        finally:
            source.close()

    def _read_file(self, source: FrameSource) -> None:
        pacer = Pacer(source.rate_hz) if source.rate_hz else None
        while not self._stopping.is_set():
            # first wait, then read: the time of capture is when the image is due
            if pacer and self._stopping.wait(pacer.wait_s(time.monotonic())):
                return
            capture = source.read()
            if capture is None:
                self._tell("finished", f"{source.description}: finished")
                return
            self._deliver(capture)

    def _read_live(self, source: FrameSource) -> None:
        decimator = Decimator(self._options.rate_hz)
        while not self._stopping.is_set():
            capture = source.read()
            if capture is None:
                raise SourceError(f"{source.description}: the stream ended")
            if self._first_s is None:
                self._first_s = capture.captured_s
            if self._outage:
                self._outage = False
                self._tell("restored", f"{source.description}: images come again")
            if decimator.takes(capture.captured_s):
                self._deliver(capture)

    def _deliver(self, capture: Capture) -> None:
        if self._stopping.is_set():
            return
        try:
            self._on_image(capture.image, capture.captured_s)
        except Exception as error:  # noqa: BLE001 - one image that cannot be handled must not end all of them
            failure = (
                f"{self._options.description}: an image was not handled: {type(error).__name__}: {error}"
            )
            if failure != self._last_failure:
                self._tell("warning", failure)
            self._last_failure = failure
        else:
            self._last_failure = ""

    def _tell(self, kind: Literal["lost", "restored", "finished", "failed", "warning"], message: str) -> None:
        if not self._stopping.is_set():
            self._on_event(SourceEvent(kind, message))
