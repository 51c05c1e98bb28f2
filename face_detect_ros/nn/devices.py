# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where a PyTorch network runs and in which numbers."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import torch

from face_detect_ros.core.errors import ConfigError, DeviceError

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose(device: str, precision: str) -> tuple[torch.device, torch.dtype]:
    """`choose_device` and `choose_dtype` together."""
    chosen = choose_device(device)
    return chosen, choose_dtype(precision, chosen)


def choose_device(device: str) -> torch.device:
    """The device that "auto", "cpu", "cuda" or "cuda:N" means here. Raises DeviceError if there is none."""
    match = re.fullmatch(r"auto|cpu|cuda(?::(\d{1,4}))?", device)
    if match is None:
        raise DeviceError(f"device '{device}' is not known; give auto, cpu, cuda or cuda:N")
    count = torch.cuda.device_count() if device != "cpu" and torch.cuda.is_available() else 0
    if device == "cpu" or (device == "auto" and not count):
        return torch.device("cpu")
    if not count:
        reason = "this PyTorch was built without CUDA" if not torch.version.cuda else "no CUDA device is here"
        raise DeviceError(f"device '{device}': {reason}; set device to cpu")
    index = int(match.group(1) or 0)
    if index >= count:
        raise DeviceError(f"device '{device}': this machine has {count} CUDA device(s)")
    return torch.device("cuda", index)


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The numbers that a precision means on a device.

    Args:
        precision: "float32", "bfloat16", "float16" or "auto": bfloat16 on a CPU and float16 on a GPU that compute in
            it, else float32.
        device: Where it computes.

    Raises:
        ConfigError: The precision is unknown.
        DeviceError: The device would only imitate it.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"precision '{precision}' is not known; choose one of: {', '.join(PRECISIONS)}")
    if precision == "auto":
        fast = torch.bfloat16 if device.type == "cpu" else torch.float16
        return fast if _has(fast, device) else torch.float32
    dtype = _DTYPES[precision]
    if not _has(dtype, device):
        others = ", ".join(name for name, other in _DTYPES.items() if _has(other, device))
        raise DeviceError(
            f"precision '{precision}': {device} does not compute in it; choose one of: {others}"
        )
    return dtype


@contextlib.contextmanager
def exact(dtype: torch.dtype) -> Iterator[None]:
    """Inside, float32 on a GPU is float32: cuDNN would round to 10 bits (TF32) by default."""
    if dtype != torch.float32 or not torch.backends.cudnn.is_available():
        yield
        return
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


def _has(dtype: torch.dtype, device: torch.device) -> bool:
    if dtype == torch.float32:
        return True
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        return (major, minor) >= ((8, 0) if dtype == torch.bfloat16 else (5, 3))
    # of the CPU itself: PyTorch also runs where they are missing, slower than in float32
    flags = torch.cpu.get_capabilities()
    if dtype == torch.bfloat16:
        return any(flags.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return any(flags.get(name, False) for name in ("avx512_fp16", "amx_fp16"))
