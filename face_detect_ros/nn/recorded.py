# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A network's calls without the cost of Python between its layers, recorded for each shape of input.

On a CPU a call becomes a TorchScript graph, on a GPU a CUDA graph. Small networks gain most: a call of YOLOv9's t has
some four hundred operations, each with a fraction of its time in Python.
"""

from __future__ import annotations

import hashlib
import threading
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

# of one camera there is one shape, on a GPU one for each size of batch; a recording takes memory
MOST_SHAPES = 8
# on a CPU a recording takes a second or two, which as many calls must gain again: folders of many sizes never would
RECORD_AFTER = 50

Outputs = tuple[Tensor, ...]
_Call = Callable[[Tensor], Outputs]

# torch never frees what it has traced (40 to 100 MB each), so a node that is configured again must not trace the same
# network again: its latest scripts outlive it
_SCRIPTS: dict[tuple[object, ...], _Call] = {}
_SCRIPTS_LOCK = threading.Lock()


class Recorded:
    """Calls a network, a function of one tensor in eval mode that returns a tuple of tensors, from a recording.

    On a GPU a shape is recorded when it comes for the second time; on a CPU when it comes `RECORD_AFTER` times in a
    row, or as the first two, as in a warm-up. What cannot be recorded, would give another answer, or comes after
    `MOST_SHAPES` others is called directly, and so is a batch of several on a CPU, where Python takes little of the
    time. On a GPU the next call overwrites the outputs. One thread at a time, in inference mode.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._calls: dict[tuple[int, ...], _Call] = {}
        self._seen: set[tuple[int, ...]] = set()
        self._latest: tuple[int, ...] = ()
        self._in_a_row = 0
        self._pool: Any = None

    def __call__(self, images: Tensor) -> Outputs:
        shape = tuple(images.shape)
        call = self._calls.get(shape)
        if call is None and self._is_due(shape, images):
            call = self._calls[shape] = self._record(images)
        outputs: Outputs = (call or self._network)(images)
        return outputs

    def _is_due(self, shape: tuple[int, ...], images: Tensor) -> bool:
        """Whether to record the shape of this call, which is counted."""
        self._in_a_row = self._in_a_row + 1 if shape == self._latest else 1
        self._latest = shape
        again, first = shape in self._seen, self._seen <= {shape}
        self._seen.add(shape)
        if not again or len(self._calls) >= MOST_SHAPES:
            return False
        if images.is_cuda:
            return True
        return len(images) == 1 and (first or self._in_a_row >= RECORD_AFTER)

    def _record(self, images: Tensor) -> _Call:
        expected: Outputs = self._network(images)
        try:
            call = self._cuda_graph(images) if images.is_cuda else self._script(images)
            same = all(
                torch.allclose(a, b, rtol=1e-3, atol=1e-3, equal_nan=True)
                for a, b in zip(call(images), expected, strict=True)
            )
        except RuntimeError:  # whatever the reason, the network itself still works, or says what is wrong
            return self._network
        return call if same else self._network

    def _script(self, images: Tensor) -> _Call:
        key = (type(self._network), _fingerprint(self._network), images.shape, images.dtype, images.stride())
        with _SCRIPTS_LOCK:
            call = _SCRIPTS.pop(key, None) or self._traced(images)
            _SCRIPTS[key] = call
            while len(_SCRIPTS) > MOST_SHAPES:
                del _SCRIPTS[next(iter(_SCRIPTS))]
        return call

    def _traced(self, images: Tensor) -> _Call:
        with warnings.catch_warnings():
            # sizes become constants, which is what is wanted: a recording is of one shape
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(self._network, images, check_trace=False)
            call: _Call = torch.jit.freeze(traced)
        for _ in range(2):  # which optimize
            call(images)
        return call

    def _cuda_graph(self, images: Tensor) -> _Call:
        with torch.cuda.device(images.device):
            kept = images.clone()
            current, side = torch.cuda.current_stream(), torch.cuda.Stream()
            side.wait_stream(current)
            with torch.cuda.stream(side):  # libraries choose their algorithms before the capture
                for _ in range(3):
                    self._network(kept)
            current.wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            self._pool = self._pool or torch.cuda.graph_pool_handle()
            # thread_local: another detector of this process may allocate meanwhile
            with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                outputs: Outputs = self._network(kept)

        def replay(images: Tensor) -> Outputs:
            kept.copy_(images)
            graph.replay()
            return outputs

        return replay


def _fingerprint(network: nn.Module) -> bytes:
    """The same for networks with the same weights."""
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(network.state_dict().items()):
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.digest()
