# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""PyTorch's exporter to ONNX, with its printing and exceptions kept inside."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from face_detect_ros.core.errors import EngineError

OPSET = 17


def export(
    network: nn.Module,
    example: Tensor,
    destination: Path,
    *,
    inputs: Mapping[str, Mapping[int, str]],
    outputs: Mapping[str, Mapping[int, str]],
    source: Path,
) -> None:
    """Write `network` as an ONNX file.

    Args:
        network: in eval mode.
        example: an input.
        destination: the file.
        inputs, outputs: by name, in the network's order: names of the axes that are free.
        source: of the weights, for messages.

    Raises:
        EngineError: without the package onnx, or if the network cannot be exported.
    """
    with (
        torch.no_grad(),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),  # the exporter prints the graph where it fails
    ):
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                network,
                (example,),
                str(destination),
                dynamo=False,
                opset_version=OPSET,
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_axes={name: dict(axes) for name, axes in {**inputs, **outputs}.items()},
            )
        except torch.onnx.errors.OnnxExporterError as error:
            if "not installed" in str(error):
                raise EngineError(
                    "other engines than torch need onnx once, to export; run: pip install onnx"
                ) from error
            raise EngineError(
                f"{source}: cannot be exported: {' '.join(str(error).split())[:300]}"
            ) from error
