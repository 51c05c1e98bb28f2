# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A DETR-like model of `transformers` from a folder or from the Hugging Face cache: whole, as published, offline.

`transformers` fills what a file lacks with random numbers and goes on; here that is an error. It is given the tensors
and the description only, never the folder: no code that comes with a model is run, and no other file is looked for.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from face_detect_ros.core.errors import ConfigError, PerceptionError, WeightsError
from face_detect_ros.detectors.detr import bounds, deimv2
from face_detect_ros.detectors.detr import timm as detr_timm
from face_detect_ros.detectors.detr.families import FAMILIES, Family
from face_detect_ros.detectors.preprocessor import InputSettings
from face_detect_ros.files.looking import exists, is_folder
from face_detect_ros.files.near import near_path
from face_detect_ros.files.reading import read_object
from face_detect_ros.zoo.formats import model_folder, weights_file

_FILES = "config.json, preprocessor_config.json and model.safetensors"
_SHOWN_KEYS = 3
# what would make the library load other files, or kernels from the network, in place of what is here
_IGNORED = (
    "_attn_implementation", "attn_implementation", "auto_map", "fusion_config", "transformers_weights", "use_kernels",
)  # fmt: skip


@dataclass(frozen=True)
class DetrCheckpoint:
    """A model with its weights.

    Attributes:
        folder: Of its files.
        family: What it is.
        model: Float32 on the CPU, for inference.
        labels: Names by column of the logits.
        has_masks: It is of the family's `mask_class`.
        settings: How images are prepared, where no file of the folder says it.
    """

    folder: Path
    family: Family
    model: Any
    labels: dict[int, str]
    has_masks: bool = False
    settings: InputSettings | None = None


def load(path: Path, families: Mapping[str, Family] = FAMILIES) -> DetrCheckpoint:
    """Load a model and its weights.

    Args:
        path: A folder, or a hub name (org/name) if the model lies in the Hugging Face cache.
        families: What it may be, by the model_type of config.json.

    Raises:
        WeightsError: Something is missing, damaged, or does not fit its config.json.
        ConfigError: The architecture is not supported, or a library is missing.
    """
    folder = locate(path)
    described = original = _read_config(folder)
    authors = deimv2.is_authors(described)
    if authors:
        described = deimv2.config(folder, original)
    family, class_name = _family(folder, described, families)
    timm = detr_timm.backbone_name(described)
    if timm:
        described = _without_timm(folder, described)
    found = model_folder.find(folder)
    if found is None:
        raise WeightsError(f"{folder}: {model_folder.SAFE} is missing; a model's folder has {_FILES}")
    transformers = _import_transformers()
    model_class = getattr(transformers, class_name, None)
    if model_class is None:
        raise ConfigError(
            f"{folder}: {class_name} is not in transformers {transformers.__version__}; install a newer one"
        )
    bounds.check_config(folder, described)
    config = _make_config(folder, model_class.config_class, described)
    tensors = model_folder.read(found)
    if authors:
        tensors = deimv2.tensors(tensors, described)
    with _silent(transformers), bounds.built_for(folder, tensors):
        try:
            model, report = model_class.from_pretrained(
                None,  # it shall look for no files: everything is here
                config=config,
                state_dict=tensors,
                dtype=torch.float32,
                key_mapping=detr_timm.renamed() if timm else None,
                ignore_mismatched_sizes=True,  # to name them all
                output_loading_info=True,
            )
        except PerceptionError:
            raise
        except Exception as error:  # whatever wrong values make the library do
            raise WeightsError(
                f"{found}: does not fit its config.json ({_one_line(error)}); copy both from one and the same model"
            ) from error
    _check_complete(found, report)
    _check_finite(found, model)
    if authors:
        deimv2.as_authors(model, original)
    has_masks = class_name == family.mask_class
    settings = deimv2.settings(original) if authors else None
    return DetrCheckpoint(folder, family, model.eval(), dict(config.id2label), has_masks, settings)


def locate(path: Path) -> Path:
    """The folder that `path`, a folder or a hub name, means. Raises WeightsError if there is none."""
    if is_folder(path, WeightsError):
        return path
    if exists(path):
        raise WeightsError(f"{path} is a file; give the folder, with {_FILES}")
    name = path.as_posix()
    if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name):
        raise WeightsError(f"{path}: there is no such folder{near_path(path)}; give one with {_FILES}")
    from huggingface_hub import constants, try_to_load_from_cache

    config = try_to_load_from_cache(name, "config.json")
    if isinstance(config, str):
        return Path(config).parent
    raise WeightsError(
        f"{name}: there is no such folder, and no such model in the Hugging Face cache ({constants.HF_HUB_CACHE}). "
        f"With a network, run: hf download {name} (models that `face_detect_ros models list` names: face_detect_ros "
        f"models fetch NAME). Without: copy {_FILES} from https://huggingface.co/{name} into a folder and give that"
    )


def _read_config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    if not exists(file, WeightsError):
        raise WeightsError(f"{folder}: config.json is missing; a model's folder has {_FILES}")
    weights_file.check(file, text=True)
    return read_object(file, error=WeightsError, hint="copy it again from where it came from")


def _family(folder: Path, described: dict[str, Any], families: Mapping[str, Family]) -> tuple[Family, str]:
    """The family and the name of the model's class.

    Raises ConfigError for an architecture that is not supported, before the slow import of the library.
    """
    kind = described.get("model_type")
    family = families.get(str(kind))
    if family is None:
        raise ConfigError(
            f"{folder}: model_type '{kind}' is not supported; supported are: {', '.join(families)}"
        )
    classes = described.get("architectures") or [family.model_class]
    for name in (family.model_class, family.mask_class):
        if name and name in classes:
            return family, name
    raise ConfigError(f"{folder}: {classes[0]} is not an object detector; give a {family.model_class}")


def _import_transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise ConfigError(
            f"models of the DETR family need transformers ({error}): pip install transformers"
        ) from error
    return transformers


def _without_timm(folder: Path, described: dict[str, Any]) -> dict[str, Any]:
    own = detr_timm.without_timm(described)
    if own is None:
        raise ConfigError(
            f"{folder}: its backbone '{detr_timm.backbone_name(described)}' is not in config.json, and transformers' "
            "own ResNet cannot stand in for it: only for timm's ResNets (18 to 152, without dilation)"
        )
    return own


def _make_config(folder: Path, config_class: Any, described: dict[str, Any]) -> Any:
    try:
        return config_class.from_dict({key: value for key, value in described.items() if key not in _IGNORED})
    except Exception as error:  # whatever wrong values make the library do
        raise ConfigError(f"{folder / 'config.json'} cannot be used: {_one_line(error)}") from error


def _check_complete(file: Path, report: dict[str, Any]) -> None:
    """report: what `transformers` says of the keys. Counters of training steps may be there or not."""
    complaints = []
    for kind, words in {
        "missing_keys": "missing",
        "unexpected_keys": "left over",
        "mismatched_keys": "of another shape",
    }.items():
        keys = sorted(key if isinstance(key, str) else key[0] for key in report.get(kind) or ())
        keys = [key for key in keys if not key.endswith("num_batches_tracked")]
        if keys:
            shown = ", ".join(keys[:_SHOWN_KEYS]) + (", ..." if len(keys) > _SHOWN_KEYS else "")
            complaints.append(f"{len(keys)} {words} ({shown})")
    complaints += [_one_line(error) for error in report.get("error_msgs") or ()]
    if complaints:
        raise WeightsError(
            f"{file} does not fit its config.json: weights {'; '.join(complaints)}. "
            "Copy both from one and the same model"
        )


def _check_finite(file: Path, model: Any) -> None:
    for key, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise WeightsError(
                f"{file}: {key} has values that are not finite; copy it again from where it came from"
            )


@contextlib.contextmanager
def _silent(transformers: Any) -> Iterator[None]:
    """Inside, the library prints neither bars nor tables: what matters becomes an error here."""
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _one_line(error: object) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:300]}..."
