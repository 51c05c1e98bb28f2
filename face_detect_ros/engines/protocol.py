# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What every engine offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Port:
    """An input or output.

    Attributes:
        name: In the graph.
        shape: A size for each axis, with a name or None where it is free; () where the shape is unknown.
        dtype: None where NumPy has none.
    """

    name: str
    shape: tuple[int | str | None, ...]
    dtype: np.dtype | None

    def __str__(self) -> str:
        sizes = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name} ({sizes or 'shape unknown'})"

    def fixed(self, axis: int) -> int | None:
        """The size along `axis`, or None where it is free or unknown."""
        size = self.shape[axis] if self.shape else None
        return size if isinstance(size, int) and size > 0 else None


class Engine(Protocol):
    """A loaded graph. One thread at a time may use an instance.

    Attributes:
        device: Where and how it computes, for people to read: "cpu (openvino bfloat16)".
        inputs, outputs: In the graph's order.
        metadata: Texts that the file carries, by key.
    """

    device: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    metadata: Mapping[str, str]

    def run(self, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """The outputs, in the graph's order, for arrays by the names of the inputs; free sizes may change every time.

        Raises:
            MemoryError: memory ran out.
            RuntimeError: with the library's reason.
        """
        ...


@dataclass(frozen=True)
class Compute:
    """How a graph is to be computed.

    Attributes:
        device: "auto", "cpu", "cuda" or "cuda:N".
        precision: Auto, float32, bfloat16 or float16; auto is the fastest of the device.
        threads: On a CPU; 0: one for each core that this process may use.
        steady: Compute images of one size alike from the first on, so that results are the same in every run. Else an
            engine may pass to something faster while it works.
    """

    device: str = "auto"
    precision: str = "auto"
    threads: int = 0
    steady: bool = False

    def in_float32(self) -> Compute:
        """The same, but float32 where nobody chose a precision."""
        return replace(self, precision="float32") if self.precision == "auto" else self
