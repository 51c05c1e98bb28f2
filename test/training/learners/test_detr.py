# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Fine-tuning the RT-DETR family through `transformers`."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers.detr_models import save
from helpers.training_data import SIDE, write_images
from typer.testing import CliRunner

from face_detect_ros.cli.app import app
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors.detr import checkpoint as detr_checkpoint
from face_detect_ros.training.data.dataset import read_dataset
from face_detect_ros.training.data.held_back import as_annotations
from face_detect_ros.training.data.loader import BatchLoader, ImageStore
from face_detect_ros.training.learners.detr import TYPES, DetrLearner
from face_detect_ros.training.options import AugmentOptions, TrainOptions
from face_detect_ros.training.session import Task, train

STILL = AugmentOptions(mosaic=0, mixup=0, flip=0, scale=0, shift=0, hue=0, saturation=0, value=0)
OPTIONS = TrainOptions(
    epochs=2, batch=2, input_size=SIDE, optimizer="adamw", learning_rate=1e-3, momentum=0.9, clip_norm=0.1,
    warmup_epochs=0, settle_epochs=0, evaluate_every=2, augment=STILL,
)  # fmt: skip


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    return write_images(tmp_path / "data", names=("cat", "blue"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`models(kind, **changes)` gives the folder of a model, not to be changed."""

    @functools.cache
    def made(kind: str = "rt_detr_v2", **changes) -> Path:
        size = {"size": {"height": SIDE, "width": SIDE}}
        return save(tmp_path_factory.mktemp("models") / kind, kind, processor=size, **changes)

    return made


def task_of(labels: Path, folder: Path) -> Task:
    dataset = read_dataset(labels, labels.parent / "images")
    return Task(folder, dataset, as_annotations(labels, dataset))


@pytest.mark.parametrize("kind", TYPES)
def test_it_learns(kind: str, labels: Path, models: Callable[..., Path]) -> None:
    dataset = read_dataset(labels, labels.parent / "images")
    learner = DetrLearner(models(kind), dataset, OPTIONS)
    network = learner.network.train()
    loader = BatchLoader(ImageStore(dataset, SIDE), 2, side=SIDE, batch=4, seed=0, threads=1)
    (batch,) = loader.epoch(0, STILL)
    loader.close()
    images = batch.images.permute(0, 3, 1, 2).float() / 255
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    totals = []
    for _ in range(20):
        losses = learner.losses(network, images, batch.truth)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        totals.append(losses.total.item())
    assert totals[-1] < 0.7 * totals[0]
    assert losses.box > 0
    assert losses.classes > 0


def test_boxes_reach_the_library_as_center_and_size(labels: Path, models: Callable[..., Path]) -> None:
    dataset = read_dataset(labels, labels.parent / "images")
    learner = DetrLearner(models(), dataset, OPTIONS)
    loader = BatchLoader(ImageStore(dataset, SIDE), 2, side=SIDE, batch=4, seed=0, threads=1)
    (batch,) = loader.epoch(0, STILL)
    loader.close()
    seen = []

    class Watcher(torch.nn.Module):
        def forward(self, pixel_values, labels):
            seen.extend(labels)
            return learner.network(pixel_values=pixel_values, labels=labels)

    learner.losses(Watcher(), batch.images.permute(0, 3, 1, 2).float() / 255, batch.truth)
    for given, number in zip(seen, range(4), strict=True):
        valid = batch.truth.valid[number]
        x, y, width, height = (given["boxes"] * SIDE).unbind(1)
        corners = torch.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], 1)
        torch.testing.assert_close(corners, batch.truth.boxes[number][valid])
        assert given["class_labels"].tolist() == batch.truth.class_ids[number][valid].tolist()


def test_classes_of_one_name_keep_what_was_learned(labels: Path, models: Callable[..., Path]) -> None:
    folder = models(num_denoising=10)
    dataset = read_dataset(labels, labels.parent / "images")
    before = detr_checkpoint.load(folder).model.state_dict()
    after = DetrLearner(folder, dataset, OPTIONS).network.state_dict()
    changed = {name for name in after if after[name].shape != before[name].shape}
    assert any("class_embed" in name for name in changed)
    assert any("denoising_class_embed" in name for name in changed)
    for name, value in after.items():
        if name in changed:
            torch.testing.assert_close(value[0], before[name][1])  # "cat"
            assert value.shape[0] == before[name].shape[0] - 3
        else:
            torch.testing.assert_close(value, before[name])


def test_the_same_classes_change_nothing(labels: Path, tmp_path: Path) -> None:
    folder = save(tmp_path / "model", "rt_detr_v2", labels={0: "blue", 1: "cat"})
    dataset = read_dataset(labels, labels.parent / "images")
    before = detr_checkpoint.load(folder).model.state_dict()
    after = DetrLearner(folder, dataset, OPTIONS).network.state_dict()
    name = "model.enc_score_head.weight"
    torch.testing.assert_close(after[name], before[name].flip(0))
    torch.testing.assert_close(
        after["model.encoder_input_proj.0.0.weight"], before["model.encoder_input_proj.0.0.weight"]
    )


def test_it_goes_on_where_it_was_ended(labels: Path, tmp_path: Path, models: Callable[..., Path]) -> None:
    folder = models(num_denoising=10)  # which draws numbers of its own
    task = task_of(labels, folder)
    _, whole = train(task, OPTIONS, tmp_path / "whole", device="cpu", threads=1)

    often = replace(OPTIONS, save_every_s=0)

    def stop(now) -> None:
        if (now.epoch, now.step) == (1, 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(task, often, tmp_path / "ended", device="cpu", threads=1, on_progress=stop)
    _, best = train(task, OPTIONS, tmp_path / "ended", device="cpu", threads=1)
    assert best == tmp_path / "ended/best"
    one, other = (detr_checkpoint.load(each).model.state_dict() for each in (whole, best))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not [path for path in (tmp_path / "ended").iterdir() if path.name.startswith(".")]


def test_the_command(labels: Path, tmp_path: Path, models: Callable[..., Path]) -> None:
    images = labels.parent / "images"
    command = [
        "train", labels, "--images", images, "--val", labels, "--model", f"detr:{models()}", "--epochs", 1,
        "--batch", 2, "--input-size", 64, "--device", "cpu", "--threads", 1, "--output", tmp_path / "run",
    ]  # fmt: skip
    result = CliRunner().invoke(app, [*map(str, command)])
    assert result.exit_code == 0, result.output
    best = tmp_path / "run/best"
    assert f"the best model is {best}" in result.stdout
    assert json.loads((best / "preprocessor_config.json").read_text())["size"] == {"height": 64, "width": 64}
    detect = ["detect", "--task", "objects", "--model", f"detr:{best}", "--device", "cpu", "--json"]
    found = CliRunner().invoke(app, [*detect, "--score-threshold", "0.01", str(images / "0.png")])
    assert {item["class"] for item in json.loads(found.stdout)["detections"]} <= {"cat", "blue"}


def test_what_cannot_be_trained(labels: Path, tmp_path: Path, models: Callable[..., Path]) -> None:
    dataset = read_dataset(labels, labels.parent / "images")
    with pytest.raises(ConfigError, match="a detr cannot be trained here, only rt_detr"):
        DetrLearner(save(tmp_path / "other", "detr"), dataset, OPTIONS)
    folder = models()
    partly = replace(
        dataset, samples=(replace(dataset.samples[0], unknown=frozenset((1,))), *dataset.samples[1:])
    )
    with pytest.raises(ConfigError, match="blue: labeled in some images only"):
        DetrLearner(folder, partly, OPTIONS)
    with pytest.raises(ConfigError, match="float32"):
        train(task_of(labels, folder), replace(OPTIONS, precision="bfloat16"), tmp_path / "run", device="cpu")
