# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros models quantize`."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from face_detect_ros.cli.common.exits import exit_codes

if TYPE_CHECKING:
    from face_detect_ros.evaluation.coco_annotations import CocoAnnotations

_PREFIX = "onnx:"
_LOWEST_SCORE = 0.001  # as `evaluate coco`


def quantize(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A detector of objects, as `list` shows it, or onnx:FILE.")
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="The file to write; none is replaced.")],
    images: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Images like those of the robot's camera, to choose scales from."),
    ],
    annotations: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Boxes of these images in COCO JSON, to measure AP with."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most images to choose scales from.")] = 100,
    input_size: Annotated[
        int, typer.Option(help="Longest side of the input in pixels; 0: the model's own.")
    ] = 0,
) -> None:
    """Write a detector as ONNX with its convolutions in int8, and say what that costs in AP.

    It is smaller, and faster on some CPUs: `bench engines onnx:FILE.onnx` tells. Nothing takes it by itself; name it as
    onnx:FILE.onnx. With --annotations, AP is measured before and after. Images that are measured should not be among
    those that the scales are chosen from: sort them into two folders, or give a --limit.

    Exit code: 0; 1 if an image or the weights cannot be read, or FILE.onnx exists or cannot be written; 2 for a name or
    a setting that cannot be used.
    """
    with exit_codes():
        from face_detect_ros.cli.common.progress import progress_bar
        from face_detect_ros.detectors.export.onnx_file import export_onnx
        from face_detect_ros.detectors.export.quantized import quantize as write
        from face_detect_ros.evaluation.coco_annotations import read_annotations
        from face_detect_ros.images.reading import image_files

        labeled = None if annotations is None else read_annotations(annotations, images)
        chosen = image_files(images)[:limit]
        with tempfile.TemporaryDirectory() as folder:
            if name.startswith(_PREFIX):
                source = Path(os.path.expanduser(name.removeprefix(_PREFIX)))
            else:
                source = Path(folder) / "float32.onnx"
                export_onnx(name, source, input_size=input_size)
            with progress_bar("quantize", len(chosen)) as advance:
                report = write(source, chosen, file, advance=advance)
            typer.echo(f"{file}: {report}")
            if labeled is None:
                typer.echo("AP: not measured; give --annotations to compare both")
                return
            before, after = (_average_precision(each, labeled) for each in (source, file))
            typer.echo(f"AP: {before:.4f} before, {after:.4f} after")


def _average_precision(file: Path, annotations: CocoAnnotations) -> float:
    from face_detect_ros.cli.common.progress import progress_bar
    from face_detect_ros.detectors import catalogue
    from face_detect_ros.evaluation.coco import evaluate_coco

    options = replace(catalogue.OBJECT_OPTIONS, score_threshold=_LOWEST_SCORE)
    with (
        contextlib.closing(catalogue.create(f"{_PREFIX}{file}", task="objects", device="cpu")) as detector,
        progress_bar(file.name, len(annotations.images)) as advance,
    ):
        figures = evaluate_coco(detector, annotations, options, advance=advance)
    return float(figures["AP"] or 0.0)
