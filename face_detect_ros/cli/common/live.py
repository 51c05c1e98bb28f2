# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Frames of cameras, streams and the screen, the newest first."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from face_detect_ros.core.errors import SourceError
from face_detect_ros.core.frame import Frame
from face_detect_ros.core.mailbox import Mailbox
from face_detect_ros.sources.opening import open_source
from face_detect_ros.sources.options import SourceOptions
from face_detect_ros.sources.video import FALLBACK_RATE_HZ

_END_S = 1.0  # for a read that is under way
_LOOK_S = 0.2


class LiveFrames:
    """The newest frame of a live source again and again; those that come meanwhile are left out. A context manager.

    Attributes:
        description: The source, for people to read, without passwords.
        rate_hz: Images per second that it says to give.
    """

    def __init__(self, source: str) -> None:
        """Open it. Raises SourceError if it is not there, ConfigError if it cannot be used here."""
        options = SourceOptions(source=source)
        self.description = options.description
        self._source = open_source(options)
        self.rate_hz = self._source.rate_hz or FALLBACK_RATE_HZ
        self._newest: Mailbox[Frame] = Mailbox()
        self._error: SourceError | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._read, name="live", daemon=True)

    def __enter__(self) -> LiveFrames:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._thread.join(_END_S)

    def __iter__(self) -> Iterator[Frame]:
        """Each frame that is taken, until the source ends. Raises SourceError if it is lost."""
        while True:
            ended = self._ended  # looked at before the frame: the last one is given too
            # with a time limit: a signal ends no wait that has none
            frame = self._newest.take(_LOOK_S)
            if frame is not None:
                yield frame
            elif ended:
                if self._error is not None:
                    raise self._error
                return

    def _read(self) -> None:
        offset_s = time.time() - time.monotonic()
        try:
            while not self._ended and (capture := self._source.read()) is not None:
                stamp_ns = round((capture.captured_s + offset_s) * 1e9)
                self._newest.put(Frame(capture.image, stamp_ns=stamp_ns, arrival_s=capture.captured_s))
        except SourceError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001 - raised again where the frames are taken
            self._error = SourceError(f"{self.description}: {type(error).__name__}: {error}")
        finally:
            self._source.close()
            self._ended = True
