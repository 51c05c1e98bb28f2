# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Networks with random weights that behave like trained ones as far as time and rounding are concerned.

Right after initialization a network's activations fade from layer to layer and it proposes nothing, so what follows it
would have nothing to do. Here every normalization has the statistics of a photo, and some hundred proposals pass.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import cast

import torch
from torch import nn

from face_detect_ros.benchmarks.photos import photo
from face_detect_ros.detectors.catalogue import OBJECT_OPTIONS
from face_detect_ros.nn.yolov9.network import YoloV9
from face_detect_ros.zoo.published import coco
from face_detect_ros.zoo.yolov9 import weights as yolov9_weights

CANDIDATES = 300
"""Cells of a VGA image that reach `THRESHOLD`: a full scene, where a thing has some ten."""

THRESHOLD = OBJECT_OPTIONS.score_threshold


def yolov9(
    variant: str, *, attention: bool = False, classes: int = len(coco.CLASSES), calm: bool = False
) -> YoloV9:
    """In eval mode, float32, on the CPU. With attention its gates are open by a tenth.

    Args:
        variant: Size, such as t.
        attention: With both kinds of attention.
        classes: Number of classes.
        calm: With normalizations and scores as they are made, which amplify no rounding: for comparisons in float32.
    """
    torch.manual_seed(0)
    model = YoloV9(variant, classes, self_attention=attention, cross_attention=attention)
    if attention:
        for name, values in model.named_parameters():
            if name.endswith("gate"):
                nn.init.constant_(values, 0.1)
    image = torch.from_numpy(photo(640, 480)).permute(2, 0, 1)[None] / 255
    logits: list[torch.Tensor] = []
    with torch.no_grad():
        if not calm:
            _normalize(model, image)
        last_layers = [cast(nn.Conv2d, list(stack.children())[-1]) for stack in model.head.classes]
        hooks = [
            layer.register_forward_hook(lambda _, __, output: logits.append(output)) for layer in last_layers
        ]
        model.eval()(image)
        for hook in hooks:
            hook.remove()
        # logits of every level to standard deviation 1.5, and so many cells above the threshold
        factors = [torch.ones(()) if calm else 1.5 / one.std() for one in logits]
        best = torch.cat(
            [
                ((one - one.mean()) * factor).amax(dim=1).flatten()
                for one, factor in zip(logits, factors, strict=True)
            ]
        )
        shift = math.log(THRESHOLD / (1 - THRESHOLD)) - best.topk(CANDIDATES).values[-1]
        for layer, one, factor in zip(last_layers, logits, factors, strict=True):
            layer.weight *= factor
            bias = cast(torch.Tensor, layer.bias)
            bias.copy_((bias - one.mean()) * factor + shift)
    return model


def yolov9_file(folder: Path, variant: str, *, attention: bool = False, calm: bool = False) -> Path:
    """Write such a network into a weights file of this package.

    Args:
        folder: Of the file.
        variant: Of YOLOv9.
        attention: With attention.
        calm: See `yolov9`.
    """
    path = folder / f"yolov9-{variant}{'-attn' if attention else ''}{'-calm' if calm else ''}.safetensors"
    model = yolov9(variant, attention=attention, calm=calm)
    yolov9_weights.save(path, model, coco.CLASSES, input_size=640, source="random numbers")
    return path


def detr_folder(folder: Path) -> Path:
    """RT-DETRv2-R18 as `transformers` saves it; every query a candidate of every threshold up to a half."""
    import transformers

    transformers.logging.disable_progress_bar()
    names = dict(enumerate(coco.CLASSES))
    torch.manual_seed(0)
    config = transformers.RTDetrV2Config(
        backbone_config={
            "model_type": "rt_detr_resnet",
            "embedding_size": 64,
            "hidden_sizes": [64, 128, 256, 512],
            "depths": [2, 2, 2, 2],
            "layer_type": "basic",
            "out_features": ["stage2", "stage3", "stage4"],
        },
        encoder_in_channels=[128, 256, 512],
        hidden_expansion=0.5,
        decoder_layers=3,
        id2label=names,
        label2id={name: index for index, name in names.items()},
    )
    path = folder / "rtdetr_v2_r18"
    model = transformers.RTDetrV2ForObjectDetection(config)
    for name, values in model.named_parameters():
        if name.endswith("bias") and "class_embed" in name:
            nn.init.zeros_(values)
    model.save_pretrained(path)
    settings = {
        "image_processor_type": "RTDetrImageProcessor",
        "do_resize": True,
        "size": {"height": 640, "width": 640},
        "do_rescale": True,
        "do_normalize": False,
    }
    (path / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return path


def _normalize(model: nn.Module, image: torch.Tensor) -> None:
    """Gives every normalization the mean and variance of what it sees of `image`."""
    normalizations = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [module.momentum for module in normalizations]
    for module in normalizations:
        module.reset_running_stats()
        module.momentum = None  # the plain average
    model.train()(image)
    for module, momentum in zip(normalizations, momenta, strict=True):
        module.momentum = momentum
