# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What `engines.graphs` may be told to build, importable in child processes."""

from face_detect_ros.core.errors import ConfigError, DeviceError
from helpers.onnx_models import save


def copies(weights, destination):
    """An ONNX file with the text of `weights` in it, and a line in a file beside them for each build."""
    save(destination, "yolo", metadata={"text": weights.read_text()})
    with (weights.parent / "builds").open("a") as log:
        log.write("built\n")


def refuses(weights, destination):
    raise ConfigError(f"{weights}: was trained with attention")


class UnheardError(DeviceError):
    pass


def refuses_by_an_error_of_its_own(weights, destination):
    raise UnheardError("no such device")


def dies(weights, destination):
    import os

    os._exit(9)


def tells_whether_pytorch_was_loaded(weights, destination):
    import sys

    save(destination, "yolo", metadata={"torch": str("torch" in sys.modules)})
