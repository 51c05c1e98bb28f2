# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""DEIMv2 as its authors publish it (Intellindust): their config.json and names of weights, for transformers' network.

The sizes with an HGNetv2 backbone: Atto, Femto, Pico, N. transformers' network differs in two things: a projection
before the queries are chosen (`enc_output`), and heads with ReLU. `as_authors` changes both, so that the same weights
give the same boxes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors.preprocessor import InputSettings
from face_detect_ros.zoo.published import coco

_KEY = "DEIMTransformer"
_UP = 0.5  # of the weighting function; shared, so some files leave it out

# stages: channels in, in the middle, out; blocks; kernel; of the backbones, beside what all have in common
_WIDE = ((16, 16, 64, 1, 3), (64, 32, 256, 1, 3))
_BACKBONES: dict[str, tuple[tuple[int, ...], ...]] = {
    "Atto": (*_WIDE, (256, 64, 256, 1, 3)),
    "Femto": (*_WIDE, (256, 64, 512, 1, 5)),
    "Pico": (*_WIDE, (256, 64, 512, 2, 5)),
    "B0": (*_WIDE, (256, 64, 512, 2, 5), (512, 128, 1024, 1, 5)),
}

_ENCODER = "model.encoder."
_LAYER = r"(decoder\.layers\.\d+\.)"
# the authors' names to transformers', applied one after the other
_NAMES = (
    (r"^backbone\.stem\.", "model.conv_encoder.model.embedder."),
    (r"^backbone\.stages\.", "model.conv_encoder.model.encoder.stages."),
    (r"^(model\.conv_encoder\..*)\.conv\.", r"\1.convolution."),
    (r"^(model\.conv_encoder\..*)\.bn\.", r"\1.normalization."),
    (r"^encoder\.encoder\.(\d+)\.layers\.0\.", _ENCODER + r"aifi.\1.layers.0."),
    (r"(aifi\..*)\.linear(1|2)\.", lambda m: f"{m[1]}.mlp.layers.{int(m[2]) - 1}."),
    (r"(aifi\..*)\.norm1\.", r"\1.self_attn_layer_norm."),
    (r"(aifi\..*)\.norm2\.", r"\1.final_layer_norm."),
    (r"(self_attn)\.out_proj\.", r"\1.o_proj."),
    (r"^encoder\.down_sample(\d)\.1\.", _ENCODER + r"down_conv\1.conv."),
    (r"^encoder\.down_sample(\d)\.2\.", _ENCODER + r"down_conv\1.norm."),
    (r"^encoder\.bi_fusion\.cv\.", _ENCODER + "bi_fusion_conv."),
    (r"^encoder\.downsample_convs\.(\d+)\.0\.cv", _ENCODER + r"downsample_convs.\1.conv"),
    (r"^encoder\.", _ENCODER),
    (r"((?:fpn|pan)_block.*)\.cv([23])\.0\.", lambda m: f"{m[1]}.csp_rep{int(m[2]) - 1}."),
    (r"((?:fpn|pan)_block.*)\.cv([23])\.1\.", lambda m: f"{m[1]}.csp_rep{int(m[2]) - 1}.conv2."),
    (r"((?:fpn|pan)_block.*)\.cv1\.", r"\1.conv1."),
    (r"((?:fpn|pan)_block.*)\.cv4\.", r"\1.conv2."),
    (r"^decoder\.input_proj\.(\d+)\.(?:0|conv)\.", r"model.decoder_input_proj.\1.conv."),
    (r"^decoder\.input_proj\.(\d+)\.(?:1|norm)\.", r"model.decoder_input_proj.\1.norm."),
    (r"^decoder\.dec_score_head\.", "model.decoder.class_embed."),
    (r"^decoder\.dec_bbox_head\.", "model.decoder.bbox_embed."),
    (r"^decoder\.(pre_bbox_head|query_pos_head)\.", r"model.decoder.\1."),
    (r"^decoder\.(enc_score_head|enc_bbox_head|denoising_class_embed)\.", r"model.\1."),
    (r"^decoder\.(?:decoder\.)?(up|reg_scale)$", r"model.decoder.\1"),
    (r"^decoder\.decoder\.", "model.decoder."),
    (_LAYER + r"cross_attn\.", r"\1encoder_attn."),
    (_LAYER + r"norm1\.scale$", r"\1self_attn_layer_norm.weight"),
    (_LAYER + r"norm2\.scale$", r"\1encoder_attn_layer_norm.weight"),
    (_LAYER + r"norm3\.scale$", r"\1final_layer_norm.weight"),
    (_LAYER + r"gateway\.norm\.scale$", r"\1gateway.norm.weight"),
    (_LAYER + r"swish_ffn\.w3\.", r"\1mlp.down_proj."),
)  # fmt: skip
_PROJECTION = "encoder.input_proj."  # the hybrid encoder's; the lite one has it among its layers
_LEFT_OUT = re.compile(r"(^decoder\.(anchors|valid_mask)|\.num_batches_tracked|\.project)$")
_HEADS = re.compile(r"(enc_bbox_head|pre_bbox_head|query_pos_head|reg_conf|bbox_embed\.\d+)$")
_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU, "gelu": nn.GELU}
_QKV = re.compile(r"^(.*self_attn\.)in_proj_(weight|bias)$")
_GATED = re.compile(r"^(.*)swish_ffn\.w12\.(weight|bias)$")


def is_authors(described: Mapping[str, Any]) -> bool:
    """Whether a config.json is the authors'."""
    return isinstance(described.get(_KEY), Mapping)


def config(folder: Path, described: Mapping[str, Any]) -> dict[str, Any]:
    """The config.json that transformers would have for the same network.

    Raises:
        ConfigError: A size that is not supported, or values that are missing.
    """
    if "HGNetv2" not in described:
        raise ConfigError(
            f"{folder}: only DEIMv2 with an HGNetv2 backbone (Atto, Femto, Pico, N) is read from its authors' files; "
            "the larger sizes have a DINOv3 backbone under Meta's own license"
        )
    lite = "LiteEncoder" in described
    try:
        encoder, decoder = described["LiteEncoder" if lite else "HybridEncoder"], described[_KEY]
        backbone = described["HGNetv2"]
        stages = _BACKBONES[backbone.get("name", "B0")]
        told = (part.get("num_classes") for part in (described, decoder, described.get("PostProcessor", {})))
        classes = int(next((count for count in told if count), len(coco.CLASSES)))
        names = coco.CLASSES if classes == len(coco.CLASSES) else [f"class {i}" for i in range(classes)]
        return {
            "model_type": "deimv2",
            "architectures": ["Deimv2ForObjectDetection"],
            "id2label": {str(index): name for index, name in enumerate(names)},
            "encoder_type": "lite" if lite else "hybrid",
            "encoder_layers": 0 if lite else 1,
            "encoder_hidden_dim": encoder["hidden_dim"],
            "encoder_in_channels": encoder["in_channels"],
            "feat_strides": encoder.get("feat_strides", [16] if lite else [8, 16, 32]),
            "activation_function": encoder.get("act", "silu"),
            "depth_mult": float(encoder.get("depth_mult", 1.0)),
            "hidden_expansion": float(encoder.get("expansion", 1.0)),
            "encoder_fuse_op": encoder.get("fuse_op", "sum"),
            "encoder_ffn_dim": encoder.get("dim_feedforward", 1024),
            "encoder_attention_heads": encoder.get("nhead", 8),
            "encode_proj_layers": encoder.get("use_encoder_idx", [2]),
            "encoder_activation_function": encoder.get("enc_act", "gelu"),
            "d_model": decoder["hidden_dim"],
            "head_dim": decoder["hidden_dim"] // decoder.get("nhead", 8),
            "decoder_attention_heads": decoder.get("nhead", 8),
            "decoder_ffn_dim": decoder["dim_feedforward"],
            "decoder_layers": decoder["num_layers"],
            "num_feature_levels": decoder["num_levels"],
            "decoder_n_points": decoder["num_points"],
            "num_queries": decoder["num_queries"],
            "max_num_bins": decoder.get("reg_max", 32),
            "reg_scale": float(decoder.get("reg_scale", 4.0)),
            "eval_idx": decoder.get("eval_idx", -1),
            "layer_scale": decoder.get("layer_scale", 1),
            "decoder_in_channels": decoder["feat_channels"],
            "decoder_activation_function": decoder.get("activation", "silu"),
            "share_bbox_head": decoder.get("share_bbox_head", False),
            "use_gateway": decoder.get("use_gateway", True),
            "num_denoising": 0,  # of training
            "backbone_config": _backbone(backbone, stages),
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"{folder / 'config.json'}: not a DEIMv2 as its authors describe it ({type(error).__name__}: {error}); "
            "copy it again from where it came from"
        ) from error


def settings(described: Mapping[str, Any]) -> InputSettings:
    """How images are prepared: stretched to the size that the network was made for, from 0 to 1."""
    height, width = described[_KEY].get("eval_spatial_size", (640, 640))
    return InputSettings(size=(int(height), int(width)))


def tensors(found: Mapping[str, torch.Tensor], made: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """The weights under transformers' names.

    Args:
        found: The authors' file.
        made: What `config` gave.
    """
    named: dict[str, torch.Tensor] = {}
    hybrid = made["encoder_type"] == "hybrid"
    for name, values in found.items():
        if _LEFT_OUT.search(name) or "denoising_class_embed" in name:
            continue
        if match := _QKV.match(name):
            for part, piece in zip("qkv", values.chunk(3), strict=True):
                named[_renamed(f"{match[1]}{part}_proj.{match[2]}", hybrid=hybrid)] = piece.contiguous()
        elif match := _GATED.match(name):
            for part, piece in zip(("gate", "up"), values.chunk(2), strict=True):
                named[_renamed(f"{match[1]}mlp.{part}_proj.{match[2]}", hybrid=hybrid)] = piece.contiguous()
        else:
            named[_renamed(name, hybrid=hybrid)] = values
    width, dtype = made["d_model"], torch.float32
    named.setdefault("model.decoder.up", torch.tensor([_UP]))
    named.setdefault("model.decoder.reg_scale", torch.tensor([made["reg_scale"]]))
    # stands in for what `as_authors` takes away again
    named["model.enc_output.0.weight"] = torch.eye(width, dtype=dtype)
    named["model.enc_output.1.weight"] = torch.ones(width, dtype=dtype)
    named["model.enc_output.0.bias"] = torch.zeros(width, dtype=dtype)
    named["model.enc_output.1.bias"] = torch.zeros(width, dtype=dtype)
    return named


def as_authors(model: nn.Module, described: Mapping[str, Any]) -> None:
    """Makes a model of transformers compute what the authors' does. In place.

    Args:
        model: With the weights of `tensors`.
        described: The authors' config.json.
    """
    model.get_submodule("model").enc_output = nn.Identity()
    activation = _ACTIVATIONS.get(str(described[_KEY].get("mlp_act", "relu")), nn.ReLU)
    for name, module in model.named_modules():
        if _HEADS.search(name):
            module.act = activation()


def _renamed(name: str, *, hybrid: bool) -> str:
    if hybrid and name.startswith(_PROJECTION):
        return "model.conv_encoder.encoder_input_proj." + name.removeprefix(_PROJECTION)
    for pattern, replacement in _NAMES:
        name = re.sub(pattern, replacement, name)  # type: ignore[call-overload]
    return name


def _backbone(described: Mapping[str, Any], stages: tuple[tuple[int, ...], ...]) -> dict[str, Any]:
    before, middle, after, blocks, kernels = (list(column) for column in zip(*stages, strict=True))
    count = len(stages)
    return {
        "model_type": "hgnet_v2",
        "stem_channels": [3, 16, 16],
        "hidden_sizes": [128, *after[1:]] if count == 4 else after,
        "stage_in_channels": before,
        "stage_mid_channels": middle,
        "stage_out_channels": after,
        "stage_num_blocks": blocks,
        "stage_downsample": [False] + [True] * (count - 1),
        "stage_light_block": [index > 1 for index in range(count)],
        "stage_kernel_size": kernels,
        "stage_numb_of_layers": [3] * count,
        "depths": [3] * count,
        "use_learnable_affine_block": described.get("use_lab", True),
        "out_indices": [index + 1 for index in described.get("return_idx", [2, 3])],
    }
