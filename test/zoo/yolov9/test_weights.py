# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YOLOv9 from files in every published format, and from files that are not right."""

import json
import random
from dataclasses import replace

import pytest
import torch
from helpers.networks import narrow
from helpers.yolov9_files import network, published, save_whole
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.nn import functional

from face_detect_ros.core.errors import ConfigError, OutputError, WeightsError
from face_detect_ros.nn.yolov9.heads import HeadStyle
from face_detect_ros.nn.yolov9.variants import VARIANTS
from face_detect_ros.zoo.formats import safetensors_file, torch_file
from face_detect_ros.zoo.published import coco
from face_detect_ros.zoo.yolov9 import checkpoint as yolov9_checkpoint
from face_detect_ros.zoo.yolov9 import weights as yolov9_weights

pytestmark = pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
LABELS = ("cup", "robot", "door")
ULTRALYTICS = {
    "plain": HeadStyle(box_groups=1),
    "depthwise": HeadStyle(box_groups=1, depthwise=True),
}
IMAGES = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", autouse=True)
def small():
    """Every variant has a quarter of its channels here, and YOLOv9-t is less deep; test_layouts has all its names."""
    with pytest.MonkeyPatch.context() as patch:
        for name, variant in VARIANTS.items():
            patch.setitem(VARIANTS, name, narrow(variant, 4))
        patch.setitem(VARIANTS, "t", replace(VARIANTS["t"], depth=1))
        yield


@pytest.fixture(scope="module")
def plain():
    return network()


@pytest.fixture(scope="module")
def with_branch():
    return network(auxiliary=True)


@pytest.fixture(scope="module")
def attentive():
    return network(self_attention=True, cross_attention=True)


@pytest.fixture(scope="module")
def depthwise():
    return network(head=ULTRALYTICS["depthwise"])


@torch.inference_mode()
def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one(IMAGES), other(IMAGES), strict=True))


def saved(value, path, **options):
    torch.save(value, path, **options)
    return path


def load(path, **options):
    return yolov9_weights.load(path, **{"labels": LABELS, **options})


# what is read


@pytest.mark.parametrize(
    ("layout", "zipped"),
    [("plain", True), ("plain", False), ("dual", True), ("mit", False), ("libre", True)],
    ids=lambda value: value if isinstance(value, str) else "zip" if value else "legacy",
)
def test_tensors_of_every_layout(tmp_path, with_branch, layout, zipped):
    tensors = published(with_branch, layout)
    path = saved(tensors, tmp_path / "any name.bin", _use_new_zipfile_serialization=zipped)
    found = load(path)
    assert (found.source_format, found.variant, found.labels) == (layout, "t", LABELS)
    assert found.source == "any name.bin"
    assert found.model.auxiliary is None
    assert not found.model.training
    assert all(value.dtype == torch.float32 for value in found.model.parameters())
    assert all(value.requires_grad for value in found.model.parameters())
    assert same(found.model, with_branch)


@pytest.mark.parametrize("variant", "smce")
def test_variants_are_told_apart(tmp_path, variant):
    model = network(variant, 2)
    path = saved({"model": published(model, "plain", "model.")}, tmp_path / "file.pt")
    found = load(path, labels=("a", "b"))
    assert found.variant == variant
    assert same(found.model, model)


@pytest.mark.parametrize(
    ("variant", "style"),
    [("t", "plain"), ("t", "depthwise"), ("c", "depthwise"), ("e", "plain")],
)
def test_the_heads_of_ultralytics(tmp_path, depthwise, variant, style):
    shared = (variant, style) == ("t", "depthwise")
    model = depthwise if shared else network(variant, head=ULTRALYTICS[style])
    path = tmp_path / "file.pt"
    tensors = published(model, "plain", "model.")
    depthwise = f"model.{42 if variant == 'e' else 22}.cv3.1.0.1.conv.weight"
    assert (depthwise in tensors) == (style == "depthwise")
    about = {"train_args": {"imgsz": 320}, "license": "AGPL-3.0 License (https://ultralytics.com/license)"}
    save_whole(tensors, path, names=dict(enumerate(LABELS)), **about)
    found = load(path, labels=None)
    assert (found.labels, found.variant, found.input_size, found.license) == (
        LABELS,
        variant,
        320,
        "AGPL-3.0",
    )
    assert same(found.model, model)
    if variant == "t":
        ours = tmp_path / "ours.safetensors"
        yolov9_weights.convert(path, ours)
        converted = load(ours, labels=None)
        assert same(converted.model, model)
        assert converted.license == "AGPL-3.0"


def test_the_depthwise_stack_is_a_depthwise_and_a_pointwise_convolution_by_turns(depthwise):
    """Written out again, with nothing of the package but its numbers."""
    stack = depthwise.head.classes[1]
    values = dict(stack.state_dict())

    def conv(x, name):
        x = functional.conv2d(
            x,
            weight := values[f"{name}.conv.weight"],
            padding=weight.shape[-1] // 2,
            groups=len(x[0]) // weight.shape[1],
        )
        parts = (values[f"{name}.bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return functional.silu(functional.batch_norm(x, *parts, eps=1e-3))

    x = torch.rand(1, stack[0][0].conv.in_channels, 6, 7)
    expected = x
    for name in ("0.0", "0.1", "1.0", "1.1"):
        expected = conv(expected, name)
    expected = functional.conv2d(expected, values["2.weight"], values["2.bias"])
    with torch.inference_mode():
        torch.testing.assert_close(stack(x), expected)


def test_a_libreyolo_checkpoint(tmp_path, plain):
    content = {
        "model": published(plain, "libre"),
        "schema_version": "1.0",
        "model_family": "yolo9",
        "names": dict(enumerate(LABELS)),
        "imgsz": 416,
        "letterbox_pad": "topleft",
    }
    found = load(saved(content, tmp_path / "file.pt"), labels=None)
    assert (found.source_format, found.labels, found.input_size) == ("libre", LABELS, 416)
    assert same(found.model, plain)
    path = saved({**content, "imgsz": 100}, tmp_path / "file.pt")
    assert load(path, labels=None).input_size == 640
    for wrong in ("640", 100, True, -32, 10**9):
        with torch_file.opened(saved({"imgsz": wrong}, path)) as file:
            assert yolov9_checkpoint.input_size(file) == 0


@pytest.mark.parametrize(("layout", "zipped"), [("plain", True), ("dual", False)], ids=["zip", "legacy"])
def test_a_whole_network_of_absent_classes(tmp_path, with_branch, layout, zipped):
    path = tmp_path / "file.pt"
    names = dict(enumerate(LABELS))
    save_whole(published(with_branch, layout, "model."), path, names=names, zipped=zipped)
    found = load(path, labels=None)
    assert found.labels == LABELS
    assert same(found.model, with_branch)


def test_half_precision_becomes_float32(tmp_path, plain):
    path = tmp_path / "file.pt"
    save_whole(published(plain, "plain", "model."), path, half=True)
    found = load(path).model
    expected = network()
    expected.load_state_dict(plain.half().state_dict())
    plain.float()
    assert all(value.dtype == torch.float32 for value in found.parameters())
    assert same(found, expected)


def test_double_precision_becomes_float32(tmp_path, plain):
    tensors = {name: value.double() for name, value in published(plain, "plain", "model.").items()}
    assert same(load(saved(tensors, tmp_path / "file.pt")).model, plain)


def test_a_training_checkpoint_gives_the_moving_average(tmp_path, plain):
    average = published(plain, "plain", "model.")
    latest = {name: value + 1 for name, value in average.items()}
    optimizer = {
        "state": {0: {"momentum_buffer": torch.ones(3)}},
        "param_groups": [{"lr": 0.1, "params": [0]}],
    }
    content = {"epoch": 3, "model": latest, "ema": average, "updates": 5, "optimizer": optimizer}
    assert same(load(saved(content, tmp_path / "file.pt")).model, plain)
    content["ema"], content["model"] = None, average
    assert same(load(saved(content, tmp_path / "file.pt")).model, plain)


def test_a_lightning_checkpoint_gives_the_moving_average(tmp_path, plain):
    average = published(plain, "mit", "ema.model.")
    latest = {name: value + 1 for name, value in published(plain, "mit", "model.model.").items()}
    content = {"state_dict": {**latest, **average}, "optimizer_states": [], "epoch": 3}
    assert same(load(saved(content, tmp_path / "file.pt")).model, plain)
    content["state_dict"] = published(plain, "mit", "model.model.")
    assert same(load(saved(content, tmp_path / "file.pt")).model, plain)


def test_a_network_that_was_trained_on_several_devices(tmp_path, plain):
    path = saved(published(plain, "plain", "module.model."), tmp_path / "file.pt")
    assert same(load(path).model, plain)


def test_counters_of_training_may_be_missing(tmp_path, plain):
    tensors = {
        name: value
        for name, value in published(plain, "plain", "model.").items()
        if not name.endswith("num_batches_tracked")
    }
    found = load(saved(tensors, tmp_path / "file.pt")).model
    assert same(found, plain)
    assert found.backbone.conv1.bn.num_batches_tracked == 0


def test_the_wider_class_stacks_of_t(tmp_path):
    model = network("t", 80, head=HeadStyle(class_width=128))
    found = load(saved(published(model, "mit"), tmp_path / "file.pt"), labels=None)
    assert same(found.model, model)


@pytest.mark.parametrize("layout", ["dual", "mit"])
def test_the_auxiliary_branch_if_wanted(tmp_path, with_branch, layout):
    path = saved(published(with_branch, layout), tmp_path / "file.pt")
    found = load(path, auxiliary=True).model
    own = with_branch.state_dict()
    assert found.state_dict().keys() == own.keys()
    assert all(torch.equal(value, own[name]) for name, value in found.state_dict().items())


def test_an_auxiliary_branch_that_is_not_there(tmp_path, plain):
    path = saved(published(plain, "mit"), tmp_path / "file.pt")
    with pytest.raises(WeightsError, match=r"242 missing \(23\.conv1\.conv\.weight, "):
        load(path, auxiliary=True)


# class names


def test_class_names(tmp_path, plain):
    path = tmp_path / "file.pt"
    tensors = published(plain, "plain", "model.")

    def labels(given=None, **content):
        return load(saved({"model": tensors, **content}, path), labels=given).labels

    assert labels(names=list(LABELS)) == LABELS
    assert labels(names={2: "door", 0: "cup", 1: "robot"}) == LABELS
    assert labels(names=list(LABELS), given=("a", "b", "c")) == ("a", "b", "c")
    with pytest.raises(ConfigError, match=r"file\.pt: does not name its 3 classes; give their names"):
        labels()
    with pytest.raises(ConfigError, match="does not name"):
        labels(names=["0", "1", "2"])  # numbers only
    with pytest.raises(ConfigError, match="does not name"):
        labels(names={0: "cup", 1: "robot", 5: "door"})
    with pytest.raises(ConfigError, match="3 classes, but 2 class names are given"):
        labels(given=("a", "b"))
    with pytest.raises(WeightsError, match="3 classes, but the names of 2"):
        labels(names=["a", "b"])
    with pytest.raises(WeightsError, match="not valid Unicode"):
        labels(names=["a", "b", "c\ud800"])


def test_eighty_classes_without_names_are_those_of_coco(tmp_path):
    path = saved(published(network("t", 80), "plain"), tmp_path / "file.pt")
    assert load(path, labels=None).labels == coco.CLASSES


# what is refused


def changed(tensors, **changes):
    """changes: by the beginning of a name, with "__" for "."; None removes."""
    result = dict(tensors)
    for start, change in changes.items():
        name = next(name for name in tensors if name.startswith("model." + start.replace("__", ".")))
        if change is None:
            del result[name]
        else:
            result[name] = change(tensors[name])
    return result


def with_value(value):
    def change(tensor):
        tensor = tensor.clone()
        tensor.view(-1)[0] = value
        return tensor

    return change


REFUSED = {
    "a missing tensor": ({"4__cv2": None}, r"does not fit YOLOv9-t; tensors: 1 missing \(4\.cv2\.0\.cv1"),
    "another shape": (
        {"9__cv1__conv": lambda t: t[:, :-1]},
        r"1 of another shape \(9\.cv1\.conv\.weight \(16, 31, 1, 1\) for \(16, 32, 1, 1\)\)",
    ),
    "not a number": ({"6__cv1__bn": with_value(torch.nan)}, r"'6\.cv1\.bn\.weight' .*not finite"),
    "infinity": ({"22__cv3__0__2": with_value(-torch.inf)}, r"'22\.cv3\.0\.2\.weight' .*not finite"),
    "a negative variance": ({"1__bn__running_var": with_value(-1.0)}, r"'1\.bn\.running_var' .*below 0"),
    "other bins": ({"22__dfl": lambda t: t * 2}, r"'22\.dfl\.conv\.weight' is not 0, 1, \.\.\. 15"),
    "fewer bins": ({"22__dfl": lambda t: t[:, :8]}, r"'22\.dfl\.conv\.weight' is not 0, 1, \.\.\. 15"),
    "quantized": ({"0__conv": lambda t: t.to(torch.int8)}, r"'0\.conv\.weight' holds torch.int8"),
    "another backbone": ({"0__conv": lambda t: t[:2]}, "another network, or a YOLOv9 of another size"),
    "no class stack": ({"22__cv3__0__2__weight": None}, r"'22\.cv3\.0\.2\.weight' is missing"),
    "another head": (
        {"22__cv2__0__1__conv": lambda t: t.repeat(1, 2, 1, 1)},
        r"22\.cv2\.0\.1\.conv\.weight \(64, 32, 3, 3\) for \(64, 16, 3, 3\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_tensors_are_named(tmp_path, plain, case):
    changes, reason = REFUSED[case]
    tensors = changed(published(plain, "plain", "model."), **changes)
    path = saved({"model": tensors}, tmp_path / "file.pt")
    with pytest.raises(WeightsError, match=rf"file\.pt: .*{reason}"):
        load(path)


def test_what_is_left_over_is_named(tmp_path, plain):
    tensors = published(plain, "plain", "model.")
    more = {f"model.23.cv{index}.weight": torch.ones(1) for index in range(5)}
    with pytest.raises(
        WeightsError, match=r"5 left over \(23\.cv0\.weight, 23\.cv1\.weight, 23\.cv2\.weight, \.\.\.\)"
    ):
        load(saved({**tensors, **more}, tmp_path / "file.pt"))
    with pytest.raises(WeightsError, match="a tensor 'extra'"):
        load(saved({**tensors, "extra": torch.ones(1)}, tmp_path / "file.pt"))
    with pytest.raises(WeightsError, match="belong to 2 networks"):
        load(saved({**tensors, "teacher.0.conv.weight": torch.ones(1)}, tmp_path / "file.pt"))
    with pytest.raises(WeightsError, match=r"'model\.0\.note' is not a tensor"):
        load(saved({**tensors, "model.0.note": "text"}, tmp_path / "file.pt"))


OTHER_CONTENT = {
    "nothing": ({}, "holds no network: it is empty"),
    "no network": ({"a": 1, "epoch": 2}, "holds no network: its entries are 'a', 'epoch'"),
    "a tensor": (torch.ones(2), "holds no network: it is a StoredTensor"),
    "a resnet": ({"layer1.0.conv1.weight": torch.ones(1)}, "not a YOLOv9: no tensor is named as in its head"),
    "a transformer": (
        {"encoder.weight": torch.ones(1)},
        "is not a YOLOv9 that is known here.*'encoder.weight'",
    ),
    "a head alone": ({"22.heads.0.class_conv.0.conv.weight": torch.ones(1)}, "another network"),
}


@pytest.mark.parametrize("case", OTHER_CONTENT)
def test_other_content_is_refused(tmp_path, case):
    content, reason = OTHER_CONTENT[case]
    with pytest.raises(WeightsError, match=reason):
        load(saved(content, tmp_path / "file.pt"))


OTHER_FILES = {
    "empty": (b"", "is empty"),
    "a page": (b"\n<!DOCTYPE html><html>", "is a web page, not the file itself; download the file itself"),
    "a pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3660000\n",
        r"is a Git LFS pointer to a file of 3\.7 MB, not the file itself; run git lfs pull",
    ),
    "a text": (b"hello", "is a text, not weights; it begins 'hello'"),
    "an image": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "is not a file of weights"),
    "a large header": (b"\xff\xff\xff\xff\x00\x00\x00\x00{", "its header of 4294967295 bytes is larger"),
    "a zip": (b"PK\x03\x04 and no more", "damaged, or its download ended early"),
    "a short safetensors": (b"\xff\xff\x00\x00\x00\x00\x00\x00{", "damaged, or its download ended early"),
}


@pytest.mark.parametrize("case", OTHER_FILES)
def test_other_files_are_refused(tmp_path, case):
    data, reason = OTHER_FILES[case]
    path = tmp_path / "file.pt"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=reason):
        load(path)


def test_no_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="cannot be read: No such file"):
        load(tmp_path / "absent.pt")
    with pytest.raises(WeightsError, match="cannot be read"):
        load(tmp_path)


def test_a_network_that_contains_itself_is_refused(tmp_path):
    network = torch.nn.Module()
    network.__dict__["_modules"] = {"0": network, "1": network}
    with pytest.raises(WeightsError, match=r"file\.pt: damaged: a part of its network contains itself"):
        load(saved({"model": network}, tmp_path / "file.pt"))


# attention


def test_a_plain_file_in_an_attention_network_gives_the_same_output(tmp_path, plain):
    path = saved(published(plain, "mit"), tmp_path / "file.pt")  # has no auxiliary branch either
    found = load(path, attention=True).model
    assert found.self_attention is not None
    assert found.cross_attention is not None
    gates = [value for name, value in found.named_parameters() if "gate" in name]
    assert gates
    assert not any(gate.any() for gate in gates)
    assert same(found, plain)


def test_trained_attention_is_kept(tmp_path, attentive):
    path = tmp_path / "tuned.safetensors"
    yolov9_weights.save(path, attentive, LABELS, input_size=320, license="Apache-2.0", source="ours")
    found = load(path, attention=True, labels=None)
    assert same(found.model, attentive)
    assert (found.labels, found.source_format, found.input_size) == (LABELS, "own", 320)
    assert (found.license, found.source) == ("Apache-2.0", "ours")
    with pytest.raises(
        ConfigError, match=r"was trained with attention; load it as yolov9-attn:.*tuned\.safetensors"
    ):
        load(path)


def test_one_kind_of_attention_stays_one(tmp_path):
    model = network(self_attention=True)
    path = tmp_path / "tuned.safetensors"
    yolov9_weights.save(path, model, LABELS, input_size=640)
    found = load(path, attention=True).model
    assert found.cross_attention is None
    assert same(found, model)


def test_attention_in_part_is_refused(tmp_path, attentive):
    path = tmp_path / "tuned.safetensors"
    yolov9_weights.save(path, attentive, LABELS, input_size=640)
    description, tensors = safetensors_file.read(path)
    del tensors["self_attention.gate"]
    safetensors_file.write(path, description, tensors, overwrite=True)
    with pytest.raises(WeightsError, match=r"1 missing \(self_attention\.gate\)"):
        load(path, attention=True)


# our own files


@pytest.mark.parametrize("layout", ["dual", "mit"])
def test_conversion_changes_no_number(tmp_path, with_branch, layout):
    source = saved(published(with_branch, layout), tmp_path / "source.pt")
    converted = tmp_path / "converted.safetensors"
    yolov9_weights.convert(source, converted, license="MIT", labels=LABELS)
    found = load(converted, labels=None)
    assert (found.source_format, found.labels, found.license) == ("own", LABELS, "MIT")
    assert found.source == "source.pt"
    assert same(found.model, with_branch)
    again = tmp_path / "again.safetensors"
    yolov9_weights.convert(converted, again)
    assert again.read_bytes() == converted.read_bytes()


def test_conversion_keeps_half_precision(tmp_path, plain):
    source = tmp_path / "source.pt"
    save_whole(published(plain, "plain", "model."), source, half=True, names=list(LABELS))
    converted = tmp_path / "converted.safetensors"
    yolov9_weights.convert(source, converted)
    assert load_file(converted)["head.boxes.0.0.conv.weight"].dtype == torch.float16
    assert same(load(converted).model, load(source).model)


def test_a_file_is_replaced_only_if_told(tmp_path, plain):
    path = tmp_path / "file.safetensors"
    path.write_bytes(b"mine")
    source = saved(published(plain, "plain"), tmp_path / "source.pt")
    with pytest.raises(OutputError, match="exists already"):
        yolov9_weights.convert(source, path, labels=LABELS)
    assert path.read_bytes() == b"mine"
    yolov9_weights.convert(source, path, labels=LABELS, overwrite=True)
    assert same(load(path).model, plain)
    with pytest.raises(OutputError, match=r"must be named \*\.safetensors"):
        yolov9_weights.convert(source, tmp_path / "file.pt")


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path, plain, no_larger_files):
    with pytest.raises(OutputError, match="cannot be written: No such file"):
        yolov9_weights.save(tmp_path / "absent" / "file.safetensors", plain, LABELS, input_size=640)
    path = tmp_path / "file.safetensors"
    path.write_bytes(b"mine")
    with no_larger_files(1 << 17), pytest.raises(OutputError, match="cannot be written"):
        yolov9_weights.save(path, plain, LABELS, input_size=640, overwrite=True)
    assert path.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [path]


def test_wrong_labels_are_not_saved(tmp_path, plain):
    with pytest.raises(ConfigError, match="3 classes, but 1 class names"):
        yolov9_weights.save(tmp_path / "file.safetensors", plain, ("one",), input_size=640)


OTHER_METADATA = {
    "too little": ({"variant": None}, "its 'variant' is missing"),
    "no json": ({"classes": "cup"}, "its 'classes' is missing or unreadable"),
    "another kind": ({"classes": '"cup"'}, "its 'classes' is 'cup'"),
    "other labels": ({"classes": "[1, 2, 3]"}, "its classes are not texts"),
    "no size": ({"input_size": "0"}, "its input size is 0"),
    "a huge size": ({"input_size": "1000000000"}, "its input size is 1000000000"),
    "an impossible factor": ({"overlap_factor": "1.5"}, "its overlap factor is 1.5"),
    "a close-up of another size": ({"close_up_size": "100"}, "its close-up size is 100"),
    "a close-up of another class": ({"close_up_classes": '["cat"]'}, "its close-up classes are"),
    "a truth as a size": ({"input_size": "true"}, "its 'input_size' is True"),
    "another network": ({"architecture": '"detr"'}, "holds a detr 't', not a YOLOv9"),
    "another variant": ({"variant": '"x"'}, "holds a yolov9 'x', not a YOLOv9"),
    "more labels": ({"classes": '["a", "b", "c", "d"]'}, "of another shape"),
}


@pytest.fixture(scope="module")
def own_file(tmp_path_factory, plain):
    path = tmp_path_factory.mktemp("own") / "file.safetensors"
    yolov9_weights.save(path, plain, LABELS, input_size=416, license="MIT")
    return path


def texts(path):
    with safe_open(path, "pt") as file:
        return file.metadata()


@pytest.mark.parametrize("case", OTHER_METADATA)
def test_wrong_texts_are_refused(tmp_path, own_file, case):
    changes, reason = OTHER_METADATA[case]
    path = tmp_path / "file.safetensors"
    metadata = {name: text for name, text in {**texts(own_file), **changes}.items() if text is not None}
    save_file(load_file(own_file), path, metadata)
    with pytest.raises(WeightsError, match=reason):
        load(path, labels=None)


def test_files_of_older_versions_say_less(tmp_path, own_file):
    path = tmp_path / "file.safetensors"
    metadata = texts(own_file)
    for name in ("overlap_factor", "close_up_size", "close_up_classes"):
        del metadata[name]
    save_file(load_file(own_file), path, metadata)
    loaded = load(path, labels=None)
    assert (loaded.overlap_factor, loaded.close_up_size, loaded.close_up_classes) == (1.0, 0, ())


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_safetensors_of_others_are_refused(tmp_path, metadata):
    path = tmp_path / "file.safetensors"
    save_file({"weight": torch.ones(1)}, path, metadata)
    with pytest.raises(WeightsError, match="does not say what its numbers are"):
        load(path)


def test_damage_to_our_own_file_is_an_error_or_changes_numbers_only(tmp_path, own_file):
    path = tmp_path / "file.safetensors"
    data = own_file.read_bytes()
    header = int.from_bytes(data[:8], "little")
    chance = random.Random(0)
    for end in (0, 4, 8, 100, header, header + 100, len(data) - 1):
        path.write_bytes(data[:end])
        with pytest.raises(WeightsError):
            load(path)
    refused = 0
    for _ in range(30):
        damaged = bytearray(data)
        damaged[chance.randrange(header + 8)] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            load(path)
        except (WeightsError, ConfigError):
            refused += 1
    assert refused > 15


def test_the_texts_of_a_file_are_plain_json(own_file):
    assert {name: json.loads(text) for name, text in texts(own_file).items()} == {
        "architecture": "yolov9",
        "variant": "t",
        "classes": list(LABELS),
        "self_attention": False,
        "cross_attention": False,
        "input_size": 416,
        "license": "MIT",
        "source": "",
        "overlap_factor": 1.0,
        "close_up_size": 0,
        "close_up_classes": [],
    }


@pytest.mark.parametrize(
    "low_byte", [0x00, 0x80], ids=["any length", "a length that begins as a pickle does"]
)
def test_a_safetensors_file_is_told_whatever_the_length_of_its_texts(tmp_path, plain, low_byte):
    first, path = tmp_path / "first.safetensors", tmp_path / "model.safetensors"
    yolov9_weights.save(first, plain, LABELS, input_size=64, source="x" * 8)
    padding = (low_byte - first.read_bytes()[0]) % 256
    yolov9_weights.save(path, plain, LABELS, input_size=64, source="x" * (8 + padding))
    assert path.read_bytes()[0] == low_byte
    assert yolov9_weights.load(path).labels == LABELS
