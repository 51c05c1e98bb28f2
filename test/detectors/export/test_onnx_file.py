# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Detectors on PyTorch exported to ONNX and read back: the same detections; what cannot be exported."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from skimage.data import astronaut, chelsea

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from helpers.exportable import Tiny  # noqa: E402
from helpers.networks import narrow  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from face_detect_ros.benchmarks import random_models  # noqa: E402
from face_detect_ros.cli.app import app  # noqa: E402
from face_detect_ros.core.errors import ConfigError, DetectorError, OutputError, PerceptionError  # noqa: E402
from face_detect_ros.core.protocols import DetectOptions  # noqa: E402
from face_detect_ros.detectors import catalogue  # noqa: E402
from face_detect_ros.detectors.export import onnx_file as export  # noqa: E402
from face_detect_ros.detectors.export.onnx_file import ExportReport, export_onnx  # noqa: E402
from face_detect_ros.nn.yolov9.variants import VARIANTS  # noqa: E402
from face_detect_ros.zoo.published import coco  # noqa: E402
from face_detect_ros.zoo.yolov9 import weights as yolov9_weights  # noqa: E402

SIZE = 96


pytestmark = pytest.mark.usefixtures("unrecorded")


def yolov9_file(folder: Path) -> Path:
    """Random weights that find things; scores are drawn together, as these amplify rounding unlike trained ones."""
    model = random_models.yolov9("t", attention=True)
    with torch.no_grad():
        for stack in model.head.classes:
            stack[-1].weight *= 0.3
            stack[-1].bias *= 0.3
    yolov9_weights.save(folder / "t.safetensors", model, coco.CLASSES, input_size=640)
    return folder / "t.safetensors"


def assert_same(name: str, file: Path, size: int, image: np.ndarray, *, rounding: float = 1e-3) -> None:
    ours = catalogue.create(name, task="objects", device="cpu", precision="float32", input_size=size)
    theirs = catalogue.create(f"onnx:{file}", task="objects", device="cpu")
    assert theirs.labels == ours.labels
    lowest = DetectOptions(score_threshold=0.0, max_detections=1)
    best = ours.detect([image], lowest)[0].scores[0]
    for threshold in (best * 0.8, 0.01):  # the best class of a box alone, and every one
        options = DetectOptions(score_threshold=float(threshold), iou_threshold=0.6, max_detections=30)
        for mine, its in zip(
            ours.detect([image] * 3, options), theirs.detect([image] * 3, options), strict=True
        ):
            count = min(len(mine), len(its))
            assert count > 0
            assert abs(len(mine) - len(its)) <= 1
            np.testing.assert_allclose(its.scores[:count], mine.scores[:count], atol=rounding)
            # equal scores may change places
            apart = np.abs(its.boxes[:count, None] - mine.boxes[None, :count]).max(axis=2)
            assert (apart.min(axis=1) < 100 * rounding).mean() > 0.9
    ours.close()
    theirs.close()


def test_yolov9_with_attention_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # more of the same takes seconds
    monkeypatch.setitem(VARIANTS, "t", replace(narrow(VARIANTS["t"]), depth=1))
    name = f"yolov9-attn:{yolov9_file(tmp_path)}"
    file = tmp_path / "t.onnx"
    arguments = ["models", "export", name, str(file), "--input-size", str(SIZE)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert f"80 classes, any number of {SIZE}x{SIZE} images" in result.stdout
    # a square image: others are padded to one here, and to less there
    assert_same(name, file, SIZE, astronaut())
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 1
    assert "exists already" in again.stderr
    assert [each.name for each in tmp_path.glob("*.onnx")] == ["t.onnx"]


# one that stretches images, one that masks their padding, one whose positions are resampled
@pytest.mark.parametrize("family", ["rt_detr_v2", "conditional_detr", "rf_detr"])
def test_the_detr_family(tmp_path: Path, family: str) -> None:
    detr_models = pytest.importorskip("helpers.detr_models", reason="needs transformers")
    folder = detr_models.folder(family)
    report = export_onnx(f"detr:{folder}", tmp_path / "d.onnx")
    assert report.box_difference_px < 0.01
    assert report.score_difference < 1e-4
    detector = catalogue.create(f"onnx:{tmp_path / 'd.onnx'}", task="objects", device="cpu")
    assert not detector.network.overlapping
    if family == "conditional_detr":
        # padding counts in convolutions, so the whole is compared with what fills the input
        assert [port.name for port in detector.network._engine.inputs] == ["images", "pixel_mask"]
        place = detector.network.place(480, 640)
        assert (place.target, place.resized, place.offset) == ((100, 100), (64, 85), (0, 0))
        (found,) = detector.detect([chelsea()], DetectOptions(score_threshold=0.0))
        assert len(found) > 0
    else:
        # RF-DETR gets pixels that are not rounded
        rounding = 5e-3 if family == "rf_detr" else 1e-3
        assert_same(f"detr:{folder}", tmp_path / "d.onnx", 0, chelsea(), rounding=rounding)


@pytest.mark.parametrize(
    ("name", "file", "arguments", "error", "said"),
    [
        ("mmod", "a.onnx", {}, ConfigError, "is for task 'faces'"),
        ("none", "a.onnx", {}, ConfigError, "is not known"),
        ("onnx:b.onnx", "a.onnx", {}, ConfigError, "does not run on PyTorch"),
        ("yolov9:w.pt", "a.onnx", {"opset": 11}, ConfigError, "opset 11: give one from 16 to 20"),
        ("yolov9:w.pt", "a.engine", {}, OutputError, r"must be named \*\.onnx"),
        ("yolov9:w.pt", "none/a.onnx", {}, OutputError, "no such folder"),
        ("yolov9:w.pt", "a.onnx", {}, PerceptionError, r"w\.pt"),
    ],
)
def test_what_cannot_be_exported(
    tmp_path: Path, name: str, file: str, arguments: dict[str, int], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        export_onnx(name, tmp_path / file, **arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("opset", [None, 16, 18, 20])
def test_what_a_file_says_of_itself(tmp_path: Path, tiny: str, opset: int | None) -> None:
    report = export_onnx(tiny, tmp_path / "t.onnx", opset=opset)
    assert report.opset == (opset or export.OPSET)
    model = onnx.load(str(tmp_path / "t.onnx"))
    onnx.checker.check_model(model, full_check=True)
    assert model.opset_import[0].version == report.opset
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert shapes["images"] == ["batch", 3, 32, 64]
    assert (shapes["boxes"][0], shapes["boxes"][2]) == ("batch", 4)
    assert (shapes["scores"][0], shapes["scores"][2]) == ("batch", 2)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(metadata["names"]) == ["a", "b"]
    assert json.loads(metadata["face_detect_ros"])["layout"] == "boxes_scores"
    assert catalogue.create(f"onnx:{tmp_path / 't.onnx'}", task="objects", device="cpu").labels == ("a", "b")


def test_a_file_that_differs_is_not_kept(tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    describe = export._describe

    def spoil(file: Path, *rest: object) -> None:
        describe(file, *rest)
        model = onnx.load(str(file))
        for tensor in model.graph.initializer:
            values = onnx.numpy_helper.to_array(tensor)
            tensor.CopyFrom(onnx.numpy_helper.from_array((values * 1.02).astype(values.dtype), tensor.name))
        onnx.save(model, str(file))

    monkeypatch.setattr(export, "_describe", spoil)
    with pytest.raises(DetectorError, match="differs from PyTorch"):
        export_onnx(tiny, tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_the_exporter_does_not_know(
    tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forward(self: Tiny, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.linalg.eigvals(images[..., :3, :3]).real.flatten(1)[:, None, :4], images[:, 0, :1, :2]

    monkeypatch.setattr(Tiny, "forward", forward)
    with pytest.raises(DetectorError, match=r"model 'tiny' cannot be exported for opset 17: .*eigvals"):
        export_onnx(tiny, tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path, tiny: str) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be written"):
        export_onnx(tiny, tmp_path / "a.onnx")


def test_boxes_in_another_order_are_matched() -> None:
    rng = np.random.default_rng(0)
    boxes, scores = rng.uniform(0, 640, (300, 4)), rng.uniform(0, 1, (300, 5))
    order = rng.permutation(300)
    other = boxes[order] + 0.01
    assert export._difference(boxes, scores, other, scores[order]) == pytest.approx((0.01, 0.0))
    # two chosen otherwise are none of rounding; ten are
    other[:2] = 0
    assert export._difference(boxes, scores, other, scores[order])[0] == pytest.approx(0.01)
    other[:10] = 0
    assert export._difference(boxes, scores, other, scores[order])[0] > 1
    assert not export._difference(boxes, scores, np.full_like(other, np.nan), scores)[0] <= 0.1


def test_a_report_in_words() -> None:
    report = ExportReport(Path("a.onnx"), 17, (480, 640), 80, 0.000123, 4.2e-7)
    assert str(report) == (
        "80 classes, any number of 640x480 images, opset 17; boxes within 0.0001 px and scores within 4e-07 of "
        "PyTorch"
    )
