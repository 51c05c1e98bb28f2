# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where networks of the DETR family looked."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import transformers
from helpers import detr_models
from helpers.detr_models import FAMILIES, assert_same, folder, library, make, one, picture, ready

from face_detect_ros.core.errors import DetectorError, ImageError


@pytest.mark.parametrize("model_type", FAMILIES)
def test_attention_is_a_heat_map_over_the_image(model_type: str) -> None:
    detector, image = ready(model_type), picture(121, 150)
    before = one(detector, image)
    heat = detector.attention(image, before.boxes[0])
    assert (heat.shape, heat.dtype) == ((121, 150), np.float32)
    assert 0 <= heat.min() < heat.max() == 1
    assert_same(one(detector, image), before)  # the fast path is back


def aim(model, level: int, offset: tuple[float, float]) -> None:
    """The last layer of each head and point looks `offset` aside on one level; its box is what it started from."""
    layer = model.model.decoder.layers[-1]
    attention = getattr(layer, "encoder_attn", None) or layer.cross_attn
    points = attention.attention_weights.bias.numel() // attention.n_heads // attention.n_levels
    with torch.no_grad():
        attention.sampling_offsets.weight.zero_()
        attention.sampling_offsets.bias.copy_(
            torch.tensor(offset).repeat(attention.sampling_offsets.bias.numel() // 2)
        )
        attention.attention_weights.weight.zero_()
        weights = torch.full((attention.n_heads, attention.n_levels, points), -50.0)
        weights[:, level] = 0
        attention.attention_weights.bias.copy_(weights.flatten())
        for heads in (getattr(model, "bbox_embed", None), getattr(model.model.decoder, "bbox_embed", None)):
            if heads is not None:
                last = heads[-1] if isinstance(heads, torch.nn.ModuleList) else heads
                last.layers[-1].weight.zero_()
                last.layers[-1].bias.zero_()


@pytest.mark.parametrize(  # every kind of sampling; the finest, a middle and the coarsest level
    ("model_type", "level", "stride"),
    [
        ("rt_detr", 2, 32),
        ("rt_detr_v2", 0, 8),
        ("deformable_detr", 1, 16),
        ("lw_detr", 1, 32),
        ("rf_detr", 0, 16),
    ],
)
def test_attention_lies_where_the_network_samples(
    tmp_path: Path, model_type: str, level: int, stride: int
) -> None:
    offset = np.array([1.5, -1.0])
    path = detr_models.save(tmp_path / "a", model_type, edit=lambda model: aim(model, level, tuple(offset)))
    detector, image = make(path, input_size=192), picture(200, 300)
    target = detector._network.place(200, 300).target
    cell = stride * np.array([300, 200]) / target[::-1]
    found = one(detector, image)
    centers = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    if model_type == "deformable_detr":  # offsets in cells
        places = centers + offset * cell
    else:  # offsets in halves of a box, a share of it for each point
        points = 4 if model_type.startswith("rt") else 2
        places = centers + offset / points * 0.5 * (found.boxes[:, 2:] - found.boxes[:, :2])
    whole = ((found.boxes > 1) & (found.boxes < (299, 199, 299, 199))).all(axis=1)
    inside = whole & ((places > cell) & (places < (300, 200) - cell)).all(axis=1)
    assert inside.sum() >= 2
    rows, columns = np.mgrid[:200, :300] + 0.5
    for box, (x, y) in list(zip(found.boxes[inside], places[inside], strict=True))[:5]:
        heat = detector.attention(image, box)
        assert abs((heat * columns).sum() / heat.sum() - x) < cell[0] / 2 + 1
        assert abs((heat * rows).sum() / heat.sum() - y) < cell[1] / 2 + 1
        far = (np.abs(columns - x) > 2.5 * cell[0]) | (np.abs(rows - y) > 2.5 * cell[1])
        assert heat[far].max(initial=0) < 1e-6


@pytest.mark.parametrize("model_type", ["detr", "conditional_detr", "dab-detr"])
def test_attention_of_every_cell(tmp_path: Path, model_type: str) -> None:
    def sharpen(model) -> None:
        for name, parameter in model.model.decoder.named_parameters():
            if "q_proj.weight" in name or "query_pos_sine_proj.weight" in name or "query_content" in name:
                parameter.data *= 30

    size = {"size": {"height": 96, "width": 160}}
    path = detr_models.save(tmp_path / "a", model_type, processor=size, edit=sharpen)
    detector, image = make(path), picture(96, 160)
    model = (
        getattr(transformers, FAMILIES[model_type][0])
        .from_pretrained(path, attn_implementation="eager")
        .eval()
    )
    inputs = transformers.AutoImageProcessor.from_pretrained(path)(
        images=image, return_tensors="pt", input_data_format="channels_last"
    )
    with torch.inference_mode():
        output = model(**inputs, output_attentions=True)
    weights = output.cross_attentions[-1][0].sum(0).reshape(-1, 3, 5)
    for query in (0, 5, 11):
        x, y, width, height = (output.pred_boxes[0, query] * torch.tensor([160, 96, 160, 96])).tolist()
        heat = detector.attention(
            image, np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
        )
        expected = cv2.resize(weights[query].numpy(), (160, 96), interpolation=cv2.INTER_LINEAR)
        assert np.allclose(heat, expected / expected.max(), atol=1e-3)


def test_attention_stays_out_of_the_padding(tmp_path: Path) -> None:
    padded = {**detr_models.EDGES, "pad_size": {"height": 128, "width": 128}}
    detector = make(detr_models.save(tmp_path / "a", "deformable_detr", processor=padded))
    image = picture(60, 100)
    found = one(detector, image)
    assert_same(found, library(tmp_path / "a", image, -1.0))
    assert detector.attention(image, found.boxes[0]).shape == (60, 100)


def test_attention_that_cannot_be(tmp_path: Path) -> None:
    detector, image = make(folder("rt_detr")), picture(120, 150)
    with pytest.raises(DetectorError, match="nothing that this network found"):
        detector.attention(image, np.array([-90, -90, -80, -80], np.float32))
    with pytest.raises(ImageError):
        detector.attention(image[..., 0], np.array([0, 0, 9, 9], np.float32))
    detector.close()
    for call in (lambda: detector.attention(image, np.zeros(4)), lambda: one(detector, image)):
        with pytest.raises(DetectorError, match="closed"):
            call()
    discrete = make(detr_models.save(tmp_path / "a", "rt_detr_v2", decoder_method="discrete"))
    assert_same(one(discrete, image), library(tmp_path / "a", image, -1.0))
    with pytest.raises(DetectorError, match="without interpolation"):
        discrete.attention(image, one(discrete, image).boxes[0])
