# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Detectors of the DETR family find what the library's own pipeline finds."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import detr_models
from helpers.detr_models import (
    EVERYTHING,
    FAMILIES,
    LABELS,
    assert_same,
    folder,
    library,
    make,
    one,
    picture,
    ready,
)

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.errors import ConfigError, DeviceError
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.core.protocols import AttentionSource, DetectOptions
from face_detect_ros.detectors.detr import detector as detr
from face_detect_ros.nn import devices

CPU = torch.device("cpu")
BFLOAT16 = devices.choose_dtype("auto", CPU) == torch.bfloat16
IMAGES = [(120, 150), (333, 77), (2, 1), (50, 700)]


# --- the same as the library ---


@pytest.mark.parametrize("model_type", FAMILIES)
def test_the_same_as_the_library(model_type: str) -> None:
    detector = ready(model_type)
    assert detector.labels == tuple(LABELS.values())
    assert isinstance(detector, AttentionSource)
    pictures = [picture(*size, seed=index) for index, size in enumerate(IMAGES)]
    everything = [library(folder(model_type), image, -1.0) for image in pictures]
    for image, found in zip(pictures, everything, strict=True):
        assert_same(one(detector, image), found)
    threshold = float(np.median(everything[0].scores)) + 1e-6
    some = one(detector, pictures[0], DetectOptions(score_threshold=threshold, max_detections=1000))
    assert len(some) > 0
    assert_same(some, library(folder(model_type), pictures[0], threshold))


@pytest.mark.parametrize("model_type", FAMILIES)
def test_a_batch_equals_single_images(model_type: str) -> None:
    detector = ready(model_type)
    sizes = [(120, 150), (64, 96), (120, 150), (150, 120), (9, 9), (120, 150)]
    images = [picture(*size, seed=index) for index, size in enumerate(sizes)]
    for image, found in zip(images, detector.detect(images, EVERYTHING), strict=True):
        assert_same(found, one(detector, image), pixels=1e-2)
    assert detector.detect([], EVERYTHING) == []


@pytest.mark.skipif(not BFLOAT16, reason="this CPU does not compute in bfloat16")
@pytest.mark.parametrize("model_type", FAMILIES)
def test_bfloat16_keeps_boxes_precise(model_type: str) -> None:
    image = picture(150, 200)
    exact = one(ready(model_type), image)
    fast = one(make(folder(model_type), precision="bfloat16"), image)
    overlap = box_geometry.iou(exact.boxes, fast.boxes).max(axis=1)
    assert np.median(overlap) > 0.97  # a few may come from other queries
    assert np.allclose(exact.scores[:3], fast.scores[:3], atol=0.02)


def test_float16_where_the_cpu_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    with pytest.raises(DeviceError, match="float16"):
        make(folder("rt_detr"), precision="float16")
    make(folder("rt_detr"), precision="auto").close()


@pytest.mark.parametrize("model_type", ["rt_detr", "rt_detr_v2", "d_fine", "deimv2"])
def test_nothing_is_left_to_fold(model_type: str) -> None:
    network = ready(model_type)._network
    names = {type(module).__name__ for module in network._model.modules()}
    assert not [name for name in names if "BatchNorm" in name or "RepVgg" in name]


LITE = {  # as in DEIMv2 Atto, Femto and Pico
    "encoder_type": "lite",
    "encoder_layers": 0,
    "encoder_in_channels": [32],
    "feat_strides": [16],
    "decoder_in_channels": [32, 32],
    "num_feature_levels": 2,
    "decoder_n_points": [4, 2],
    "share_bbox_head": True,
    "use_gateway": False,
    "backbone_config": {**detr_models.HGNET, "out_features": ["stage3"]},
}


def test_the_lite_encoder_of_deimv2(tmp_path: Path) -> None:
    path = detr_models.save(tmp_path / "lite", "deimv2", **LITE)
    for index, size in enumerate(IMAGES[:2]):
        image = picture(*size, seed=index)
        assert_same(one(make(path), image), library(path, image, -1.0))
    odd = detr_models.save(
        tmp_path / "odd", "deimv2", processor={"size": {"height": 48, "width": 64}}, **LITE
    )
    with pytest.raises(ConfigError, match="multiples of 32"):
        make(odd)


# --- input size ---


def test_another_input_size_is_a_square() -> None:
    image = picture(120, 150)
    found = one(make(folder("rt_detr_v2"), input_size=128), image)
    assert_same(found, library(folder("rt_detr_v2"), image, -1.0, size={"height": 128, "width": 128}))


def test_another_longest_side_where_images_keep_their_shape() -> None:
    image = picture(150, 120)
    detector = make(folder("detr"), input_size=128)
    assert_same(
        one(detector, image),
        library(folder("detr"), image, -1.0, size={"shortest_edge": 128, "longest_edge": 128}),
    )
    assert detector._network.place(150, 120).target == (128, 102)


@pytest.mark.parametrize(
    ("model_type", "size"), [("rt_detr", 100), ("detr", 33), ("rf_detr", 70), ("rt_detr", 8192)]
)
def test_input_sizes_that_cannot_be(model_type: str, size: int) -> None:
    with pytest.raises(ConfigError, match=f"input_size {size}: give a multiple of 32"):
        make(folder(model_type), input_size=size)


def test_sizes_that_the_network_cannot_take(tmp_path: Path) -> None:
    edges = detr_models.save(tmp_path / "a", "rt_detr", processor=detr_models.EDGES)
    with pytest.raises(ConfigError, match="images of one size"):
        make(edges)
    odd = detr_models.save(tmp_path / "b", "rf_detr", processor={"size": {"height": 64, "width": 80}})
    with pytest.raises(ConfigError, match="multiples of 32"):
        make(odd)
    fixed = detr_models.save(tmp_path / "c", "rt_detr", anchor_image_size=[64, 96])
    assert_same(one(make(fixed), picture(50, 60)), library(fixed, picture(50, 60), -1.0))
    with pytest.raises(ConfigError, match="made for"):
        make(fixed, input_size=128)


# --- classes ---


@pytest.mark.parametrize("model_type", ["rt_detr", "detr"])
def test_only_the_classes_asked_for(model_type: str) -> None:
    detector, image = ready(model_type), picture(120, 150)
    everything = one(detector, image)
    wanted = tuple(int(i) for i in everything.class_ids[[0, -1]])
    found = one(detector, image, DetectOptions(score_threshold=0, max_detections=1000, class_ids=wanted))
    assert set(found.class_ids) <= set(wanted)
    expected = np.flatnonzero(np.isin(everything.class_ids, wanted))
    assert len(found) >= len(expected) > 0
    assert np.allclose(found.scores[: len(expected)], everything.scores[expected])
    best = one(detector, image, DetectOptions(score_threshold=0, max_detections=3))
    assert np.array_equal(best.scores, everything.scores[:3])
    with pytest.raises(ConfigError, match="5 classes"):
        one(detector, image, DetectOptions(class_ids=(5,)))


@pytest.mark.parametrize("model_type", ["conditional_detr", "detr"])
def test_gaps_in_the_numbering_do_not_exist(tmp_path: Path, model_type: str) -> None:
    gaps = {0: "N/A", 1: "person", 2: "LABEL_2", 3: "cat", 4: "N/A"}
    detector = make(detr_models.save(tmp_path / "a", model_type, labels=gaps))
    assert detector.labels == ("person", "cat")
    image = picture(120, 150)
    found = one(detector, image)
    full = library(tmp_path / "a", image, -1.0)
    for ours, theirs in ((0, 1), (1, 3)):
        expected = full.scores[full.class_ids == theirs]
        assert (
            np.isclose(expected[:, None], found.scores[found.class_ids == ours], atol=1e-3).any(axis=1).all()
        )


def test_labels_without_names() -> None:
    assert detr.named_columns({1: "LABEL_1", 0: "LABEL_0"}) == [0, 1]
    assert detr.named_columns({0: "N/A", 1: "a", 2: ""}) == [1]
    assert detr.named_columns({0: "N/A"}) == []


def test_times_warmup_and_places() -> None:
    detector = ready("rt_detr")
    detector.warmup()
    assert detector.times.pre_ms > 0
    assert detector.times.network_ms > 0
    assert detector.device == "cpu"
    place = detector._network.place(480, 640)
    assert place == Letterbox((480, 640), (64, 96), (64, 96), (0, 0))
