# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The engine `torch`: the networks as they are defined, on a CPU or, by CUDA graphs, on a GPU.

Detectors that offer it run their own PyTorch code (`nn`); this is what all of them share.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from face_detect_ros.core.errors import EngineError
from face_detect_ros.engines import turns

_WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}


def wait_passively() -> None:
    """Have PyTorch's threads sleep while they have nothing to do, unless the environment says otherwise.

    By default they spin, which takes more of the CPU than most networks here do, from everybody else. It must be
    called before PyTorch is loaded for the first time.
    """
    if "torch" not in sys.modules and not any(name in os.environ for name in _WAITING):
        os.environ.update(_WAITING)


@contextlib.contextmanager
def required_by(what: str) -> Iterator[None]:
    """Report a missing PyTorch as an error with the next step.

    Args:
        what: What imports it, such as "this model".

    Raises:
        EngineError: PyTorch is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise EngineError(f"{what} needs PyTorch, which is not installed; run: pip install torch") from error


def turn(on_cpu: bool) -> contextlib.AbstractContextManager[None]:
    """The cores for a network of PyTorch that runs in this thread; see `turns`."""
    import torch

    return turns.take(torch.get_num_threads() if on_cpu else 0)


def use_threads(count: int) -> None:
    """Have PyTorch compute by `count` threads where this thread calls it; 0: as it is."""
    if count:
        import torch

        torch.set_num_threads(count)
