# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Trainings from beginning to end, on images of two colored rectangles: what is learned, saved and gone on with."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.paths import ROOT, TEST
from helpers.terminals import shown_until_closed
from helpers.training_data import NARROW, SHALLOW, SIDE, write_images
from typer.testing import CliRunner

from face_detect_ros.cli.app import app
from face_detect_ros.cli.common import training_report
from face_detect_ros.core.errors import ConfigError, OutputError, TrainingError
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.objects.detector import NetworkDetector
from face_detect_ros.detectors.yolov9.detector import YoloV9Network
from face_detect_ros.evaluation.coco import evaluate_coco
from face_detect_ros.nn import recorded
from face_detect_ros.nn.yolov9 import variants as yolov9_variants
from face_detect_ros.training.data.dataset import read_dataset
from face_detect_ros.training.data.held_back import as_annotations
from face_detect_ros.training.data.loader import BatchLoader, ImageStore
from face_detect_ros.training.learners.start import Architecture, for_detection, new_network, take_over
from face_detect_ros.training.losses.detection import DetectionLoss
from face_detect_ros.training.optimization import make_optimizer
from face_detect_ros.training.options import AugmentOptions, TrainOptions
from face_detect_ros.training.session import Task, train
from face_detect_ros.training.trainer import Progress
from face_detect_ros.zoo.formats import safetensors_file
from face_detect_ros.zoo.yolov9 import weights as yolov9_weights
from face_detect_ros.zoo.yolov9.weights import LoadedYoloV9

pytestmark = pytest.mark.usefixtures("unrecorded")

STILL = AugmentOptions(mosaic=0, mixup=0, flip=0, scale=0, shift=0, hue=0, saturation=0, value=0)
QUICK = TrainOptions(
    epochs=3, batch=2, input_size=SIDE, precision="float32", warmup_epochs=1, settle_epochs=1, evaluate_every=2, seed=4
)  # fmt: skip
ATTENTION = Architecture("t", self_attention=True, cross_attention=True)


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> Architecture:
    """YOLOv9 as it is, but a few channels wide: all its parts at a fraction of the time."""
    monkeypatch.setitem(yolov9_variants.VARIANTS, "narrow", NARROW)
    return replace(ATTENTION, variant="narrow")


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> Architecture:
    """The same without bottlenecks and the PGI branch."""
    monkeypatch.setitem(yolov9_variants.VARIANTS, "shallow", SHALLOW)
    return replace(ATTENTION, variant="shallow", auxiliary=False)


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    return write_images(tmp_path / "data")


def task_of(labels: Path, architecture: Architecture = ATTENTION, initial: Path | None = None) -> Task:
    dataset = read_dataset(labels, labels.parent / "images")
    return Task(architecture, dataset, as_annotations(labels, dataset), initial, license="CC0-1.0")


@pytest.fixture(scope="module")
def once_finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training of `shallow` with the settings QUICK."""
    folder = tmp_path_factory.mktemp("finished")
    labels = write_images(folder / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorded, "MOST_SHAPES", 0)
        patch.setitem(yolov9_variants.VARIANTS, "shallow", SHALLOW)
        architecture = replace(ATTENTION, variant="shallow", auxiliary=False)
        train(task_of(labels, architecture), QUICK, folder / "run", device="cpu", threads=1)
    return folder / "run"


@pytest.fixture
def finished(once_finished: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    return shutil.copytree(once_finished, tmp_path / "finished")


def command(labels: Path, output: Path, *more: str) -> list[str]:
    images = str(labels.parent / "images")
    return [
        sys.executable, "-m", "helpers.narrow_app", "train", str(labels), "--images", images,
        "--val", str(labels), "--output", str(output), "--batch", "2", "--input-size", "64", "--precision", "float32",
        "--evaluate-every", "2", "--epochs", "3", "--threads", "1", "--no-auxiliary", *more,
    ]  # fmt: skip


def scalars(folder: Path) -> list[tuple[tuple[str, int], float]]:
    """(name, epoch) and value of everything in TensorBoard's event files: length, its checksum, event, its checksum."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for file in folder.iterdir():
        data = file.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = Event.FromString(data[12 : 12 + length])
            found += [((value.tag, event.step), value.simple_value) for value in event.summary.value]
            data = data[16 + length :]
    return found


def curve(folder: Path) -> list[dict[str, str]]:
    with open(folder / "curve.csv", newline="") as file:
        return [
            {key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)
        ]


def test_one_batch_is_learned_by_heart(labels: Path, whole: Architecture) -> None:
    dataset = read_dataset(labels, labels.parent / "images")
    # large enough for statistics over a batch and running ones to be nearly the same in the deepest maps, 3 x 3
    side = 96
    network = new_network(whole, 2, seed=2).train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.2  # its running statistics must be right after some sixty steps
    loader = BatchLoader(ImageStore(dataset, SIDE), 2, side=side, batch=4, seed=0, threads=1)
    (batch,) = loader.epoch(0, STILL)
    images = batch.images.permute(0, 3, 1, 2).float() / 255
    optimizer = make_optimizer(network, TrainOptions(optimizer="adamw", learning_rate=6e-3, momentum=0.85))
    loss = DetectionLoss(2)
    totals = []
    for step in range(60):
        if step == 45:
            for group in optimizer.param_groups:
                group["lr"] /= 10
        output = network(images)
        losses = loss(output.main, output.auxiliary, batch.truth)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        totals.append(losses.total.item())
    assert totals[-1] < totals[0] / 10
    # the gates of attention have opened
    assert network.self_attention.gate.abs().max() > 0
    loaded = LoadedYoloV9(for_detection(network), dataset.classes, "own", "narrow", side, "", "")
    detector = NetworkDetector(
        YoloV9Network(loaded, torch.device("cpu"), torch.float32, side, "test"), name="test"
    )
    options = DetectOptions(score_threshold=0.001, iou_threshold=0.7)
    figures = evaluate_coco(detector, as_annotations(labels, dataset), options)
    assert figures["AP50"] == 1.0
    assert figures["AP"] > 0.9


def test_the_files_of_a_training(labels: Path, tmp_path: Path, whole: Architecture) -> None:
    seen, epochs = [], []
    task, options = task_of(labels, whole), replace(QUICK, precision="bfloat16")
    report = {"on_progress": seen.append, "on_epoch": epochs.append}
    rows, best = train(task, options, tmp_path / "run", device="cpu", **report)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert ["AP" in row for row in rows] == [False, True, True]
    assert epochs == rows
    assert [(now.epoch, now.step) for now in seen] == [(e, s) for e in range(3) for s in (1, 2)]
    assert seen[-1].steps == 2
    assert seen[-1].left_s == 0
    assert all(np.isfinite(list(now.losses.values())).all() for now in seen)
    written = curve(tmp_path / "run")
    assert [row["epoch"] for row in written] == ["1", "2", "3"]
    assert (tmp_path / "run/curve.png").read_bytes().startswith(b"\x89PNG")
    logged = dict(scalars(tmp_path / "run/tensorboard"))
    assert logged["loss_total", 3] == pytest.approx(rows[2]["loss_total"])
    assert logged["AP", 2] == pytest.approx(rows[1]["AP"])
    assert best == tmp_path / "run/best.safetensors"
    for name in ("last", "best"):
        loaded = yolov9_weights.load(tmp_path / f"run/{name}.safetensors", attention=True)
        assert loaded.labels == ("red", "blue")
        assert (loaded.input_size, loaded.license) == (SIDE, "CC0-1.0")
        assert loaded.model.auxiliary is None


def test_one_seed_gives_one_training(
    labels: Path, tmp_path: Path, shallow: Architecture, finished: Path
) -> None:
    def end(row) -> None:
        raise KeyboardInterrupt

    task = task_of(labels, shallow)
    train(task, QUICK, tmp_path / "again", device="cpu", threads=3)
    with pytest.raises(KeyboardInterrupt):
        train(task, replace(QUICK, seed=5), tmp_path / "other", device="cpu", on_epoch=end)
    first, again, other = (curve(folder) for folder in (finished, tmp_path / "again", tmp_path / "other"))
    assert first == again
    assert first[0]["loss_total"] != other[0]["loss_total"]


@pytest.fixture
def quick_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line in this process is as that of helpers.narrow_app, and that one can be started."""
    monkeypatch.setitem(yolov9_variants.VARIANTS, "t", SHALLOW)
    monkeypatch.setenv("PYTHONPATH", f"{TEST}:{ROOT}")


@pytest.mark.usefixtures("quick_app")
def test_killed_at_any_moment_it_goes_on_to_the_same_end(labels: Path, tmp_path: Path) -> None:
    whole, ended = tmp_path / "whole", tmp_path / "ended"
    assert CliRunner().invoke(app, command(labels, whole)[3:]).exit_code == 0
    # once when the first epoch is written, and once soon after it goes on
    for wait_s in (0.0, 0.4):
        process = subprocess.Popen(command(labels, ended), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # fmt: skip  # noqa: E501
        deadline = time.monotonic() + 60
        while not (ended / "state.pt").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(wait_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
    end = CliRunner().invoke(app, command(labels, ended)[3:])
    assert "going on where it was ended" in end.stderr
    assert curve(ended) == curve(whole)
    page = (whole / "report.html").read_text()
    for text in (
        "Loss by epoch",
        "Average precision by epoch",
        "Confusion",
        "Worst mistakes",
        "data:image/jpeg",
    ):
        assert text in page
    assert f"page: {ended / 'report.html'}" in end.stderr
    (about, tensors), (same, others) = (
        safetensors_file.read(each / "last.safetensors") for each in (ended, whole)
    )
    assert about == same
    assert all(torch.equal(tensors[name], others[name]) for name in tensors.keys() | others.keys())


def test_ctrl_c_saves_in_the_middle_of_an_epoch(
    labels: Path, tmp_path: Path, shallow: Architecture, finished: Path
) -> None:
    def stop_early(now) -> None:
        if (now.epoch, now.step) == (1, 1):
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(task_of(labels, shallow), QUICK, tmp_path / "ended", device="cpu", on_progress=stop_early)
    assert signal.getsignal(signal.SIGINT) is before
    state = torch.load(tmp_path / "ended/state.pt", weights_only=True)
    assert (state["epoch"], state["step"]) == (1, 1)
    train(task_of(labels, shallow), QUICK, tmp_path / "ended", device="cpu")
    assert curve(tmp_path / "ended") == curve(finished)


def test_only_matrices_decay(shallow: Architecture) -> None:
    network = new_network(shallow, 1, seed=0)
    names = {id(value): name for name, value in network.named_parameters()}
    decaying, others = (
        {names[id(value)] for value in group["params"]}
        for group in make_optimizer(network, TrainOptions()).param_groups
    )
    assert all(name.endswith("weight") for name in decaying)
    assert "head.classes.0.2.weight" in decaying  # of one class
    assert {"self_attention.gate", "backbone.conv1.bn.weight", "head.classes.0.2.bias"} <= others


class TestWhatCannotGoOn:
    def test_a_loss_that_is_no_number_names_the_batch(
        self, labels: Path, tmp_path: Path, shallow: Architecture
    ) -> None:
        options = replace(QUICK, learning_rate=1e30, warmup_epochs=0, clip_norm=1e30)
        with pytest.raises(
            TrainingError, match=r"epoch \d, step \d: the loss is (nan|inf); images: .*\d\.png"
        ):
            train(task_of(labels, shallow), options, tmp_path / "run", device="cpu")

    def test_other_settings_in_the_same_folder(
        self, labels: Path, shallow: Architecture, finished: Path
    ) -> None:
        with pytest.raises(TrainingError, match=r"other settings .*learning_rate: 0.01 -> 0.02"):
            train(task_of(labels, shallow), replace(QUICK, learning_rate=0.02), finished, device="cpu")

    def test_more_epochs_lengthen_a_finished_training_and_fewer_do_not(
        self, labels: Path, shallow: Architecture, finished: Path
    ) -> None:
        task = task_of(labels, shallow)
        rows, _ = train(task, replace(QUICK, epochs=4), finished, device="cpu")
        assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
        with pytest.raises(TrainingError, match="epochs: 4 -> 3"):
            train(task, QUICK, finished, device="cpu")

    def test_the_smallest_input_is_not_trained_in_bfloat16_on_a_cpu(
        self, labels: Path, tmp_path: Path, shallow: Architecture
    ) -> None:
        task, tiny = task_of(labels, shallow), replace(QUICK, epochs=1, input_size=32)
        with pytest.raises(ConfigError, match="give precision float32, or an input_size of 64"):
            train(task, replace(tiny, precision="bfloat16"), tmp_path / "run", device="cpu")
        rows, _ = train(task, replace(tiny, precision="auto"), tmp_path / "run", device="cpu")
        assert len(rows) == 1

    def test_another_task_in_the_same_folder(
        self, labels: Path, tmp_path: Path, shallow: Architecture, finished: Path
    ) -> None:
        task = task_of(labels, shallow)
        turned = read_dataset(labels, labels.parent / "images", classes=["blue", "red"])
        others = {
            "model": replace(task, architecture=replace(shallow, auxiliary=True)),
            "classes": replace(task, train=turned),
            "data": task_of(write_images(tmp_path / "more", 5), shallow),
        }
        for what, other in others.items():
            with pytest.raises(TrainingError, match=rf"other settings \(.*{what}: "):
                train(other, QUICK, finished, device="cpu")

    def test_nothing_to_judge_by(self, labels: Path, tmp_path: Path, shallow: Architecture) -> None:
        dataset = read_dataset(labels, labels.parent / "images", classes=["red"])
        task = replace(task_of(labels, shallow), train=replace(dataset, classes=("green",)))
        with pytest.raises(
            ConfigError, match=r"labels\.json: no boxes of green in it to judge the training by"
        ):
            train(task, QUICK, tmp_path / "run", device="cpu")
        images = replace(
            task.held_back,
            images=tuple(
                replace(image, unknown=frozenset(range(len(task.held_back.categories))))
                for image in task.held_back.images
            ),
        )
        task = replace(task_of(labels, shallow), held_back=images)
        with pytest.raises(ConfigError, match="no boxes of red, blue in it to judge"):
            train(task, QUICK, tmp_path / "run", device="cpu")

    def test_a_damaged_state(self, labels: Path, tmp_path: Path, shallow: Architecture) -> None:
        (tmp_path / "run").mkdir()
        (tmp_path / "run/state.pt").write_bytes(b"PK\x03\x04 and no more")
        with pytest.raises(TrainingError, match=r"state\.pt: damaged, .*; delete it to begin anew"):
            train(task_of(labels, shallow), QUICK, tmp_path / "run", device="cpu")

    def test_a_folder_where_another_training_is_at_work(
        self, labels: Path, tmp_path: Path, shallow: Architecture
    ) -> None:
        messages = []

        def begin_another(now: Progress) -> None:
            with pytest.raises(
                TrainingError, match=r"out: another training is at work in it; wait"
            ) as raised:
                train(task_of(labels, shallow), QUICK, tmp_path / "out", device="cpu")
            messages.append(raised.value)

        train(
            task_of(labels, shallow),
            replace(QUICK, epochs=1),
            tmp_path / "out",
            device="cpu",
            on_progress=begin_another,
        )
        assert len(messages) == 2

    def test_a_folder_that_cannot_be(self, labels: Path, tmp_path: Path, shallow: Architecture) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match="choose another folder"):
            train(task_of(labels, shallow), QUICK, tmp_path / "file/run", device="cpu")


class TestBeginning:
    def saved(self, folder: Path, classes: tuple[str, ...], variant: str) -> Path:
        network = new_network(replace(ATTENTION, variant=variant), len(classes), seed=9)
        path = folder / "begin.safetensors"
        yolov9_weights.save(path, for_detection(network), classes, input_size=SIDE)
        return path

    def test_classes_of_one_name_keep_what_was_learned(self, tmp_path: Path, whole: Architecture) -> None:
        loaded = yolov9_weights.load(self.saved(tmp_path, ("cup", "blue", "red"), "narrow"), attention=True)
        network = take_over(loaded, whole, ("red", "green", "blue"), seed=2)
        old, new = loaded.model.state_dict(), network.state_dict()
        for name in old:
            if ".classes." in name and name.endswith(".2.weight"):
                torch.testing.assert_close(new[name][0], old[name][2])
                torch.testing.assert_close(new[name][2], old[name][1])
                assert (new[name][1] != old[name][0]).any()
            elif not name.endswith(".2.bias"):
                torch.testing.assert_close(new[name], old[name])
        assert network.auxiliary is not None

    def test_another_size_is_refused(self, tmp_path: Path, shallow: Architecture) -> None:
        loaded = yolov9_weights.load(self.saved(tmp_path, ("red",), "shallow"), attention=True)
        with pytest.raises(ConfigError, match="of yolov9-shallow, the model is yolov9-t"):
            take_over(loaded, ATTENTION, ("red",), seed=0)

    def test_frozen_parts_stay(self, labels: Path, tmp_path: Path, shallow: Architecture) -> None:
        begin = self.saved(tmp_path, ("red", "blue"), "shallow")
        options = replace(QUICK, epochs=1, freeze=("backbone",), weight_decay=0.1)
        train(task_of(labels, shallow, begin), options, tmp_path / "run", device="cpu")
        old = yolov9_weights.load(begin, attention=True).model.state_dict()
        new = yolov9_weights.load(tmp_path / "run/last.safetensors", attention=True).model.state_dict()
        for name, value in old.items():
            if name.startswith("backbone."):
                torch.testing.assert_close(new[name], value, rtol=0, atol=0)
        assert any((new[name] != value).any() for name, value in old.items() if name.startswith("head."))

    def test_no_such_part(self, labels: Path, tmp_path: Path, shallow: Architecture) -> None:
        with pytest.raises(
            ConfigError, match=r"freeze: no parameter's name begins with 'tail'; the parts are backbone"
        ):
            train(task_of(labels, shallow), replace(QUICK, freeze=("tail",)), tmp_path / "run", device="cpu")

    @pytest.mark.parametrize("name", ["yolov9", "yolov8-n", "rtdetrv2-r18", "yolov9-t-attn-x"])
    def test_what_cannot_be_trained(self, name: str) -> None:
        with pytest.raises(ConfigError, match=r"cannot be trained|has no variant"):
            new_network(Architecture.named(name), 1, seed=0)


class TestCommand:
    def test_a_line_that_changes_fits_the_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        leader, follower = os.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("4H", 24, 40, 0, 0))
        with open(follower, "w") as terminal, monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", terminal)
            report = training_report.Report()
            for step in (1, 2):
                report.progress(Progress(0, 3, step, 3, {"total": 1.5, "box": 0.25}, 12.5, 90061.0))
            report.stopped()
        shown = shown_until_closed(leader).replace("\x1b[K", "").split("\r")
        assert shown[1] == "epoch 1/3  step 1/3  total 1.500  box 0"
        assert max(map(len, shown[:3])) < 40
        assert shown[3].startswith("stopped; the same command goes on")

    def test_one_of_several_processes_speaks(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for rank in ("0", "1"):
            monkeypatch.setenv("RANK", rank)
            report = training_report.Report()
            report.data(["one remark"], 4, {"red": 4})
            report.done(Path("best.safetensors"))
        shown = capsys.readouterr()
        assert shown.err.splitlines() == ["one remark", "4 images; red 4"]
        assert shown.out.splitlines() == ["the best model is best.safetensors"]

    @pytest.mark.usefixtures("quick_app")
    def test_several_processes_share_the_work_and_stop_together(self, labels: Path, tmp_path: Path) -> None:
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        more = ["--epochs", "5", "--evaluate-every", "5", "--device", "cpu"]
        run = [*torchrun, *command(labels, tmp_path / "run", *more)[1:]]
        environment = {**os.environ, "WAIT_TO_BE_STOPPED": "yes"}  # or it might be done before it is
        first = subprocess.Popen(
            run, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
        )
        deadline = time.monotonic() + 250
        while (
            not (tmp_path / "run/state.pt").exists() and first.poll() is None and time.monotonic() < deadline
        ):
            time.sleep(0.02)
        first.terminate()
        said = first.communicate()[1]
        assert (tmp_path / "run/state.pt").exists(), said
        assert said.count("stopped; the same command goes on where it was") == 1
        assert "DistBackendError" not in said
        assert "RuntimeError" not in said  # as of one that waits for another
        # alone, which is another number of processes
        end = CliRunner().invoke(app, command(labels, tmp_path / "run", *more)[3:])
        assert end.exit_code == 0, end.stderr
        assert "going on where it was ended" in end.stderr
        assert [row["epoch"] for row in curve(tmp_path / "run")] == list("12345")
        # two steps of two images each, though each process sees one image a step
        assert "2 steps an epoch" in said
        best = tmp_path / "run/best.safetensors"
        with contextlib.closing(catalogue.create(f"yolov9-attn:{best}", task="objects")) as detector:
            assert detector.labels == ("red", "blue")

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            (["--model", "yolov8-n"], "model 'yolov8-n' cannot be trained; give yolov9-t"),
            (["--input-size", "100"], "input_size is 100; give a multiple of 32"),
            (["--classes", "green"], "has no class 'green'; it has red, blue"),
            (["--init", "rtdetrv2-r18"], "a YOLOv9 cannot begin with these weights"),
            (["--init", "nothing.pt"], "neither a model of the catalogue nor a file"),
            (["--optimizer", "rmsprop"], "optimizer 'rmsprop' is not known; choose one of: sgd, adamw"),
            (["--device", "cuda:7"], "device 'cuda:7'"),
        ],
        ids=lambda value: value[0] if isinstance(value, list) else "",
    )
    def test_bad_arguments(self, labels: Path, tmp_path: Path, more: list[str], message: str) -> None:
        end = CliRunner().invoke(app, command(labels, tmp_path / "run", *more)[3:])
        assert end.exit_code == 2
        assert message in end.stderr

    def test_validation_labels_are_needed(self, labels: Path, tmp_path: Path) -> None:
        arguments = [
            "train",
            str(labels),
            "--images",
            str(labels.parent / "images"),
            "--output",
            str(tmp_path / "run"),
        ]
        end = CliRunner().invoke(app, arguments)
        assert end.exit_code == 2
        assert "give --val too" in end.stderr
