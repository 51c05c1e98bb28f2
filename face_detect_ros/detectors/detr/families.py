# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What sets the families of DETR-like detectors in `transformers` apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Family:
    """A kind of model of the RT-DETR family in `transformers`.

    Attributes:
        model_class: In `transformers`, as config.json names it.
        processor: What prepares its images there.
        features: Modules that turn the image into feature maps, in the order of the data: these compute in the chosen
            precision, whatever follows in float32. The first one takes the image, the last one (or each part of it,
            if it is a list) gives the maps.
        tokens: Modules that work on every cell of the maps without touching coordinates, by the end of their names:
            in the chosen precision too.
        softmax: One class a query, with a further column for "no object"; else each class has a probability of its
            own.
        most: Results of one image, best first, over all queries and classes; 0: as many as there are queries.
        two_branches: Its RepVGG blocks are a 3x3 and a 1x1 convolution side by side.
        samples: The decoder looks at a few points of the maps, not at all of them.
        mask_class: The class with masks beside the boxes, in `transformers`; empty: there is none.
        inside: Attribute of it that holds a `model_class`.
    """

    model_class: str
    processor: str
    features: tuple[str, ...]
    tokens: tuple[str, ...] = ()
    softmax: bool = False
    most: int = 0
    two_branches: bool = False
    samples: bool = True
    mask_class: str = ""
    inside: str = ""


_RT_FEATURES = ("model.backbone", "model.encoder_input_proj", "model.encoder", "model.decoder_input_proj")
_RT_TOKENS = ("enc_output", "enc_score_head", "encoder_attn.value_proj")
_BACKBONE = ("model.backbone",)

FAMILIES: dict[str, Family] = {  # by the model_type of config.json
    "rt_detr": Family(
        "RTDetrForObjectDetection", "RTDetrImageProcessor", _RT_FEATURES, _RT_TOKENS, two_branches=True
    ),
    "rt_detr_v2": Family(
        "RTDetrV2ForObjectDetection", "RTDetrImageProcessor", _RT_FEATURES, _RT_TOKENS, two_branches=True
    ),
    "d_fine": Family(
        "DFineForObjectDetection", "RTDetrImageProcessor", _RT_FEATURES, _RT_TOKENS, two_branches=True
    ),
    "deimv2": Family(
        "Deimv2ForObjectDetection",
        "RTDetrImageProcessor",
        ("model.conv_encoder", "model.encoder", "model.decoder_input_proj"),
        _RT_TOKENS,
        two_branches=True,
    ),
    "rf_detr": Family(
        "RfDetrForObjectDetection",
        "RfDetrImageProcessor",
        _BACKBONE,
        mask_class="RfDetrForInstanceSegmentation",
        inside="model",
    ),
    "lw_detr": Family("LwDetrForObjectDetection", "DeformableDetrImageProcessor", _BACKBONE, most=100),
    "deformable_detr": Family(
        "DeformableDetrForObjectDetection", "DeformableDetrImageProcessor", _BACKBONE, most=100
    ),
    "conditional_detr": Family(
        "ConditionalDetrForObjectDetection",
        "ConditionalDetrImageProcessor",
        _BACKBONE,
        most=100,
        samples=False,
    ),
    "dab-detr": Family(
        "DabDetrForObjectDetection",
        "ConditionalDetrImageProcessor",
        ("model.backbone.conv_encoder",),
        most=100,
        samples=False,
    ),
    "detr": Family(
        "DetrForObjectDetection",
        "DetrImageProcessor",
        _BACKBONE,
        softmax=True,
        samples=False,
        mask_class="DetrForSegmentation",
        inside="detr",
    ),
}


def side_multiple(config: Any) -> int:
    """What the sides of the input must be a multiple of: 1 where any size is fine. config: the model's."""
    backbone = config.backbone_config
    patch = getattr(backbone, "patch_size", 0)
    if patch:  # a transformer that looks at the image through windows
        windows = getattr(backbone, "num_windows_side", 0) or getattr(backbone, "num_windows", 1)
        return int(patch) * int(windows)
    # a pyramid that adds maps to enlarged coarser ones
    stride = int(max(getattr(config, "feat_strides", [1])))
    # DEIMv2's lite encoder makes a coarser map than it lists
    return 2 * stride if getattr(config, "encoder_type", "") == "lite" else stride
