# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Grounding models with small random weights, beside what the library makes of the same text and image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")
from helpers.detr_models import EVERYTHING, one, picture  # noqa: E402

from face_detect_ros.core.errors import ConfigError, WeightsError  # noqa: E402
from face_detect_ros.core.protocols import DetectOptions, Detector  # noqa: E402
from face_detect_ros.detectors import catalogue  # noqa: E402
from face_detect_ros.detectors.grounding import prompts  # noqa: E402

WORDS = ("person", "red", "cup", "fork", "##lift", "detect", ",", ".")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
CLASSES = "Person, red  cup,forklift"
SWIN = {
    "model_type": "swin",
    "embed_dim": 8,
    "depths": [1, 1, 1, 1],
    "num_heads": [1, 1, 2, 2],
    "window_size": 4,
    "image_size": 64,
    "out_indices": [2, 3, 4],
}
TEXT = {
    "vocab_size": len(SPECIAL + WORDS),
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 77,
}
DINO = {
    "backbone_config": SWIN,
    "text_config": {"model_type": "bert", **TEXT},
    "d_model": 32,
    "num_queries": 10,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "max_text_len": 32,
}
OMDET = {
    "backbone_config": SWIN,
    "text_config": {
        "model_type": "clip_text_model",
        **TEXT,
        "hidden_size": 64,
        "eos_token_id": 3,
        "projection_dim": 64,
    },
    # the library cannot do without a projection between them and the decoder's width
    **dict.fromkeys(
        ("text_projection_in_dim", "text_projection_out_dim", "task_encoder_hidden_dim", "class_embed_dim"),
        64,
    ),
    "apply_layernorm_after_vision_backbone": False,
    "encoder_in_channels": [16, 32, 64],
    "vision_features_channels": [32, 32, 32],
    "num_queries": 10,
    "encoder_layers": 1,
    "encoder_attention_heads": 4,
    "decoder_num_heads": 4,
    "decoder_num_layers": 2,
    **dict.fromkeys(
        ("encoder_hidden_dim", "encoder_dim_feedforward", "decoder_dim_feedforward", "decoder_hidden_dim"), 32
    ),
}
NORMAL = {"do_resize": True, "size": {"height": 64, "width": 96}}
KINDS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "mm_grounding_dino": (
        "MMGroundingDinoForObjectDetection",
        "MMGroundingDinoConfig",
        DINO,
        "GroundingDinoImageProcessor",
    ),
    "grounding_dino": (
        "GroundingDinoForObjectDetection",
        "GroundingDinoConfig",
        DINO,
        "GroundingDinoImageProcessor",
    ),
    "omdet_turbo": ("OmDetTurboForObjectDetection", "OmDetTurboConfig", OMDET, "DetrImageProcessor"),
}


def tokenizer() -> Any:
    vocabulary = {word: index for index, word in enumerate(SPECIAL + WORDS)}
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def save(folder: Path, kind: str) -> Path:
    class_name, config_name, settings, processor = KINDS[kind]
    torch.manual_seed(0)
    model = getattr(transformers, class_name)(getattr(transformers, config_name)(**settings)).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for values in model.parameters():
            values.add_(0.1 * torch.randn(values.shape, generator=generator))
    model.save_pretrained(folder)
    tokenizer().save(str(folder / "tokenizer.json"))
    described = {"image_processor_type": processor, **NORMAL, "do_pad": False}
    (folder / "preprocessor_config.json").write_text(json.dumps(described))
    return folder


def make(folder: Path, classes: str = CLASSES) -> Detector:
    return catalogue.create(f"grounding:{folder}", task="objects", device="cpu", classes=classes)


@pytest.fixture(scope="module", params=KINDS)
def saved(request, tmp_path_factory) -> tuple[str, Path]:
    return request.param, save(tmp_path_factory.mktemp(request.param), request.param)


def library(kind: str, folder: Path, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(Q, C) scores and (Q, 4) boxes in pixels, from the library's model with text as its processors write it."""
    model = getattr(transformers, KINDS[kind][0]).from_pretrained(folder).eval()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer(), pad_token="[SEP]", cls_token="[CLS]", sep_token="[SEP]"
    )
    pixels = transformers.AutoImageProcessor.from_pretrained(folder)(
        images=image, return_tensors="pt", input_data_format="channels_last"
    )["pixel_values"]
    with torch.inference_mode():
        if kind == "omdet_turbo":
            length = {"padding": "max_length", "max_length": 77, "truncation": True, "return_tensors": "pt"}
            texts = {
                "classes": ["Person", "red cup", "forklift"],
                "tasks": ["Detect Person, red cup, forklift."],
            }
            text = {
                f"{name}_{key}": values
                for name, lines in texts.items()
                for key, values in fast(lines, return_token_type_ids=False, **length).items()
            }
            output = model(pixel_values=pixels, classes_structure=torch.tensor([3]), **text)
            scores, boxes = output.decoder_class_logits[0].sigmoid(), output.decoder_coord_logits[0]
        else:
            text = fast("person. red cup. forklift.", return_tensors="pt", return_token_type_ids=True)
            output = model(pixel_values=pixels, **text)
            # [CLS] person . red cup . fork ##lift . [SEP]
            words = [[1], [3, 4], [6, 7]]
            probabilities = output.logits[0].sigmoid()
            scores = torch.stack([probabilities[:, tokens].max(dim=1).values for tokens in words], dim=1)
            boxes = output.pred_boxes[0]
    center, half = boxes[:, :2], boxes[:, 2:] / 2
    height, width = image.shape[:2]
    corners = torch.cat([center - half, center + half], dim=1) * torch.tensor([width, height] * 2)
    return scores.numpy(), corners.numpy()


def test_what_it_finds_is_what_the_library_finds(saved: tuple[str, Path]) -> None:
    kind, folder = saved
    image = picture(64, 96)
    detector = make(folder)
    assert detector.labels == ("Person", "red cup", "forklift")
    scores, boxes = library(kind, folder, image)
    found = detector.network.decode(
        detector.network.run(detector.network.prepare([image], [detector.network.place(64, 96)])),
        EVERYTHING,
    )[0]
    assert len(found.scores) == (scores.size if kind == "omdet_turbo" else len(scores))
    for box, score, class_id in zip(found.boxes, found.scores, found.class_ids, strict=True):
        queries = np.flatnonzero(np.abs(boxes - box).max(axis=1) < 0.05)
        assert np.abs(scores[queries, class_id] - score).min() < 1e-3
    if kind != "omdet_turbo":
        np.testing.assert_array_equal(found.class_ids, scores.argmax(axis=1))


def test_another_text_finds_something_else(saved: tuple[str, Path]) -> None:
    _, folder = saved
    image = picture(48, 80)
    first, second = (one(make(folder, text), image) for text in (CLASSES, "cup"))
    assert set(second.class_ids.tolist()) == {0}
    assert len(first) != len(second) or np.abs(first.scores - second.scores).max() > 1e-4


def test_a_class_filter_and_a_batch(saved: tuple[str, Path]) -> None:
    _, folder = saved
    detector = make(folder)
    images = [picture(48, 80, seed) for seed in range(2)]
    together = detector.detect(images, EVERYTHING)
    for image, found in zip(images, together, strict=True):
        np.testing.assert_allclose(found.scores, one(detector, image).scores, atol=1e-4)
    wanted = DetectOptions(score_threshold=0.0, class_ids=(1,), max_detections=1000)
    assert set(one(detector, images[0], wanted).class_ids.tolist()) <= {1}


@pytest.mark.parametrize(
    ("text", "names"),
    {
        "one": ("cup", ("cup",)),
        "several, with spaces": (" Red  cup , person", ("Red cup", "person")),
        "twice": ("cup,cup,", ("cup",)),
    }.values(),
)
def test_names_of_classes(text: str, names: tuple[str, ...]) -> None:
    assert prompts.class_names(text) == names


def test_what_cannot_be_asked_for(tmp_path: Path) -> None:
    folder = save(tmp_path / "model", "mm_grounding_dino")
    for text, said in (
        ("", "set classes to what to look for"),
        (" , ", "set classes"),
        ("cup, .", "holds nothing"),
    ):
        with pytest.raises(ConfigError, match=said):
            make(folder, text)
    with pytest.raises(ConfigError, match="but this model reads 32; name fewer"):
        make(folder, ", ".join(f"cup {'cup ' * number}" for number in range(9)))
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(WeightsError, match="not a tokenizer"):
        make(folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(WeightsError, match=r"tokenizer\.json"):
        make(folder)


def test_a_detr_is_no_grounding_model(tmp_path: Path) -> None:
    from helpers import detr_models

    folder = detr_models.save(tmp_path / "detr", "detr")
    with pytest.raises(
        ConfigError, match="model_type 'detr' is not supported; supported are: mm-grounding-dino"
    ):
        make(folder)
