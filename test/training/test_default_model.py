# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The object model that comes with the package, and how it is made."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers.paths import ROOT, TEST
from helpers.training_data import SHALLOW, write_images, write_teacher
from skimage.data import astronaut
from torch.distributed import TCPStore
from typer.testing import CliRunner

from face_detect_ros.cli.app import app
from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.errors import ConfigError, WeightsError
from face_detect_ros.core.protocols import Detector
from face_detect_ros.demo.run import SIZE
from face_detect_ros.demo.scene import two_people
from face_detect_ros.detectors import catalogue
from face_detect_ros.images.reading import read_image
from face_detect_ros.nn.yolov9.variants import VARIANTS
from face_detect_ros.sources.motion import Motion
from face_detect_ros.training import default_model
from face_detect_ros.training.data.dataset import DataSet, Sample
from face_detect_ros.training.learners.start import Architecture, for_detection, new_network
from face_detect_ros.zoo.published import packaged
from face_detect_ros.zoo.yolov9 import weights as yolov9_weights

NAME = catalogue.DEFAULT_MODEL["objects"]
WEIGHTS = packaged.locate(catalogue.CATALOGUE[NAME].packaged)
# drawn by hand
PERSON, FACE = (10, 12, 370, 510), (176, 62, 272, 184)


@pytest.fixture(scope="module")
def models() -> Iterator[dict[str, Detector]]:
    """The model in each precision."""
    with contextlib.ExitStack() as stack:
        yield {
            precision: stack.enter_context(
                contextlib.closing(catalogue.create(NAME, task="objects", device="cpu", precision=precision))
            )
            for precision in ("float32", "auto")
        }


@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_it_finds_the_person_and_the_face(precision: str, models: dict[str, Detector]) -> None:
    (found,) = models[precision].detect([astronaut()], catalogue.OBJECT_OPTIONS)
    names = [models[precision].labels[index] for index in found.class_ids]
    for name, box in {"person": PERSON, "face": FACE}.items():
        best = names.index(name)  # they are in the order of their scores
        assert box_geometry.iou(found.boxes[best : best + 1], np.array([box], np.float32))[0, 0] > 0.5


@pytest.mark.parametrize("view", [0, 60, 120, 180, 240])
def test_it_finds_each_person_and_face_of_the_demo_once(
    view: int, tmp_path: Path, models: dict[str, Detector]
) -> None:
    two_people(tmp_path / "two.png")
    image = Motion(read_image(tmp_path / "two.png"), *SIZE).frame(view)
    (found,) = models["auto"].detect([image], catalogue.OBJECT_OPTIONS)
    assert np.bincount(found.class_ids).tolist() == [2, 2]


def test_its_file() -> None:
    assert WEIGHTS.stat().st_size <= 10_000_000
    loaded = yolov9_weights.load(WEIGHTS, attention=True)
    assert loaded.labels == default_model.CLASSES
    assert loaded.overlap_factor == default_model.OVERLAP_FACTOR
    assert loaded.license == catalogue.CATALOGUE[NAME].license
    assert WEIGHTS.name == default_model.NAME
    # trained: the gates of attention are open
    assert loaded.model.self_attention.gate.abs().max() > 0
    assert all(torch.isfinite(value).all() for value in loaded.model.state_dict().values())


def test_its_card_tells_of_every_class() -> None:
    card = packaged.card(WEIGHTS.name).read_text()
    for name in default_model.CLASSES:
        assert f"| {name} |" in card


def test_what_is_missing_is_named() -> None:
    with pytest.raises(WeightsError, match=r"other\.safetensors.*install the package again"):
        packaged.locate("other.safetensors")


def test_models_info_tells_what_it_is() -> None:
    result = CliRunner().invoke(app, ["models", "info", NAME, "--json"])
    record = json.loads(result.stdout)
    assert record["input_size"] == default_model.INPUT_SIZE
    assert f" {default_model.INPUT_SIZE} px" in record["description"]
    assert record["classes"] == ", ".join(default_model.CLASSES)
    assert (record["here"], record["checkpoint"]) == ("yes", None)
    assert Path(record["reference"]).is_file()


def test_faces_of_an_object_model_are_evaluated(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), astronaut()[..., ::-1])
    left, top, right, bottom = FACE
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [left, top, right - left, bottom - top]}
        ],
        "categories": [{"id": 1, "name": "face"}],
    }
    (tmp_path / "labels.json").write_text(json.dumps(content))
    command = ["evaluate", "faces", "--images", str(tmp_path), "--annotations", str(tmp_path / "labels.json")]
    result = CliRunner().invoke(app, [*command, "--model", NAME, "--json"])
    figures = json.loads(result.stdout)
    assert figures["recall"] == 1.0  # and persons are no false faces
    assert figures["score_threshold"] == catalogue.OBJECT_OPTIONS.score_threshold
    assert figures["ap"] == 1.0


def samples(folder: Path, count: int) -> DataSet:
    nothing = np.empty(0, np.int64)
    return DataSet(
        ("person",),
        tuple(
            Sample(folder / f"{n}.png", np.empty((0, 4), np.float32), nothing, nothing.astype(bool))
            for n in range(count)
        ),
    )


def test_the_held_back_images_are_the_same_every_time(tmp_path: Path) -> None:
    dataset = samples(tmp_path, 400)
    learn, held_back = default_model.split(dataset)
    assert len(held_back.samples) == default_model.HELD_BACK
    assert {s.path for s in learn.samples} | {s.path for s in held_back.samples} == {
        s.path for s in dataset.samples
    }
    assert len(learn.samples) + len(held_back.samples) == 400
    assert [s.path for s in default_model.split(dataset)[1].samples] == [s.path for s in held_back.samples]
    with pytest.raises(ConfigError, match="150 images are too few"):
        default_model.split(samples(tmp_path, 150))


def test_the_kept_classes_score_as_before(tmp_path: Path) -> None:
    names = ("cat", *reversed(default_model.CLASSES), "dog")
    network = for_detection(new_network(Architecture("t", True, True, False), len(names), seed=1))
    full, kept = tmp_path / "full.safetensors", tmp_path / "kept.safetensors"
    yolov9_weights.save(full, network, names, input_size=64)
    default_model.keep_classes(full, kept)
    assert kept.stat().st_size < 0.6 * full.stat().st_size
    after = yolov9_weights.load(kept, attention=True)
    assert after.labels == default_model.CLASSES
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        old, new = network(picture), after.model(picture)
    rows = [names.index(name) for name in default_model.CLASSES]
    # float16 keeps eleven bits
    torch.testing.assert_close(new.scores, old.scores[..., rows], atol=2e-3, rtol=2e-3)
    torch.testing.assert_close(new.boxes, old.boxes, atol=0.1, rtol=0)


@pytest.mark.usefixtures("unrecorded")
def test_the_command_trains_goes_on_and_tells_thresholds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path, 6, names=(*default_model.CLASSES, "cake"), files=("instances_train.json",))
    monkeypatch.setitem(VARIANTS, "t", SHALLOW)
    monkeypatch.setattr(default_model, "HELD_BACK", 2)
    monkeypatch.setattr(default_model, "INPUT_SIZE", 64)
    quick = {"epochs": 1, "warmup_epochs": 0, "settle_epochs": 0, "batch": 2, "evaluate_every": 5}
    stages = {
        name: replace(stage, options=replace(stage.options, input_size=64, **quick))
        for name, stage in default_model.STAGES.items()
    }
    monkeypatch.setattr(default_model, "STAGES", stages)
    teacher = write_teacher(tmp_path / "teacher.onnx", ("person", "tie"))
    command = ["train-default", str(tmp_path), "--teacher", str(teacher), "--output", str(tmp_path / "out"), "--device", "cpu"]  # fmt: skip  # noqa: E501
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    weights = tmp_path / "out" / default_model.NAME
    made = weights.read_bytes()
    assert yolov9_weights.load(weights, attention=True).labels == default_model.CLASSES
    rows = [line for line in first.stdout.splitlines() if line.startswith("score_threshold")]
    assert len(rows) == len(default_model.THRESHOLDS)
    second = CliRunner().invoke(app, command)
    assert "going on where it was ended" in second.output
    assert weights.read_bytes() == made


@pytest.mark.usefixtures("unrecorded")
def test_it_learns_more_classes_from_more_images_that_are_labeled_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (*default_model.CLASSES, "cake")
    labels = "instances_train.json"
    write_images(tmp_path / "data", 6, names=names, files=(labels,))
    file = write_images(tmp_path / "more", 4, names=names, files=(labels,))
    content = json.loads(file.read_text())
    for image in content["images"]:
        image["labelled_classes"] = [1, 2]
    file.write_text(json.dumps(content))
    monkeypatch.setattr(default_model, "HELD_BACK", 2)
    _, learn, held_back = default_model._read(tmp_path / "data", [tmp_path / "more"])
    assert [len(sample.unknown) for sample in learn.samples] == [0] * 4 + [1] * 4
    assert len(held_back.samples) == 2

    monkeypatch.setitem(VARIANTS, "t", SHALLOW)
    monkeypatch.setattr(default_model, "INPUT_SIZE", 64)
    quick = {"epochs": 1, "warmup_epochs": 0, "settle_epochs": 0, "batch": 2, "evaluate_every": 5}
    last = default_model.STAGES["large"]
    assert last.options.augment.close_up > 0
    last = replace(last, taught=False, options=replace(last.options, input_size=64, **quick))
    monkeypatch.setattr(default_model, "STAGES", {"large": last})
    teacher = write_teacher(tmp_path / "teacher.onnx", ("person", "tie"))
    weights = default_model.train_default(
        tmp_path / "data", teacher, tmp_path / "out", more=[tmp_path / "more"], classes=names, device="cpu"
    )
    loaded = yolov9_weights.load(weights, attention=True)
    assert loaded.labels == names
    assert loaded.close_up_classes == ("face",)


# forked: the libraries are loaded once for both
IN_TWO_PROCESSES = """
import gc
gc.disable()  # libraries load in three quarters of the time
import os
import signal
from dataclasses import replace

import torch._dynamo  # of optimizers
from helpers.training_data import SHALLOW

from face_detect_ros.cli.app import main
from face_detect_ros.nn import recorded
from face_detect_ros.nn.yolov9.variants import VARIANTS
from face_detect_ros.training import default_model

gc.freeze()
gc.enable()
recorded.MOST_SHAPES = 0
VARIANTS["t"] = SHALLOW
default_model.HELD_BACK = 2
default_model.INPUT_SIZE = 64
quick = {"epochs": 1, "warmup_epochs": 0, "settle_epochs": 0, "batch": 2, "input_size": 64, "evaluate_every": 5}
default_model.STAGES = {
    name: replace(stage, options=replace(stage.options, **quick)) for name, stage in default_model.STAGES.items()
}
for rank in ("0", "1"):
    if not os.fork():
        signal.alarm(110)
        os.environ |= {"RANK": rank, "LOCAL_RANK": rank}
        main()
for _ in range(2):
    if os.wait()[1]:
        os.killpg(0, signal.SIGKILL)  # the other one would wait for it
"""


def test_two_processes_train_all_stages(tmp_path: Path) -> None:
    file = write_images(tmp_path, 6, names=(*default_model.CLASSES, "cake"), files=("instances_train.json",))
    content = json.loads(file.read_text())
    content["images"][0]["labelled_classes"] = content["images"][1]["labelled_classes"] = [1, 3]
    file.write_text(json.dumps(content))
    teacher = write_teacher(tmp_path / "teacher.onnx", ("person", "tie"))
    command = ["train-default", str(tmp_path), "--teacher", str(teacher), "--device", "cpu"]
    # as torchrun does
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    told = {
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port), "TORCHELASTIC_USE_AGENT_STORE": "True",
        "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
    }  # fmt: skip
    run = subprocess.run(
        [sys.executable, "-c", IN_TWO_PROCESSES, *command, "--faces", "centerface", "--output", str(tmp_path / "out")],
        env={**os.environ, **told, "PYTHONPATH": f"{TEST}:{ROOT}"}, start_new_session=True,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("the best model is") == 1  # one speaks for both
    assert (tmp_path / "out" / default_model.NAME).is_file()
    assert (tmp_path / "out" / "found_faces.npz").is_file()


def test_what_it_cannot_train_on(tmp_path: Path) -> None:
    command = ["train-default", str(tmp_path), "--teacher", str(tmp_path / "none.onnx")]
    result = CliRunner().invoke(app, [*command, "--output", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "instances_train.json" in result.stderr


def test_a_teacher_that_is_missing_is_told_before_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path, 6, names=(*default_model.CLASSES, "cake"), files=("instances_train.json",))
    monkeypatch.setattr(default_model, "HELD_BACK", 2)
    command = ["train-default", str(tmp_path), "--teacher", str(tmp_path / "none.onnx")]
    result = CliRunner().invoke(app, [*command, "--output", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "none.onnx: cannot be read: No such file" in result.stderr
    assert not (tmp_path / "out").exists()
