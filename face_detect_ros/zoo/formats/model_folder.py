# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The weights in a model's folder as Hugging Face publishes it: one file or several, safetensors or pickled.

An index names the files of weights that are split. Like everything in a downloaded folder it is not to be trusted:
only regular files in the folder itself are read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from face_detect_ros.core.errors import ConfigError, WeightsError
from face_detect_ros.files.looking import is_file
from face_detect_ros.files.reading import read_object
from face_detect_ros.zoo.formats import weights_file

if TYPE_CHECKING:
    import torch

SAFE, PICKLED = "model.safetensors", "pytorch_model.bin"
_LARGEST_HEADER = 1 << 24  # bytes; that of a model with 1,000 tensors has 100 kB
_LARGEST_INDEX = 1 << 24
_AGAIN = "copy it again from where it came from"


def find(folder: Path) -> Path | None:
    """Returns the file of weights in `folder`, or the index of its parts; None if there is none."""
    names = (SAFE, f"{SAFE}.index.json", PICKLED, f"{PICKLED}.index.json")
    return next((folder / name for name in names if is_file(folder / name, WeightsError)), None)


def read(found: Path) -> dict[str, torch.Tensor]:
    """Reads the weights that `find` found.

    Returns:
        All tensors by name, on the CPU, with the dtypes they were saved with.

    Raises:
        WeightsError: a file is missing, damaged, not what its name says, or outside the folder.
        ConfigError: safetensors is not installed.
    """
    parts = _parts(found) if found.suffix == ".json" else [inside(found.parent, found.name)]
    tensors: dict[str, torch.Tensor] = {}
    for part in parts:
        tensors |= _safe(part) if part.suffix == ".safetensors" else _pickled(part)
    return tensors


def inside(folder: Path, name: str) -> Path:
    """Returns the path of the file `name` in `folder`.

    Raises:
        WeightsError: the name or a symbolic link leads elsewhere. Links into the storage of the Hugging Face cache, of
            which its folders consist, are followed.
    """
    path = folder / name
    homes = [folder.resolve()]
    if homes[0].parent.name == "snapshots":
        homes.append(homes[0].parent.parent / "blobs")
    if Path(name).name != name or "\0" in name:
        raise WeightsError(f"{folder}: its index names {name!r:.80}, which is outside the folder; {_AGAIN}")
    if path.resolve().parent not in homes:
        raise WeightsError(f"{path}: is a link to outside the folder; copy the file itself there")
    return path


@contextlib.contextmanager
def safetensors_opened(path: Path, framework: str) -> Iterator[Any]:
    """Opens a safetensors file.

    Args:
        path: the file.
        framework: what its tensors become: "pt" for torch, "np" for NumPy.

    Yields:
        What `safetensors.safe_open` gives.

    Raises:
        WeightsError: it cannot be read, or is damaged or something else, also if that shows while it is open.
        ConfigError: safetensors is not installed.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise ConfigError(f"{path}: needs safetensors ({error}); run: pip install safetensors") from error
    start = weights_file.check(path)
    length = int.from_bytes(start[:8], "little")
    if start[8:9] == b"{" and length > _LARGEST_HEADER:
        raise WeightsError(f"{path}: damaged: its header of {length} bytes is larger than that of any model")
    try:
        with safe_open(path, framework) as file:
            yield file
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{path}: damaged, or its download ended early: {error}; {_AGAIN}") from error


def _parts(index: Path) -> list[Path]:
    """The files that an index names."""
    weights_file.check(index, text=True)
    content = read_object(index, most_bytes=_LARGEST_INDEX, error=WeightsError, hint=_AGAIN)
    places = content.get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise WeightsError(
            f"{index}: damaged: its 'weight_map' does not name a file for each tensor; {_AGAIN}"
        )
    parts = [inside(index.parent, name) for name in sorted(set(places.values()))]
    for part in parts:
        if not is_file(part, WeightsError):
            raise WeightsError(f"{index}: names {part.name}, which is missing; {_AGAIN}")
    return parts


def _safe(path: Path) -> dict[str, torch.Tensor]:
    with safetensors_opened(path, "pt") as file:
        # copies: what the file holds may change under a mapping of it
        return {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118


def _pickled(path: Path) -> dict[str, torch.Tensor]:
    from face_detect_ros.zoo.formats import torch_file
    from face_detect_ros.zoo.formats.stored_tensors import StoredTensor

    with torch_file.opened(path) as file:
        content = file.content
        if not isinstance(content, dict):
            raise WeightsError(f"{path}: holds no tensors by name; {_AGAIN}")
        wrong = [name for name, value in content.items() if not isinstance(value, StoredTensor)]
        if wrong:
            raise WeightsError(f"{path}: {wrong[0]!r:.80} is not a tensor; {_AGAIN}")
        return {str(name): file.tensor(value) for name, value in content.items()}
