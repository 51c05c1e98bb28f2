# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a stage of the pipeline is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.result import Result

Step = Callable[[Result, PipelineOptions], Result]
"""A stage at work on one stream, with the memory of that stream."""


class Stage(Protocol):
    """One stage for all streams. What it remembers of a stream lives in the steps that `open` returns.

    Attributes:
        name: What it does, in one word, for logs and `Stream.steps`.
    """

    name: str

    def open(self) -> Step:
        """A step for a new stream; two streams never share state."""
        ...

    def close(self) -> None:
        """Release what all steps share. Calling it twice is fine."""
        ...
