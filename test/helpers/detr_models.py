# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tiny DETR-like models with random weights, saved as published ones are, and what the library finds with them."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import transformers

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.detections import Detections
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.detectors import catalogue

EVERYTHING = DetectOptions(score_threshold=0.0, max_detections=1000)

LABELS = {0: "person", 1: "cat", 2: "cup", 3: "chair", 4: "robot"}
RESNET = {
    "model_type": "resnet",
    "embedding_size": 8,
    "hidden_sizes": [8, 12, 16, 24],
    "depths": [1, 1, 1, 1],
    "layer_type": "basic",
}
SQUARE = {"do_resize": True, "size": {"height": 64, "width": 96}, "do_normalize": False}
EDGES = {"do_resize": True, "size": {"shortest_edge": 64, "longest_edge": 100}}
WINDOWED = {"do_resize": True, "size": {"height": 64, "width": 64}, "do_pad": False}

_RT = {
    "encoder_hidden_dim": 32,
    "encoder_ffn_dim": 32,
    "encoder_attention_heads": 4,
    "d_model": 32,
    "num_queries": 20,
    "decoder_ffn_dim": 32,
    "decoder_layers": 2,
    "decoder_attention_heads": 4,
    "decoder_in_channels": [32, 32, 32],
    "num_denoising": 0,
}
_RT_RESNET = {
    **_RT,
    "encoder_in_channels": [16, 24, 32],
    "backbone_config": {
        "model_type": "rt_detr_resnet",
        "embedding_size": 8,
        "hidden_sizes": [8, 16, 24, 32],
        "depths": [1, 1, 1, 2],
        "layer_type": "basic",
        "out_features": ["stage2", "stage3", "stage4"],
    },
}
HGNET = {
    "model_type": "hgnet_v2",
    "stem_channels": [3, 8, 8],
    "stage_in_channels": [8, 16, 24, 32],
    "stage_mid_channels": [8, 8, 8, 8],
    "stage_out_channels": [16, 24, 32, 40],
    "stage_num_blocks": [1, 1, 1, 1],
    "stage_downsample": [False, True, True, True],
    "stage_light_block": [False, False, True, True],
    "stage_kernel_size": [3, 3, 5, 5],
    "stage_numb_of_layers": [2, 2, 2, 2],
    "depths": [1, 1, 1, 1],
    "hidden_sizes": [16, 24, 32, 40],
    "use_learnable_affine_block": True,
    "out_features": ["stage2", "stage3", "stage4"],
}
_CLASSIC = {
    "use_timm_backbone": False,
    "backbone_config": {**RESNET, "out_features": ["stage4"]},
    "d_model": 32,
    "num_queries": 12,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
}
_DECODER = {
    "d_model": 32,
    "num_queries": 12,
    "decoder_layers": 2,
    "decoder_ffn_dim": 32,
    "decoder_self_attention_heads": 4,
    "decoder_cross_attention_heads": 4,
    "decoder_n_points": 2,
    "group_detr": 2,
}

# model type: (model class, config class, config, processor class, its settings)
FAMILIES: dict[str, tuple[str, str, dict[str, Any], str, dict[str, Any]]] = {
    "rt_detr": ("RTDetrForObjectDetection", "RTDetrConfig", _RT_RESNET, "RTDetrImageProcessor", SQUARE),
    "rt_detr_v2": (
        "RTDetrV2ForObjectDetection",
        "RTDetrV2Config",
        _RT_RESNET,
        "RTDetrImageProcessor",
        SQUARE,
    ),
    "d_fine": (
        "DFineForObjectDetection",
        "DFineConfig",
        {
            **_RT,
            "encoder_in_channels": [24, 32, 40],
            "backbone_config": HGNET,
            "decoder_n_points": [3, 6, 3],
        },
        "RTDetrImageProcessor",
        SQUARE,
    ),
    "deimv2": (
        "Deimv2ForObjectDetection",
        "Deimv2Config",
        {
            **_RT,
            "encoder_in_channels": [24, 32, 40],
            "backbone_config": HGNET,
            "decoder_n_points": [3, 6, 3],
        },
        "RTDetrImageProcessor",
        SQUARE,
    ),
    "detr": ("DetrForObjectDetection", "DetrConfig", _CLASSIC, "DetrImageProcessor", EDGES),
    "conditional_detr": (
        "ConditionalDetrForObjectDetection",
        "ConditionalDetrConfig",
        _CLASSIC,
        "ConditionalDetrImageProcessor",
        EDGES,
    ),
    "dab-detr": (
        "DabDetrForObjectDetection",
        "DabDetrConfig",
        {**{k: v for k, v in _CLASSIC.items() if k != "d_model"}, "hidden_size": 32},
        "ConditionalDetrImageProcessor",
        EDGES,
    ),
    "deformable_detr": (
        "DeformableDetrForObjectDetection",
        "DeformableDetrConfig",
        {**_CLASSIC, "backbone_config": {**RESNET, "out_features": ["stage2", "stage3", "stage4"]}},
        "DeformableDetrImageProcessor",
        {"size": {"shortest_edge": 96, "longest_edge": 160}},
    ),
    "lw_detr": (
        "LwDetrForObjectDetection",
        "LwDetrConfig",
        {
            **_DECODER,
            "projector_scale_factors": [1.0, 0.5],
            "backbone_config": {
                "model_type": "lw_detr_vit",
                "hidden_size": 32,
                "num_hidden_layers": 3,
                "num_attention_heads": 4,
                "image_size": 64,
                "pretrain_image_size": 64,
                "patch_size": 16,
                "num_windows": 4,
                "window_block_indices": [0, 1],
                "out_indices": [1, 2],
            },
        },
        "DeformableDetrImageProcessor",
        WINDOWED,
    ),
    "rf_detr": (
        "RfDetrForObjectDetection",
        "RfDetrConfig",
        {
            **_DECODER,
            "backbone_config": {
                "model_type": "rf_detr_dinov2",
                "hidden_size": 32,
                "num_hidden_layers": 3,
                "num_attention_heads": 4,
                "image_size": 64,
                "patch_size": 16,
                "num_windows": 2,
                "out_features": ["stage2", "stage3"],
            },
        },
        "RfDetrImageProcessor",
        WINDOWED,
    ),
}

_ALL_STAGES = {
    "backbone_config": {**RESNET, "out_features": ["stage1", "stage2", "stage3", "stage4"]},
    "d_model": 128,
    "encoder_attention_heads": 8,
}
# with masks: (model class, what is added to the config of the detector)
MASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "rf_detr": ("RfDetrForInstanceSegmentation", {}),
    "detr": ("DetrForSegmentation", _ALL_STAGES),
}


def build(
    model_type: str, labels: dict[int, str] | None = None, *, masks: bool = False, **changes: Any
) -> Any:
    """A model whose every part counts: initialization leaves zeros where training would not."""
    name, config_name, settings, _, _ = FAMILIES[model_type]
    if masks:
        name, added = MASKED[model_type]
        settings = {**settings, **added}
    labels = LABELS if labels is None else labels
    config = getattr(transformers, config_name)(
        **{**settings, **changes}, id2label=labels, label2id={v: k for k, v in labels.items()}
    )
    torch.manual_seed(0)
    model = getattr(transformers, name)(config).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            if not tensor.is_floating_point() or "points_scale" in key:
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            if key.endswith("running_var"):
                tensor.copy_(noise.abs() + 0.5)
            elif tensor.ndim == 1 and ("norm" in key or "bn" in key) and key.endswith("weight"):
                tensor.copy_(1 + 0.2 * noise)
            else:
                tensor.add_(noise * 0.1)
    return model


def save(
    folder: Path,
    model_type: str,
    *,
    labels: dict[int, str] | None = None,
    processor: dict[str, Any] | None = None,
    edit: Callable[[Any], None] | None = None,
    **changes: Any,
) -> Path:
    """The folder with config.json, model.safetensors, preprocessor_config.json. edit: changes the model first."""
    model = build(model_type, labels, **changes)
    if edit:
        edit(model)
    model.save_pretrained(folder)
    settings = {
        "image_processor_type": FAMILIES[model_type][3],
        **FAMILIES[model_type][4],
        **(processor or {}),
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """(height, width, 3) uint8: smooth colors with noise, so that neither blur nor aliasing goes unseen."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    phases = rng.uniform(0, 6, 3)
    waves = np.stack([np.sin(x / 37 + p) * np.cos(y / 23 - p) for p in phases], axis=-1)
    return np.clip(128 + 90 * waves + rng.normal(0, 30, waves.shape), 0, 255).astype(np.uint8)


@functools.cache
def _shared() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="face_detect_ros_detr_")  # gone with the process


@functools.cache
def folder(model_type: str) -> Path:
    """One with a model of that family, not to be changed."""
    return save(Path(_shared().name) / model_type, model_type)


@functools.cache
def ready(model_type: str) -> Detector:
    """Its detector in float32, shared: it has no state."""
    return make(folder(model_type))


def make(path: Path, **arguments) -> Detector:
    arguments = {"device": "cpu", "precision": "float32", **arguments}
    return catalogue.create(f"detr:{path}", task="objects", **arguments)


def one(detector: Detector, image: np.ndarray, options: DetectOptions = EVERYTHING) -> Detections:
    return detector.detect([image], options)[0]


def library(path: Path, image: np.ndarray, threshold: float, **processing) -> Detections:
    """What the library itself finds; boxes clipped as ours are."""
    model, processor = library_parts(path)
    inputs = processor(images=image, return_tensors="pt", input_data_format="channels_last", **processing)
    if model.config.model_type == "rf_detr":  # its own processor needs torchvision
        inputs = {"pixel_values": rf_pixels(image, 64)}
    with torch.inference_mode():
        output = model(**inputs)
    most = {"top_k": output.logits.shape[1]} if model.config.model_type == "rf_detr" else {}
    (found,) = processor.post_process_object_detection(output, threshold, [image.shape[:2]], **most)
    boxes = box_geometry.clip(found["boxes"].numpy(), image.shape[1], image.shape[0])
    solid = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= 0.99  # as DetectOptions.min_size_px
    return Detections(boxes[solid], found["scores"].numpy()[solid], found["labels"].numpy()[solid])


@functools.lru_cache(maxsize=1)
def library_parts(path: Path):
    model_type = json.loads((path / "config.json").read_text())["model_type"]
    model = getattr(transformers, FAMILIES[model_type][0]).from_pretrained(path).eval()
    if model_type == "rf_detr":
        path = _with_processor(path)  # of the one that reads results in the same way
    return model, transformers.AutoImageProcessor.from_pretrained(path)


def _with_processor(path: Path) -> Path:
    other = path / "as_deformable"
    other.mkdir(exist_ok=True)
    settings = json.loads((path / "preprocessor_config.json").read_text())
    settings["image_processor_type"] = "DeformableDetrImageProcessor"
    (other / "preprocessor_config.json").write_text(json.dumps(settings))
    return other


def rf_pixels(image: np.ndarray, side: int) -> torch.Tensor:
    resized = cv2.resize(image.astype(np.float32) / 255, (side, side), interpolation=cv2.INTER_LINEAR)
    normalized = (resized - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    return torch.from_numpy(normalized.astype(np.float32)).permute(2, 0, 1)[None]


def assert_same(ours: Detections, theirs: Detections, pixels: float = 0.02) -> None:
    """The same detections, in any order where scores tie."""
    assert len(ours) == len(theirs)
    assert np.allclose(ours.scores, np.sort(theirs.scores)[::-1], atol=1e-3)
    left = list(range(len(ours)))
    for box, score, class_id in zip(theirs.boxes, theirs.scores, theirs.class_ids, strict=True):
        distances = [
            max(np.abs(ours.boxes[i] - box).max() / pixels, abs(ours.scores[i] - score) / 1e-3)
            if ours.class_ids[i] == class_id
            else np.inf
            for i in left
        ]
        assert min(distances) < 1
        left.pop(int(np.argmin(distances)))
