"""A network's calls without the cost of Python between its layers, recorded for each shape of input.

On a CPU a call becomes a TorchScript graph, on a GPU a CUDA graph. Small networks gain most: a call of YOLOv9's t has
some four hundred operations, each with a fraction of its time in Python.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

# of one camera there is one shape, on a GPU one for each size of batch; a recording costs a second or two, and memory
MOST_SHAPES = 8

Outputs = tuple[Tensor, ...]
_Call = Callable[[Tensor], Outputs]


class Recorded:
    """Calls `network`, a function of one tensor in eval mode that gives a tuple of tensors.

    A shape is recorded when it comes for the second time; what cannot be recorded, or would answer differently, or
    comes after `MOST_SHAPES` others, is called as it is, and so is a batch of several on a CPU, where little of the
    time is Python's. On a GPU the outputs are overwritten by the next call.
    One thread at a time. To be called in inference mode.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._calls: dict[tuple[int, ...], _Call | None] = {}
        self._pool: Any = None

    def __call__(self, images: Tensor) -> Outputs:
        shape = tuple(images.shape)
        if shape not in self._calls:
            outputs: Outputs = self._network(images)
            if len(self._calls) < MOST_SHAPES and (images.is_cuda or len(images) == 1):
                self._calls[shape] = None
            return outputs
        call = self._calls[shape]
        if call is None:
            call = self._calls[shape] = self._record(images)
        return call(images)

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
