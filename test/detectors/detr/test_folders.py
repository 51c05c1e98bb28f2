# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What may be wrong with the folder of a DETR-like model is said; nothing is run, printed or fetched."""

import json
import pickle
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.detr_models import LABELS, assert_same, folder, make, one, picture, ready
from safetensors.torch import load_file, save_file

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, WeightsError
from face_detect_ros.detectors.detr import families as detr_families

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 80600000\n"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with a model that may be spoilt."""
    return Path(shutil.copytree(folder("rt_detr_v2"), tmp_path / "model"))


@pytest.fixture(scope="module")
def expected() -> Detections:
    """What the model finds in `picture(50, 60)`."""
    return one(ready("rt_detr_v2"), picture(50, 60))


def edit_json(path: Path, **changes) -> None:
    values = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))


def edit_weights(path: Path, change) -> None:
    weights = load_file(path / "model.safetensors")
    change(weights)
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})


def test_where_there_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such folder; give one with config"):
        make(tmp_path / "nowhere")
    with pytest.raises(WeightsError, match="is a file; give the folder"):
        make(folder("rt_detr") / "config.json")
    with pytest.raises(WeightsError, match=r"config\.json is missing"):
        make(tmp_path)


def test_a_hub_name(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    expected = r"hf download org/name.*models fetch.*copy config\.json.*https://huggingface\.co/org/name into a folder"
    with pytest.raises(WeightsError, match=expected):
        make(Path("org/name"))
    cached = tmp_path / "hub" / "models--org--name"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("abc")
    (cached / "snapshots").mkdir()
    copy.rename(cached / "snapshots" / "abc")
    weights = cached / "snapshots" / "abc" / "model.safetensors"
    (cached / "blobs").mkdir()
    weights.rename(cached / "blobs" / "0123")
    weights.symlink_to("../../blobs/0123")
    assert make(Path("org/name")).labels == tuple(LABELS.values())


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        pytest.param(
            lambda p: (p / "config.json").write_text("{"), WeightsError, r"config\.json: not JSON", id="json"
        ),
        pytest.param(
            lambda p: (p / "config.json").write_text("[]"),
            WeightsError,
            r"config\.json: not a JSON object",
            id="list",
        ),
        pytest.param(
            lambda p: edit_json(p / "config.json", model_type="yolos"),
            ConfigError,
            "'yolos' is not supported; supported are: rt_detr, ",
            id="family",
        ),
        pytest.param(
            lambda p: edit_json(p / "config.json", model_type=None),
            ConfigError,
            "'None' is not supported",
            id="no family",
        ),
        pytest.param(
            lambda p: edit_json(p / "config.json", architectures=["RTDetrV2Model"]),
            ConfigError,
            "RTDetrV2Model is not an object detector",
            id="class",
        ),
        pytest.param(
            lambda p: edit_json(p / "config.json", d_model="wide"),
            ConfigError,
            r"config\.json cannot be used",
            id="value",
        ),
        pytest.param(
            lambda p: edit_json(p / "config.json", id2label={"0": "N/A"}),
            WeightsError,
            "of another shape",
            id="other labels",
        ),
        pytest.param(
            lambda p: edit_json(
                p / "config.json", backbone_config=None, backbone="vgg11", use_timm_backbone=True
            ),
            ConfigError,
            "'vgg11' .* cannot stand in for it",
            id="timm",
        ),
        pytest.param(
            lambda p: edit_json(
                p / "config.json", backbone_config={"model_type": "timm_backbone", "backbone": "vgg11"}
            ),
            ConfigError,
            "'vgg11' .* cannot stand in for it",
            id="timm again",
        ),
        pytest.param(
            lambda p: (p / "model.safetensors").unlink(),
            WeightsError,
            r"model\.safetensors is missing",
            id="no weights",
        ),
        pytest.param(
            lambda p: (p / "model.safetensors").write_bytes((p / "model.safetensors").read_bytes()[:-100]),
            WeightsError,
            r"model\.safetensors: damaged, or its download ended early.*copy it again",
            id="half",
        ),
        pytest.param(
            lambda p: (p / "model.safetensors").write_bytes(b"<html>"),
            WeightsError,
            r"model\.safetensors: is a web page",
            id="a page",
        ),
        pytest.param(
            lambda p: (p / "model.safetensors").write_bytes(LFS_POINTER),
            WeightsError,
            r"model\.safetensors: is a Git LFS pointer to a file of 80\.6 MB.*git lfs pull",
            id="a pointer",
        ),
        pytest.param(
            lambda p: edit_json(p / "config.json", decoder_layers=20_000),
            ConfigError,
            r"config\.json: describes a network with many more (modules|tensors) than its weights",
            id="layers",
        ),
        pytest.param(
            lambda p: edit_json(p / "config.json", num_queries=900_000, learn_initial_query=True),
            ConfigError,
            r"config\.json: describes a network with many more numbers than its weights",
            id="queries",
        ),
        pytest.param(
            lambda p: edit_json(p / "config.json", anchor_image_size=[30_000, 30_000]),
            ConfigError,
            r"config\.json: 'anchor_image_size' is 30000, more than any model needs",
            id="anchors",
        ),
        pytest.param(
            lambda p: edit_json(p / "config.json", num_labels=10**9),
            ConfigError,
            "'num_labels' is 1000000000",
            id="labels",
        ),
        pytest.param(
            lambda p: edit_weights(p, lambda w: [w.pop(k) for k in list(w) if "enc_bbox_head" in k]),
            WeightsError,
            r"weights 6 missing \(model.enc_bbox_head.layers.0.bias, .*, \.\.\.\)",
            id="missing",
        ),
        pytest.param(
            lambda p: edit_weights(p, lambda w: w.update(extra=torch.ones(3))),
            WeightsError,
            r"1 left over \(extra\)",
            id="left over",
        ),
        pytest.param(
            lambda p: edit_weights(p, lambda w: w.update({"model.enc_score_head.weight": torch.ones(7, 32)})),
            WeightsError,
            r"1 of another shape \(model.enc_score_head.weight\)",
            id="shape",
        ),
        pytest.param(
            lambda p: edit_weights(p, lambda w: w["model.enc_score_head.weight"].fill_(np.nan)),
            WeightsError,
            "model.enc_score_head.weight has values that are not finite",
            id="nan",
        ),
        pytest.param(
            lambda p: edit_weights(p, lambda w: w["model.enc_output.0.bias"][3:4].fill_(np.inf)),
            WeightsError,
            "model.enc_output.0.bias has values that are not finite",
            id="infinite",
        ),
        pytest.param(
            lambda p: (p / "preprocessor_config.json").unlink(),
            WeightsError,
            r"preprocessor_config\.json: No such file",
            id="no processor",
        ),
        pytest.param(
            lambda p: (p / "preprocessor_config.json").write_text("nothing"),
            WeightsError,
            r"preprocessor_config\.json: (not JSON|damaged)",
            id="processor json",
        ),
        pytest.param(
            lambda p: edit_json(p / "preprocessor_config.json", image_processor_type="ViTImageProcessor"),
            ConfigError,
            "'ViTImageProcessor' is not known",
            id="processor",
        ),
        pytest.param(
            lambda p: edit_json(p / "preprocessor_config.json", size={"shortest_edge": 3}),
            ConfigError,
            "size {'shortest_edge': 3} is not known",
            id="size",
        ),
        pytest.param(
            lambda p: edit_json(p / "preprocessor_config.json", resample=17),
            ConfigError,
            "resample 17",
            id="resample",
        ),
        pytest.param(
            lambda p: edit_json(
                p / "preprocessor_config.json", pad_size={"height": 32, "width": 32}, do_pad=True
            ),
            ConfigError,
            "pad_size .* is smaller",
            id="pad size",
        ),
    ],
)
def test_what_is_wrong_is_said(copy: Path, spoil, error: type[Exception], message: str) -> None:
    spoil(copy)
    with pytest.raises(error, match=message) as caught:
        one(make(copy), picture(50, 50))
    assert "\n" not in str(caught.value)


def test_labels_that_are_no_classes(copy: Path) -> None:
    for labels in ({str(i): "N/A" for i in range(5)}, {str(i): f"class {i}" for i in (0, 1, 2, 3, 9)}):
        edit_json(copy / "config.json", id2label=labels)
        with pytest.raises(ConfigError, match="id2label must name classes from 0 to 4"):
            make(copy)


def test_settings_of_old_versions(copy: Path, expected: Detections) -> None:
    edit_json(
        copy / "config.json", use_timm_backbone=False, use_pretrained_backbone=False, architectures=None
    )
    path = copy / "preprocessor_config.json"
    nothing = {
        "pad_size": None,
        "rescale_factor": None,
        "image_mean": None,
        "max_size": None,
        "resample": None,
    }
    path.write_text(json.dumps({**json.loads(path.read_text()), **nothing, "do_convert_annotations": True}))
    assert_same(one(make(copy), picture(50, 60)), expected)


def test_counters_of_training_do_not_matter(copy: Path, expected: Detections) -> None:
    edit_weights(copy, lambda w: w.update({"model.backbone.model.x.num_batches_tracked": torch.ones(())}))
    assert_same(one(make(copy), picture(50, 60)), expected)


def test_pickled_weights_are_read_as_tensors_only(copy: Path, expected: Detections) -> None:
    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    torch.save(weights, copy / "pytorch_model.bin")
    assert_same(one(make(copy), picture(50, 60)), expected)
    marker = copy / "ran"
    torch.save({**weights, "x": Runs(marker)}, copy / "pytorch_model.bin")
    with pytest.raises(
        WeightsError, match=r"pytorch_model\.bin: .*'builtins\.getattr'.*nothing in it was run"
    ):
        make(copy)
    (copy / "pytorch_model.bin").write_bytes(pickle.dumps({}, protocol=2))
    with pytest.raises(
        WeightsError, match=r"pytorch_model\.bin: is a pickle, but not one that PyTorch wrote"
    ):
        make(copy)
    torch.save({**weights, "x": 1}, copy / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"pytorch_model\.bin: 'x' is not a tensor"):
        make(copy)
    torch.save({**weights, "x": Calls()}, copy / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"'builtins\.exec'.*malicious; nothing in it was run"):
        make(copy)
    assert not marker.exists()


class Runs:
    """Writes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self):
        return (Path.touch, (self._marker,))


class Calls:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit",))


def split(folder: Path, names: tuple[str, str]) -> None:
    """The weights of `folder` in two files that an index names."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    keys = sorted(weights)
    halves = {names[0]: keys[::2], names[1]: keys[1::2]}
    for name, part in halves.items():
        save_file({key: weights[key] for key in part}, folder / name)
    index = {"metadata": {}, "weight_map": {key: name for name, part in halves.items() for key in part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_weights_in_several_files(copy: Path, expected: Detections) -> None:
    split(copy, ("part-1.safetensors", "part-2.safetensors"))
    assert_same(one(make(copy), picture(50, 60)), expected)
    (copy / "part-2.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"index\.json: names part-2\.safetensors, which is missing"):
        make(copy)


def test_a_part_outside_the_folder_is_refused(copy: Path) -> None:
    split(copy, ("part-1.safetensors", "../outside.safetensors"))
    with pytest.raises(WeightsError, match=r"names '\.\./outside\.safetensors', which is outside the folder"):
        make(copy)


@pytest.mark.parametrize("name", ["part-2.safetensors", "model.safetensors"])
def test_a_link_to_outside_the_folder_is_refused(copy: Path, name: str) -> None:
    if name != "model.safetensors":
        split(copy, ("part-1.safetensors", name))
    (copy / name).rename(copy.parent / "outside.safetensors")
    (copy / name).symlink_to(copy.parent / "outside.safetensors")
    with pytest.raises(WeightsError, match=rf"{name}: is a link to outside the folder; copy the file"):
        make(copy)


def test_what_would_load_other_files_or_kernels_is_ignored(copy: Path, expected: Detections) -> None:
    edit_json(
        copy / "config.json",
        attn_implementation="someone/kernel",
        transformers_weights="../other.safetensors",
    )
    (copy / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "someone/else"}))
    assert_same(one(make(copy), picture(50, 60)), expected)


def test_code_that_comes_with_a_model_is_not_run(copy: Path) -> None:
    (copy / "evil.py").write_text(f"open({str(copy / 'ran')!r}, 'w')\n")
    edit_json(
        copy / "config.json", auto_map={"AutoConfig": "evil.C", "AutoModelForObjectDetection": "evil.M"}
    )
    make(copy)
    assert not (copy / "ran").exists()


def test_quiet_and_offline(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def refuse(*arguments, **more):
        raise AssertionError("it asks the network")

    kinds = ("rt_detr_v2", "conditional_detr", "dab-detr")
    folders = [folder(kind) for kind in kinds]
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    capfd.readouterr()
    for path in folders:
        detector = make(path)
        image = picture(60, 60)
        detector.attention(image, one(detector, image).boxes[0])
    assert tuple(capfd.readouterr()) == ("", "")


def test_a_newer_family_than_the_library(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = replace(detr_families.FAMILIES["rt_detr_v2"], model_class="RTDetrV9ForObjectDetection")
    monkeypatch.setitem(detr_families.FAMILIES, "rt_detr_v2", newer)
    edit_json(copy / "config.json", architectures=["RTDetrV9ForObjectDetection"])
    with pytest.raises(
        ConfigError, match=r"RTDetrV9ForObjectDetection is not in transformers .*install a newer one"
    ):
        make(copy)
