# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Published models whose backbone carries timm's names run without timm."""

import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers
from helpers import detr_models
from helpers.detr_models import assert_same, library, make, one, picture
from safetensors.torch import load_file, save_file
from torch.nn import functional

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors.detr import checkpoint as detr_checkpoint
from face_detect_ros.detectors.detr import timm as detr_timm

DEPTHS = {"resnet18": [2, 2, 2, 2], "resnet50": [3, 4, 6, 3]}
TIMM_STAGES = {"detr": [3], "conditional_detr": [3], "deformable_detr": [1, 2, 3]}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """`own(model_type, backbone)`: a folder with a model whose backbone is transformers' own, not to be changed."""

    @functools.cache
    def saved(model_type: str, name: str) -> Path:
        described = detr_timm.without_timm(
            {"model_type": model_type, "use_timm_backbone": True, "backbone": name}
        )
        assert described is not None
        folder = tmp_path_factory.mktemp("own") / "model"
        return detr_models.save(folder, model_type, backbone_config=described["backbone_config"])

    return saved


def published(source: Path, folder: Path, name: str, start: str) -> dict[str, torch.Tensor]:
    """Of `source`, a folder as published ones are; returns its backbone's weights by timm's names."""
    folder.mkdir()
    shutil.copy(source / "preprocessor_config.json", folder)
    weights, backbone = {}, {}
    for key, tensor in load_file(source / "model.safetensors").items():
        rest = key.removeprefix("model.backbone.model.").removeprefix("model.backbone.conv_encoder.model.")
        if rest != key:
            backbone[timm_name(rest)] = tensor
            weights[start + timm_name(rest)] = tensor
        else:
            weights[key] = tensor
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((source / "config.json").read_text())
    del config["backbone_config"]
    config |= {"use_timm_backbone": True, "backbone": name, "use_pretrained_backbone": True}
    (folder / "config.json").write_text(json.dumps(config))
    return backbone


def timm_name(own: str) -> str:
    parts = own.replace("convolution", "conv").replace("normalization", "bn").split(".")
    if parts[0] == "embedder":
        return f"{parts[2]}1.{parts[3]}"
    _, _, stage, _, block, part, *rest = parts
    start = f"layer{int(stage) + 1}.{block}"
    if part == "shortcut":
        return f"{start}.downsample.{('conv', 'bn').index(rest[0])}.{rest[1]}"
    return f"{start}.{rest[1]}{int(rest[0]) + 1}.{rest[2]}"


def resnet(weights: dict[str, torch.Tensor], name: str, values: torch.Tensor) -> list[torch.Tensor]:
    """The four stages' maps, written out after the paper (He et al., 2016), stride in the 3x3 convolution."""

    def step(values: torch.Tensor, conv: str, norm: str, stride: int) -> torch.Tensor:
        kernel = weights[f"{conv}.weight"]
        values = functional.conv2d(values, kernel, stride=stride, padding=kernel.shape[-1] // 2)
        mean, variance, scale, shift = (
            weights[f"{norm}.{n}"] for n in ("running_mean", "running_var", "weight", "bias")
        )
        return functional.batch_norm(values, mean, variance, scale, shift, eps=1e-5)

    values = functional.relu(step(values, "conv1", "bn1", 2))
    values = functional.max_pool2d(values, 3, stride=2, padding=1)
    steps = 2 if name == "resnet18" else 3
    strided = 0 if name == "resnet18" else 1
    maps = []
    for stage, depth in enumerate(DEPTHS[name]):
        for block in range(depth):
            at, stride = f"layer{stage + 1}.{block}", 2 if stage and not block else 1
            before = values
            for index in range(steps):
                values = step(
                    values, f"{at}.conv{index + 1}", f"{at}.bn{index + 1}", stride if index == strided else 1
                )
                values = functional.relu(values) if index < steps - 1 else values
            if f"{at}.downsample.0.weight" in weights:
                before = step(before, f"{at}.downsample.0", f"{at}.downsample.1", stride)
            values = functional.relu(values + before)
        maps.append(values)
    return maps


@pytest.mark.parametrize(
    ("model_type", "name", "start"),
    [
        ("detr", "resnet18", "model.backbone.conv_encoder.model."),
        ("conditional_detr", "resnet50", "model.backbone.conv_encoder.model."),
        ("deformable_detr", "resnet18", "model.backbone.conv_encoder.model."),
        ("deformable_detr", "resnet18", "model.backbone.model."),
    ],
)
def test_backbones_of_timm(tmp_path: Path, own, model_type: str, name: str, start: str) -> None:
    weights = published(own(model_type, name), tmp_path / "a", name, start)
    model = detr_checkpoint.load(tmp_path / "a").model
    values = torch.rand(1, 3, 96, 128)
    with torch.inference_mode():
        features = model.model.backbone(values, torch.ones(1, 96, 128))
    expected = [resnet(weights, name, values)[stage] for stage in TIMM_STAGES[model_type]]
    assert len(features) == len(expected)
    for (ours, _), theirs in zip(features, expected, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-3, atol=1e-4 * float(theirs.abs().max()))
    found = one(make(tmp_path / "a"), picture(100, 120))
    assert len(found) > 0


def test_the_same_as_with_transformers_names(tmp_path: Path, own) -> None:
    source = own("detr", "resnet18")
    published(source, tmp_path / "a", "resnet18", "model.backbone.conv_encoder.model.")
    assert isinstance(transformers.AutoConfig.from_pretrained(source), transformers.DetrConfig)
    image = picture(100, 120)
    assert_same(one(make(tmp_path / "a"), image), library(source, image, -1.0))


@pytest.mark.parametrize(
    "changes",
    [
        {"backbone": "efficientnet_b0"},
        {"backbone": "resnet50", "dilation": True},
        {"backbone": "microsoft/resnet-50", "use_timm_backbone": False},
        {"backbone_config": {"model_type": "timm_backbone", "backbone": "swin_tiny"}},
    ],
)
def test_other_backbones_of_timm(tmp_path: Path, own, changes: dict) -> None:
    published(own("detr", "resnet18"), tmp_path / "a", "resnet18", "model.backbone.model.")
    config = json.loads((tmp_path / "a" / "config.json").read_text())
    (tmp_path / "a" / "config.json").write_text(json.dumps({**config, **changes}))
    with pytest.raises(ConfigError, match="cannot stand in for it"):
        make(tmp_path / "a")


def test_the_backbone_asked_for() -> None:
    assert detr_timm.backbone_name({"backbone_config": {"model_type": "resnet"}}) == ""
    assert detr_timm.backbone_name({}) == ""
    assert detr_timm.backbone_name({"use_timm_backbone": True}) == "resnet50"
    nested = {"backbone_config": {"model_type": "timm_backbone", "backbone": "resnet101.a1_in1k"}}
    assert detr_timm.backbone_name(nested) == "resnet101.a1_in1k"
    assert detr_timm.without_timm(nested)["backbone_config"]["depths"] == [3, 4, 23, 3]
