# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Distillation: what a teacher sees, what is learned of it, and what is not a teacher."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from helpers.paths import SHARED
from helpers.training_data import SHALLOW, SIDE, write_images, write_teacher
from skimage.data import astronaut
from typer.testing import CliRunner

from face_detect_ros.cli.app import app
from face_detect_ros.core.errors import ConfigError, WeightsError
from face_detect_ros.nn import recorded
from face_detect_ros.nn.yolov9 import variants as yolov9_variants
from face_detect_ros.nn.yolov9.heads import anchor_points
from face_detect_ros.training.data.dataset import read_dataset
from face_detect_ros.training.data.held_back import as_annotations
from face_detect_ros.training.learners import teacher_file
from face_detect_ros.training.learners.start import Architecture
from face_detect_ros.training.learners.teacher import Lesson, Teacher, adapters, map_loss, score_loss
from face_detect_ros.training.learners.teacher_graph import TeacherGraph
from face_detect_ros.training.options import TrainOptions
from face_detect_ros.training.session import Task, train
from face_detect_ros.zoo.formats import safetensors_file
from face_detect_ros.zoo.published import coco
from face_detect_ros.zoo.yolov9 import weights as yolov9_weights

pytestmark = pytest.mark.usefixtures("unrecorded")

YOLOX = SHARED / "weights" / "yolox_nano.onnx"
needs_yolox = pytest.mark.skipif(not YOLOX.is_file(), reason="needs ../shared/data/weights/yolox_nano.onnx")
QUICK = TrainOptions(
    epochs=2, batch=2, input_size=SIDE, precision="float32", warmup_epochs=0, settle_epochs=0, evaluate_every=2
)  # fmt: skip
CLASSES = ("red", "blue", "face")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_teacher(tmp_path / "teacher.onnx")


def pictures(count: int, height: int = SIDE, width: int = SIDE) -> torch.Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_it_sees_what_its_file_gives(file: Path) -> None:
    images = pictures(3)
    teacher = Teacher(file, CLASSES)
    lesson = teacher.look(images)
    assert sorted(teacher.taught.tolist()) == [0, 1]
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    for image, scores in zip(images, lesson.scores, strict=True):
        (rows,) = session.run(None, {"images": image.flip(0)[None].numpy() * 255})[0]
        named = {"blue": 5, "cake": 6, "red": 7}
        theirs = np.stack([rows[:, 4] * rows[:, named[CLASSES[own]]] for own in teacher.taught], axis=1)
        np.testing.assert_allclose(scores, theirs, atol=1e-6)
    assert [tuple(each.shape) for each in lesson.maps] == [(3, 11, 8, 8), (3, 11, 4, 4), (3, 11, 2, 2)]
    assert teacher.widths == (11, 11, 11)


def test_images_of_any_size(file: Path) -> None:
    teacher = Teacher(file, CLASSES)
    lesson = teacher.look(pictures(2, 96, 160))
    assert lesson.scores.shape == (2, 12 * 20 + 6 * 10 + 3 * 5, 2)
    # every cell sees its own pixels alone in this one
    again = teacher.look(pictures(2, 96, 160)[:, :, :64, :64])
    torch.testing.assert_close(again.maps[0], lesson.maps[0][:, :, :8, :8])


@needs_yolox
@pytest.mark.parametrize("size", [(96, 160), (64, 64)], ids=str)
def test_the_graph_for_a_gpu_gives_what_onnx_runtime_gives(size: tuple[int, int]) -> None:
    pixels = pictures(2, *size) * 255
    session, _ = teacher_file.load(YOLOX)
    graph = TeacherGraph(teacher_file.opened(YOLOX), torch.device("cpu"))
    expected = session.run({session.inputs[0].name: pixels.numpy()})
    for found, theirs in zip(graph(pixels), expected, strict=True):
        np.testing.assert_allclose(found.numpy(), theirs, atol=1e-4 * np.abs(theirs).max())


def test_a_graph_that_a_gpu_does_not_compute_is_refused(tmp_path: Path) -> None:
    model = onnx.load(write_teacher(tmp_path / "teacher.onnx"))
    model.graph.node[0].op_type = "Einsum"
    with pytest.raises(WeightsError, match="Einsum"):
        TeacherGraph(model.SerializeToString(), torch.device("cpu"))


@needs_yolox
def test_yolox_points_at_the_person() -> None:
    teacher = Teacher(YOLOX, ("face", *coco.CLASSES))
    assert sorted(teacher.taught.tolist()) == list(range(1, 81))
    image = torch.from_numpy(astronaut()[96:, :416].copy()).permute(2, 0, 1)[None] / 255
    lesson = teacher.look(image)
    person = teacher.taught.tolist().index(1)
    cell = int(lesson.scores[0, :, person].argmax())
    assert lesson.scores[0, cell, person] > 0.7
    x, y, _ = anchor_points([(52, 52), (26, 26), (13, 13)])[cell]
    assert 10 < x < 370
    assert 12 < y + 96 < 510


def test_scores_by_hand() -> None:
    logits = torch.tensor([[[0.0, 9.0, 2.0]]])
    lesson = Lesson(torch.tensor([[[0.25, 1.0]]]), ())
    expected = np.log(2) + np.log1p(np.exp(-2.0))  # of 0 for 1/4, whatever that is, and of 2 for 1
    loss = score_loss(logits, torch.tensor([0, 2]), lesson)
    assert float(loss) == pytest.approx(expected / 1.25, rel=1e-5)


def test_maps_by_correlation() -> None:
    theirs = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    lesson = Lesson(torch.empty(0), (theirs, theirs))
    assert float(map_loss((theirs * 3 + 7, theirs), lesson)) == pytest.approx(0, abs=1e-5)
    assert float(map_loss((-theirs, theirs), lesson)) == pytest.approx(1, abs=1e-4)
    a, b = theirs[:, :1], theirs[:, 1:2]
    correlation = np.corrcoef(a.numpy().ravel(), b.numpy().ravel())[0, 1]
    assert float(map_loss((a,), Lesson(torch.empty(0), (b,)))) == pytest.approx(1 - correlation, abs=1e-4)


def test_maps_can_be_learned() -> None:
    random = torch.Generator().manual_seed(0)
    own, theirs = (torch.randn(2, 8, 6, 6, generator=random) for _ in range(2))
    (adapter,) = adapters([8], [8], seed=0)
    own.requires_grad_(True)
    optimizer = torch.optim.Adam([own, *adapter.parameters()], lr=0.05)
    for _ in range(200):
        loss = map_loss((adapter(own),), Lesson(torch.empty(0), (theirs,)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01


def task_in(folder: Path) -> Task:
    labels = write_images(folder / "data")
    dataset = read_dataset(labels, labels.parent / "images")
    architecture = Architecture("shallow", True, True, False)
    teacher = write_teacher(folder / "teacher.onnx")
    return Task(architecture, dataset, as_annotations(labels, dataset), teacher=teacher)


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(yolov9_variants.VARIANTS, "shallow", SHALLOW)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, float]]]:
    """The folder of a training with a teacher, not to be changed, and the rows of its curve."""
    folder = tmp_path_factory.mktemp("taught")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorded, "MOST_SHAPES", 0)
        patch.setitem(yolov9_variants.VARIANTS, "shallow", SHALLOW)
        rows, _ = train(task_in(folder), QUICK, folder / "out", device="cpu", threads=1)
    return folder / "out", rows


@pytest.mark.usefixtures("shallow")
def test_a_training_learns_from_it_and_leaves_nothing_of_it(
    taught: tuple[Path, list[dict[str, float]]], tmp_path: Path
) -> None:
    folder, rows = taught
    options = replace(QUICK, epochs=1)
    alone, _ = train(
        replace(task_in(tmp_path), teacher=None), options, tmp_path / "alone", device="cpu", threads=1
    )
    assert rows[0]["loss_total"] > alone[0]["loss_total"] + 1
    learned = torch.load(folder / "state.pt", weights_only=True)["model"]
    widths = [learned[f"adapters.{level}.weight"].shape[1] for level in range(3)]
    for level, begun in enumerate(adapters(widths, (11, 11, 11), seed=QUICK.seed)):
        assert not torch.equal(begun.weight, learned[f"adapters.{level}.weight"])
    loaded = yolov9_weights.load(folder / "best.safetensors", attention=True)  # strictly
    assert loaded.labels == ("red", "blue")
    _, tensors = safetensors_file.read(folder / "best.safetensors")
    assert not any("adapters" in name for name in tensors)


@pytest.mark.usefixtures("shallow")
def test_ended_in_the_middle_it_goes_on_to_the_same_end(
    taught: tuple[Path, list[dict[str, float]]], tmp_path: Path
) -> None:
    def end(now) -> None:
        if (now.epoch, now.step) == (1, 1):
            os.kill(os.getpid(), signal.SIGINT)

    task = task_in(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        train(task, QUICK, tmp_path / "ended", device="cpu", threads=1, on_progress=end)
    ended, _ = train(task, QUICK, tmp_path / "ended", device="cpu", threads=1)
    assert [row["loss_total"] for row in ended] == [row["loss_total"] for row in taught[1]]


def test_what_cannot_teach(tmp_path: Path, file: Path) -> None:
    with pytest.raises(ConfigError, match=r"teacher\.onnx: knows none of the classes"):
        Teacher(file, ("lemon",))
    with pytest.raises(WeightsError, match=r"absent\.onnx: cannot be read: No such file"):
        Teacher(tmp_path / "absent.onnx", CLASSES)
    with pytest.raises(
        WeightsError, match=r"other\.onnx: no YOLOX that can teach: its end is not that of YOLOX"
    ):
        Teacher(write_teacher(tmp_path / "other.onnx", convolutions=False), CLASSES)
    (tmp_path / "broken.onnx").write_bytes(b"\0nothing")
    with pytest.raises(WeightsError, match=r"broken\.onnx: no ONNX file"):
        Teacher(tmp_path / "broken.onnx", CLASSES)
    model = onnx.load(file)
    model.opset_import[0].version = 99
    onnx.save(model, str(tmp_path / "newer.onnx"))
    with pytest.raises(WeightsError, match=r"newer\.onnx: ONNX Runtime .* cannot load it: .*older opset"):
        Teacher(tmp_path / "newer.onnx", CLASSES)


def test_detr_takes_no_teacher(tmp_path: Path, file: Path) -> None:
    labels = write_images(tmp_path / "data")
    command = [
        "train",
        str(labels),
        "--images",
        str(labels.parent / "images"),
        "--output",
        str(tmp_path / "out"),
    ]
    result = CliRunner().invoke(app, [*command, "--model", "detr:somewhere", "--teacher", str(file)])
    assert result.exit_code == 2
    assert "learns from labels alone" in result.stderr
