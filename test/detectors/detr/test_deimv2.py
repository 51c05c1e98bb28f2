# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""DEIMv2 as its authors publish it: names of weights, settings, and what transformers' network must not do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from helpers.detr_models import make, one, picture  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from face_detect_ros.core.errors import ConfigError, WeightsError  # noqa: E402
from face_detect_ros.detectors.detr import checkpoint, deimv2  # noqa: E402
from face_detect_ros.zoo.published import coco  # noqa: E402

_DECODER = {
    "hidden_dim": 32, "nhead": 8, "num_levels": 2, "num_points": [4, 2], "num_layers": 2, "num_queries": 20,
    "dim_feedforward": 48, "activation": "silu", "mlp_act": "silu", "feat_channels": [32, 32],
    "feat_strides": [16, 32], "eval_spatial_size": [96, 128],
}  # fmt: skip
LITE: dict[str, Any] = {
    "HGNetv2": {"name": "Atto", "return_idx": [2], "use_lab": True},
    "LiteEncoder": {
        "in_channels": [256], "feat_strides": [16], "hidden_dim": 32, "expansion": 0.34, "depth_mult": 0.5,
    },
    "DEIMTransformer": {**_DECODER, "share_bbox_head": True, "use_gateway": False},
    "PostProcessor": {"num_classes": 80},
}  # fmt: skip
HYBRID: dict[str, Any] = {
    "HGNetv2": {"name": "B0", "return_idx": [2, 3], "use_lab": True},
    "HybridEncoder": {
        "in_channels": [512, 1024], "feat_strides": [16, 32], "hidden_dim": 32, "dim_feedforward": 48,
        "expansion": 0.34, "depth_mult": 0.5, "use_encoder_idx": [1], "fuse_op": "sum",
    },
    "DEIMTransformer": _DECODER,
}  # fmt: skip
CONFIGS = {"lite": LITE, "hybrid": HYBRID}

# transformers' names back to the authors', written from the other side
BACK = (
    (r"^model\.conv_encoder\.encoder_input_proj\.", "encoder.input_proj."),
    (r"^model\.conv_encoder\.model\.embedder\.", "backbone.stem."),
    (r"^model\.conv_encoder\.model\.encoder\.", "backbone."),
    (r"^(backbone\..*)\.convolution\.", r"\1.conv."),
    (r"^(backbone\..*)\.normalization\.", r"\1.bn."),
    (r"^model\.encoder\.aifi\.(\d+)\.", r"encoder.encoder.\1."),
    (r"\.self_attn_layer_norm\.(weight|bias)$", lambda m: ".norm1." + m[1]),
    (r"^(encoder\..*)\.final_layer_norm\.", r"\1.norm2."),
    (r"^(encoder\..*)\.mlp\.layers\.0\.", r"\1.linear1."),
    (r"^(encoder\..*)\.mlp\.layers\.1\.", r"\1.linear2."),
    (r"self_attn\.o_proj\.", "self_attn.out_proj."),
    (r"^model\.encoder\.down_conv(\d)\.conv\.", r"encoder.down_sample\1.1."),
    (r"^model\.encoder\.down_conv(\d)\.norm\.", r"encoder.down_sample\1.2."),
    (r"^model\.encoder\.bi_fusion_conv\.", "encoder.bi_fusion.cv."),
    (r"^model\.encoder\.downsample_convs\.(\d+)\.conv", r"encoder.downsample_convs.\1.0.cv"),
    (r"(_blocks?(?:\.\d+)?)\.conv1\.", r"\1.cv1."),
    (r"(_blocks?(?:\.\d+)?)\.conv2\.", r"\1.cv4."),
    (r"\.csp_rep1\.conv2\.", ".cv2.1."),
    (r"\.csp_rep2\.conv2\.", ".cv3.1."),
    (r"\.csp_rep1\.", ".cv2.0."),
    (r"\.csp_rep2\.", ".cv3.0."),
    (r"^model\.encoder\.", "encoder."),
    (r"^model\.(enc_score_head|enc_bbox_head)\.", r"decoder.\1."),
    (r"^model\.decoder\.class_embed\.", "decoder.dec_score_head."),
    (r"^model\.decoder\.bbox_embed\.", "decoder.dec_bbox_head."),
    (r"^model\.decoder\.(pre_bbox_head|query_pos_head)\.", r"decoder.\1."),
    (r"^model\.decoder\.", "decoder.decoder."),
    (r"encoder_attn_layer_norm\.weight$", "norm2.scale"),
    (r"encoder_attn\.", "cross_attn."),
    (r"^(decoder\..*)\.norm1\.weight$", r"\1.norm1.scale"),
    (r"^(decoder\..*)\.final_layer_norm\.weight$", r"\1.norm3.scale"),
    (r"gateway\.norm\.weight$", "gateway.norm.scale"),
    (r"mlp\.down_proj\.", "swish_ffn.w3."),
)  # fmt: skip


def as_published(model: Any) -> dict[str, Any]:
    """The weights of a model of transformers under the authors' names, what they fuse fused."""
    found: dict[str, Any] = {}
    state = {key: value for key, value in model.state_dict().items() if "enc_output" not in key}
    for key, value in state.items():
        if re.match(r"^(class_embed|bbox_embed)", key) or key.endswith(("k_proj.weight", "k_proj.bias")):
            continue
        if key.endswith(("v_proj.weight", "v_proj.bias", "up_proj.weight", "up_proj.bias")):
            continue
        name = key
        for first, others, fused in (
            ("q_proj.", ("k_proj.", "v_proj."), "in_proj_"),
            ("gate_proj.", ("up_proj.",), ""),
        ):
            if first in key and ("self_attn" in key or first == "gate_proj."):
                value = torch.cat([value, *(state[key.replace(first, other)] for other in others)])
                name = key.replace(first, fused) if fused else key.replace("mlp.gate_proj.", "swish_ffn.w12.")
        for pattern, replacement in BACK:
            name = re.sub(pattern, replacement, name)
        found[name] = value.clone().contiguous()
    found["decoder.anchors"] = torch.zeros(1, 60, 4)
    found["decoder.valid_mask"] = torch.ones(1, 60, 1)
    return found


def build(kind: str) -> Any:
    """A model of transformers with random weights, which computes as the authors' does."""
    described = deimv2.config(Path("made"), CONFIGS[kind])
    config = transformers.Deimv2Config.from_dict(
        {key: value for key, value in described.items() if key not in ("architectures", "model_type")}
    )
    torch.manual_seed(0)
    model = transformers.Deimv2ForObjectDetection(config).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            if not tensor.is_floating_point() or key.endswith(("up", "reg_scale", "points_scale", "project")):
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            tensor.copy_(noise.abs() + 0.5) if key.endswith("running_var") else tensor.add_(0.05 * noise)
    return model


@pytest.fixture(scope="module", params=CONFIGS)
def published(request, tmp_path_factory) -> tuple[str, Path, Any]:
    folder = tmp_path_factory.mktemp(request.param)
    model = build(request.param)
    (folder / "config.json").write_text(json.dumps(CONFIGS[request.param]))
    save_file(as_published(model), folder / "model.safetensors")
    return request.param, folder, model


def test_the_authors_files_are_read(published: tuple[str, Path, Any]) -> None:
    kind, folder, model = published
    found = checkpoint.load(folder)
    deimv2.as_authors(model, CONFIGS[kind])
    pixels = torch.rand(2, 3, 96, 128, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        ours, expected = found.model(pixel_values=pixels), model(pixel_values=pixels)
    torch.testing.assert_close(ours.logits, expected.logits, rtol=0, atol=1e-5)
    torch.testing.assert_close(ours.pred_boxes, expected.pred_boxes, rtol=0, atol=1e-6)
    assert tuple(found.labels.values()) == coco.CLASSES


def test_what_differs_from_the_library(published: tuple[str, Path, Any]) -> None:
    """No projection before the queries, and the heads' activation."""
    _, folder, _ = published
    model = checkpoint.load(folder).model
    assert isinstance(model.model.enc_output, torch.nn.Identity)
    heads = {
        name
        for name, module in model.named_modules()
        if isinstance(getattr(module, "act", None), torch.nn.SiLU)
    }
    assert {
        "model.enc_bbox_head",
        "model.decoder.pre_bbox_head",
        "model.decoder.lqe_layers.0.reg_conf",
    } <= heads


def test_a_detector_of_them(published: tuple[str, Path, Any]) -> None:
    _, folder, _ = published
    detector = make(folder)
    assert detector.labels == coco.CLASSES
    assert detector.network.place(30, 70).target == (96, 128)
    found = one(detector, picture(60, 80))
    assert len(found)
    assert np.isfinite(found.boxes).all()
    assert detector.attention(picture(60, 80), found.boxes[0]).shape == (60, 80)


def test_files_that_are_not_complete(tmp_path: Path, published: tuple[str, Path, Any]) -> None:
    kind, _, model = published
    weights = as_published(model)
    weights.pop("decoder.dec_score_head.0.weight")
    (tmp_path / "config.json").write_text(json.dumps(CONFIGS[kind]))
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match=r"[12] missing"):
        checkpoint.load(tmp_path)
    for change, said in (
        ({"HGNetv2": None, "DINOv3STAs": {}}, "DINOv3 backbone under Meta's own license"),
        ({"DEIMTransformer": {"hidden_dim": 32}}, "not a DEIMv2 as its authors describe it"),
        ({"HGNetv2": {"name": "B9"}}, "not a DEIMv2 as its authors describe it"),
    ):
        described = {name: value for name, value in {**CONFIGS[kind], **change}.items() if value is not None}
        (tmp_path / "config.json").write_text(json.dumps(described))
        with pytest.raises(ConfigError, match=said):
            checkpoint.load(tmp_path)
