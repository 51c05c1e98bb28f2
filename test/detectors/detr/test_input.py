# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Pixels for the DETR family: as the library's own image processors make them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from helpers.detr_models import picture, rf_pixels

from face_detect_ros.detectors.detr.input import DetrInput
from face_detect_ros.detectors.preprocessor import SETTINGS_FILE, read_settings

CPU = torch.device("cpu")


IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
EXACT = {"size": {"height": 96, "width": 64}}
RT, DETR = "RTDetrImageProcessor", "DetrImageProcessor"


@pytest.mark.parametrize(
    ("processor", "settings"),
    [
        pytest.param(RT, {}, id="RT-DETR's defaults"),
        pytest.param(RT, {**EXACT, "do_normalize": True, **IMAGENET}, id="normalized"),
        pytest.param(RT, {**EXACT, "do_rescale": False, "do_normalize": True, **IMAGENET}, id="not rescaled"),
        pytest.param(RT, {**EXACT, "rescale_factor": 1 / 127.5}, id="another factor"),
        pytest.param(RT, {**EXACT, "resample": 3}, id="bicubic"),
        pytest.param(RT, {**EXACT, "resample": 0}, id="nearest"),
        pytest.param(DETR, {"size": {"shortest_edge": 160, "longest_edge": 233}}, id="edges"),
        pytest.param(
            DETR, {"size": 160, "max_size": 233, "feature_extractor_type": "x"}, id="files of old versions"
        ),
        pytest.param(DETR, {"size": {"max_height": 90, "max_width": 120}}, id="within"),
        pytest.param(
            DETR,
            {"size": {"shortest_edge": 60, "longest_edge": 100}, "pad_size": {"height": 128, "width": 128}},
            id="padded",
        ),
        pytest.param(DETR, {"do_resize": False}, id="not resized"),
        pytest.param(
            "ConditionalDetrImageProcessor", {"size": {"shortest_edge": 99, "longest_edge": 160}}, id="cond"
        ),
        pytest.param("DeformableDetrImageProcessorFast", EXACT, id="deformable, fast"),
    ],
)
@pytest.mark.parametrize("size", [(48, 64), (480, 640), (333, 77), (96, 64), (1, 1), (3, 2)])
def test_pixels_as_the_librarys_processor(
    tmp_path: Path, processor: str, settings, size: tuple[int, int]
) -> None:
    compare_pixels(tmp_path, processor, settings, picture(*size))


def test_pixels_of_a_4k_image(tmp_path: Path) -> None:
    image = np.tile(picture(540, 960), (4, 4, 1))
    compare_pixels(tmp_path, RT, {}, image)
    compare_pixels(tmp_path, DETR, {}, image)


@pytest.mark.parametrize(
    "before", [(480, 640), (360, 640), (600, 40), (10, 5), (630, 320), (640, 639), (720, 640)]
)
def test_pixels_that_either_pytorch_or_pillow_resizes(tmp_path: Path, before: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*before, 3), np.uint8)
    compare_pixels(tmp_path, RT, {}, noise)


def compare_pixels(tmp_path: Path, processor: str, settings: dict, image: np.ndarray) -> None:
    given = {**settings, "image_processor_type": processor}
    if "feature_extractor_type" in settings:
        given = {
            **settings,
            "feature_extractor_type": processor.replace("ImageProcessor", "FeatureExtractor"),
        }
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(given))
    name = processor.removesuffix("Fast")
    module = {RT: "rt_detr", DETR: "detr", "ConditionalDetrImageProcessor": "conditional_detr"}
    theirs_type = transformers.models.auto.image_processing_auto.get_image_processor_class_from_name(
        f"{name}Pil"
    )
    assert theirs_type is not None, module
    theirs = theirs_type(**settings)(images=image, return_tensors="pt", input_data_format="channels_last")
    ours = DetrInput(read_settings(tmp_path / SETTINGS_FILE, "RTDetrImageProcessor"), CPU)
    values, mask = ours([image], [ours.place(*image.shape[:2])])
    assert values.shape == theirs["pixel_values"].shape
    assert (values - theirs["pixel_values"]).abs().max() < 1e-3 * max(
        1, theirs["pixel_values"].abs().max() / 10
    )
    expected = theirs.get("pixel_mask")
    if expected is not None and not expected.all():
        assert torch.equal(mask, expected)
    else:
        assert mask is None


@pytest.mark.parametrize("size", [(48, 64), (480, 640), (333, 77), (64, 64), (1, 1)])
def test_pixels_of_rf_detr(tmp_path: Path, size: tuple[int, int]) -> None:
    given = {"image_processor_type": "RfDetrImageProcessor", "size": {"height": 64, "width": 64}}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(given))
    ours = DetrInput(read_settings(tmp_path / SETTINGS_FILE, "RTDetrImageProcessor"), CPU)
    image = picture(*size)[::-1]
    image.flags.writeable = False
    values, mask = ours([image], [ours.place(*size)])
    assert mask is None
    assert (values - rf_pixels(image, 64)).abs().max() < 1e-3
