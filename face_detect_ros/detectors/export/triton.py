# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A model in the folders that Triton serves from: `REPOSITORY/MODEL/1/model.onnx` and `config.pbtxt`."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from face_detect_ros.core.errors import OutputError
from face_detect_ros.detectors.export.onnx_file import ExportReport, export_onnx
from face_detect_ros.files.looking import exists
from face_detect_ros.files.reading import LARGE_BYTES, read_bytes
from face_detect_ros.files.whole_file import whole_folder
from face_detect_ros.zoo.formats import onnx_graph

_PREFERRED = (4, 8)  # images in one run, of as many robots as happen to ask at once
_DELAY_US = 2000


def export_triton(
    name: str, repository: Path, *, input_size: int = 0, opset: int | None = None
) -> ExportReport:
    """Write a detector into a model repository. Its class names and layout are passed on by the server.

    Args:
        name: Of the detector.
        repository: The folder; made if missing.
        input_size: As of `export_onnx`.
        opset: As of `export_onnx`.

    Raises:
        OutputError: The model is there already, or the folder cannot be written.
        PerceptionError: As of `export_onnx`.
    """
    model = re.sub(r"[^\w.-]+", "_", Path(name.partition(":")[2] or name).stem if ":" in name else name)
    target = repository / model
    if exists(target, OutputError):
        raise OutputError(f"{target}: exists already; remove it, or give another folder")
    try:
        repository.mkdir(parents=True, exist_ok=True)
        with whole_folder(target) as folder:
            file = folder / "1" / "model.onnx"
            file.parent.mkdir()
            report = export_onnx(name, file, input_size=input_size, opset=opset)
            metadata = onnx_graph.metadata(read_bytes(file, most_bytes=LARGE_BYTES, error=OutputError))
            (folder / "config.pbtxt").write_text(_config(model, metadata), encoding="utf-8")
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise OutputError(f"{target}: {error.strerror or error}") from error
    return report


def _config(model: str, metadata: dict[str, str]) -> str:
    """Triton's configuration. It reads names, types and shapes from the ONNX file itself."""
    parameters = "".join(
        f"parameters {{\n  key: {json.dumps(key)}\n  value {{ string_value: {json.dumps(value)} }}\n}}\n"
        for key, value in sorted(metadata.items())
    )
    preferred = ", ".join(map(str, _PREFERRED))
    return (
        f"name: {json.dumps(model)}\n"
        'backend: "onnxruntime"\n'
        f"max_batch_size: {max(_PREFERRED)}\n"
        f"dynamic_batching {{\n  preferred_batch_size: [ {preferred} ]\n"
        f"  max_queue_delay_microseconds: {_DELAY_US}\n}}\n"
        f"{parameters}"
    )
