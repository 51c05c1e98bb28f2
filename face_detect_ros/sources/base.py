# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What every source promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Warn = Callable[[str], None]
"""Receives a message about something that was passed over, such as an unreadable image in a folder."""


def no_warning(message: str) -> None:
    """A `Warn` that ignores the message."""


@dataclass(frozen=True, eq=False)
class Capture:
    """One image from a source.

    Attributes:
        image: (H, W, 3) uint8 RGB; never written to: a still gives the same array again and again.
        captured_s: `time.monotonic` reading taken right after the grab.
    """

    image: np.ndarray
    captured_s: float


class FrameSource(Protocol):
    """Images one after the other. One thread at a time may use an instance.

    description: the source for people to read, without passwords.
    live: paces itself (a camera, a stream, the screen), and may be lost; else the reader has to pace it.
    rate_hz: images a second that it gives or should be read at; None where it is not known.
    """

    @property
    def description(self) -> str: ...

    @property
    def live(self) -> bool: ...

    @property
    def rate_hz(self) -> float | None: ...

    def read(self) -> Capture | None:
        """The next image; None when there is no more. Raises SourceError if it is lost or damaged."""
        ...

    def close(self) -> None:
        """Release the device, connection or process. Calling it twice is fine."""
        ...
