# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""ResNets whose weights are named as timm names them, run without timm (which needs torchvision).

The published DETR, Conditional DETR and Deformable DETR are such: their config.json names a backbone of timm.
transformers' own ResNet computes the same; only names differ.
"""

from __future__ import annotations

from typing import Any

_BASIC, _BOTTLENECK = ("basic", [64, 128, 256, 512]), ("bottleneck", [256, 512, 1024, 2048])
_RESNETS = {
    "resnet18": (*_BASIC, [2, 2, 2, 2]),
    "resnet34": (*_BASIC, [3, 4, 6, 3]),
    "resnet50": (*_BOTTLENECK, [3, 4, 6, 3]),
    "resnet101": (*_BOTTLENECK, [3, 4, 23, 3]),
    "resnet152": (*_BOTTLENECK, [3, 8, 36, 3]),
}
_FIELDS = ("backbone", "backbone_kwargs", "use_timm_backbone", "use_pretrained_backbone")


def backbone_name(described: dict[str, Any]) -> str:
    """Name of the timm backbone that a config.json asks for; empty if it asks for none."""
    backbone = described.get("backbone_config") or {}
    if backbone:
        return str(backbone.get("backbone")) if backbone.get("model_type") == "timm_backbone" else ""
    # files of old versions; whatever they name, `transformers` would ask the network about it
    asked = described.get("use_timm_backbone") or described.get("backbone")
    return str(described.get("backbone") or "resnet50") if asked else ""


def without_timm(described: dict[str, Any]) -> dict[str, Any] | None:
    """The same config.json with transformers' own backbone, or None if that has no such one."""
    resnet = _RESNETS.get(backbone_name(described).partition(".")[0])
    if resnet is None or described.get("dilation"):
        return None
    kind, sizes, depths = resnet
    stages = ["stage4"]
    if described.get("model_type") == "deformable_detr" and described.get("num_feature_levels", 4) > 1:
        stages = ["stage2", "stage3", "stage4"]
    if any("Segmentation" in str(name) for name in described.get("architectures") or ()):
        stages = ["stage1", "stage2", "stage3", "stage4"]  # masks need finer maps
    own = {
        "model_type": "resnet",
        "layer_type": kind,
        "embedding_size": 64,
        "hidden_sizes": sizes,
        "depths": depths,
        "out_features": stages,
    }
    kept = {key: value for key, value in described.items() if key not in _FIELDS}
    return {**kept, "backbone_config": own, "use_timm_backbone": False}


def renamed() -> dict[str, str]:
    """Patterns of timm's names to transformers' names, to be applied in this order."""
    start, layer = r"(backbone\.(?:conv_encoder\.)?model)", r"(encoder\.stages\.\d+\.layers\.\d+)"
    names = {
        rf"{start}\.conv1\.": r"\1.embedder.embedder.convolution.",
        rf"{start}\.bn1\.": r"\1.embedder.embedder.normalization.",
    }
    for stage in range(4):
        names[rf"{start}\.layer{stage + 1}\."] = rf"\1.encoder.stages.{stage}.layers."
    for index in range(3):
        names[rf"{layer}\.conv{index + 1}\."] = rf"\1.layer.{index}.convolution."
        names[rf"{layer}\.bn{index + 1}\."] = rf"\1.layer.{index}.normalization."
    names[rf"{layer}\.downsample\.0\."] = r"\1.shortcut.convolution."
    names[rf"{layer}\.downsample\.1\."] = r"\1.shortcut.normalization."
    return names
