# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What `face_detect_ros models` says of a detector or an embedder, as JSON-ready records."""

from __future__ import annotations

from typing import Any

from face_detect_ros.core.errors import ConfigError, WeightsError
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.entry import CatalogueEntry
from face_detect_ros.faces.embedders import catalogue as embedders
from face_detect_ros.faces.embedders.catalogue import EmbedderEntry
from face_detect_ros.zoo.formats import safetensors_file
from face_detect_ros.zoo.published import cache, checkpoints, dlib_models, packaged
from face_detect_ros.zoo.published.checkpoints import Checkpoint

Entry = CatalogueEntry | EmbedderEntry


def entries() -> dict[str, Entry]:
    """Every detector and embedder, by name."""
    return {**catalogue.CATALOGUE, **embedders.CATALOGUE}


def find(name: str) -> Entry:
    """The entry of either catalogue; "onnx:FILE" means "onnx". Raises ConfigError, listing what there is."""
    known = entries()
    entry = known.get(name.partition(":")[0])
    if entry is None:
        raise ConfigError(f"model '{name}' is not known; choose one of: {', '.join(known)}")
    return entry


def with_weights(names: list[str]) -> list[Checkpoint]:
    """The checkpoints of these detectors, each once. Raises ConfigError for an unknown one or one without weights."""
    chosen = {}
    for entry in map(find, names):
        if not entry.checkpoint:
            why = "works on a file of yours" if entry.needs_file else "comes with its weights"
            raise ConfigError(f"model '{entry.name}' {why}; there is nothing to fetch or check")
        chosen[entry.checkpoint] = checkpoints.find(entry.checkpoint)
    return list(chosen.values())


def row(entry: Entry) -> dict[str, Any]:
    """What `list` shows."""
    checkpoint = checkpoints.find(entry.checkpoint) if entry.checkpoint else None
    input_size = checkpoint.input_size if checkpoint else None
    if entry.packaged:
        input_size = safetensors_file.read_description(packaged.locate(entry.packaged)).input_size
    return {
        "name": entry.usage,
        "task": entry.task,
        "description": entry.description,
        "license": entry.license,
        "input_size": input_size,
        "ap": checkpoint.ap if checkpoint else None,
        "here": _here(entry, checkpoint),
        "checkpoint": checkpoint.name if checkpoint else None,
    }


def details(checkpoint: Checkpoint) -> dict[str, Any]:
    """What `info` shows besides."""
    states = {state.path.name: state for state in cache.examine(checkpoint)}
    return {
        "classes": checkpoint.classes,
        "source": checkpoint.source,
        "license_stated": checkpoint.license_stated,
        "reference": checkpoint.reference or None,
        "folder": str(cache.folder(checkpoint)),
        "files": [
            {
                "name": remote.name,
                "url": remote.url,
                "sha256": remote.sha256 or "recorded on first fetch",
                "state": states[remote.name].state if remote.name in states else "unreadable",
            }
            for remote in checkpoint.files
        ],
    }


def packaged_details(name: str) -> dict[str, Any]:
    """What `info` shows of weights that come with this package."""
    path = packaged.locate(name)
    described = safetensors_file.read_description(path)
    return {
        "classes": ", ".join(described.classes),
        "source": described.source,
        "reference": str(packaged.card(name)),
        "folder": str(path.parent),
    }


def _here(entry: Entry, checkpoint: Checkpoint | None) -> str:
    if entry.needs_file:
        return "yours"
    if checkpoint is not None:
        return cache.presence(checkpoint)
    if entry.task == "faces":  # dlib's, which come with a Python package
        try:
            for model in dlib_models.FACE_MODELS:
                dlib_models.locate(model)
        except WeightsError:
            return "no"
    return "yes"
