# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reading what `torch.save` wrote without running it."""

import argparse
import collections
import datetime
import functools
import importlib
import io
import operator
import os
import pathlib
import pickle
import random
import struct
import subprocess
import zipfile

import numpy as np
import pytest
import torch
from helpers.yolov9_files import passing_classes

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.zoo.formats import pickles, torch_file
from face_detect_ros.zoo.formats.pickle_values import Inert, Named
from face_detect_ros.zoo.formats.stored_tensors import StoredTensor

pytestmark = pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")  # of classes that pass
FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


def save(value, path, zipped=True):
    torch.save(value, path, _use_new_zipfile_serialization=zipped)
    return path


def content(path):
    with torch_file.opened(path) as file:
        return file.content


def read(data):
    return pickles.read(io.BytesIO(data), "a pickle", {}, lambda identity: identity)


@FORMATS
def test_tensors_come_back_as_they_were_saved(tmp_path, zipped):
    whole = torch.arange(24.0).view(2, 3, 4)
    tensors = {
        "whole": whole,
        "part of the same storage": whole[1, :, 1:3],
        "transposed": whole.permute(2, 0, 1),
        "half": torch.randn(5).half(),
        "bfloat16": torch.randn(3, 2).bfloat16(),
        "double": torch.randn(2).double(),
        "whole numbers": torch.tensor([1, -2, 3]),
        "bytes": torch.tensor([0, 255], dtype=torch.uint8),
        "truths": torch.tensor([True, False]),
        "a number": torch.tensor(7),
        "nothing": torch.empty(0, 3),
        "a parameter": torch.nn.Parameter(torch.randn(2, 2)),
    }
    with torch_file.opened(save(tensors, tmp_path / "file.pt", zipped)) as file:
        assert list(file.content) == list(tensors)
        for name, expected in tensors.items():
            got = file.tensor(file.content[name])
            assert got.dtype == expected.dtype
            assert torch.equal(got, expected), name


@FORMATS
def test_a_tensor_with_attributes_is_a_tensor(tmp_path, zipped):
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.note = "of mine"
    with torch_file.opened(save([parameter], tmp_path / "file.pt", zipped)) as file:
        assert torch.equal(file.tensor(file.content[0]), torch.ones(2))


@FORMATS
def test_plain_values_come_back(tmp_path, zipped):
    value = {
        "numbers": [1, -1, 300, 2**40, 2**900, 1.5, True, None],
        "texts": ("a", "ä" * 300, b"bytes"),
        "set": {1, 2},
        "frozen": frozenset({"a"}),
        "ordered": collections.OrderedDict(a=1),
        "default": collections.defaultdict(list, {"a": [1]}),
        "counter": collections.Counter("aab"),
    }
    assert content(save(value, tmp_path / "file.pt", zipped)) == value


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_that_pytorch_can_write(protocol, tmp_path):
    value = {"a": [1, ("x", 2.5)], 3: {"set"}, "b": b"x" * 300, "again": bytearray(b"y")}
    shared = ["same"]
    value["shared"] = [shared, shared]
    found = read(pickle.dumps(value, protocol))
    assert {**found, "again": 0} == {**value, "again": 0}
    assert found["shared"][0] is found["shared"][1]
    torch.save({"a": torch.ones(2)}, tmp_path / "file.pt", pickle_protocol=protocol)
    assert isinstance(content(tmp_path / "file.pt")["a"], StoredTensor)


@FORMATS
def test_an_object_of_an_absent_class_keeps_its_state(tmp_path, zipped):
    with passing_classes("gone.models", "Network") as classes:
        network = classes.Network()
        network.linear = torch.nn.Linear(2, 3)
        network.names = {0: "cup"}
        save({"model": network}, tmp_path / "file.pt", zipped)
    with torch_file.opened(tmp_path / "file.pt") as file:
        model = file.content["model"]
        assert isinstance(model, Inert)
        assert model.kind == Named("gone.models", "Network")
        assert model.attribute("names") == {0: "cup"}
        assert model.attribute("nothing") is None
        weight = model.attribute("_modules")["linear"].attribute("_parameters")["weight"]
        assert torch.equal(file.tensor(weight), network.linear.weight)


class Listed(list):
    pass


class Mapped(dict):
    pass


def test_what_trainings_keep_besides_is_inert(tmp_path):
    value = {
        "fitness": np.array([0.5]),
        "best": np.float64(0.5),
        "when": datetime.datetime(2026, 1, 1),
        "where": pathlib.PurePosixPath("a/b"),
        "options": argparse.Namespace(lr=0.1),
        "size": torch.Size([1, 2]),
        "device": torch.device("cpu"),
        "kind": torch.float32,
        "listed": Listed([1, 2]),
        "mapped": Mapped(a=1),
        "class": torch.nn.Linear,
    }
    found = content(save(value, tmp_path / "file.pt"))
    assert found["options"].attribute("lr") == 0.1
    assert found["listed"].elements == [1, 2]
    assert found["mapped"].mapping == {"a": 1}
    assert found["class"] == Named("torch.nn.modules.linear", "Linear")
    assert isinstance(found["fitness"], Inert)


class Calls:
    """Pickles as a call of `function`."""

    def __init__(self, function, *arguments):
        self._call = (function, arguments)

    def __reduce__(self):
        return self._call


MALICIOUS = {
    "posix.system": lambda marker: Calls(os.system, f"touch {marker}"),
    "builtins.eval": lambda marker: Calls(eval, f"open({str(marker)!r}, 'w')"),
    "builtins.exec": lambda marker: Calls(exec, f"open({str(marker)!r}, 'w')"),
    "io.open": lambda marker: Calls(open, str(marker), "w"),
    "subprocess.Popen": lambda marker: Calls(subprocess.Popen, ["touch", str(marker)]),
    "importlib.import_module": lambda marker: Calls(importlib.import_module, "antigravity"),
    "builtins.getattr": lambda marker: Calls(getattr, "text", "upper"),
    "_pickle.loads": lambda marker: Calls(pickle.loads, pickle.dumps(Calls(os.system, f"touch {marker}"))),
    "functools.partial": lambda marker: Calls(functools.partial, os.system, f"touch {marker}"),
    "operator.attrgetter": lambda marker: Calls(operator.attrgetter, "system"),
    "torch.storage._load_from_bytes": lambda marker: Calls(torch.storage._load_from_bytes, b""),
    "torch.serialization.load": lambda marker: Calls(torch.load, str(marker)),
    "numpy.fromfile": lambda marker: Calls(np.fromfile, str(marker)),
}


@FORMATS
@pytest.mark.parametrize("name", MALICIOUS)
def test_a_malicious_file_is_refused_by_name_and_not_run(tmp_path, name, zipped):
    marker = tmp_path / "marker"
    evil = MALICIOUS[name](marker)
    path = save({"model": {"0.conv.weight": torch.ones(1)}, "note": evil}, tmp_path / "file.pt", zipped)
    function = name.rpartition(".")[2]
    # names move between versions of Python and its libraries
    with pytest.raises(WeightsError, match=rf"{path}: .*{function}.*malicious; nothing in it was run"):
        content(path)
    assert not marker.exists()


HAND_MADE = {
    "a part of Python, named only": (b"\x80\x02cos\nsystem\n.", "names 'os.system'"),
    "by Python 2's name": (b"\x80\x02c__builtin__\neval\n.", "names 'builtins.eval'"),
    "from the stack": (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "names 'os.system'"),
    "an object of a function": (b"\x80\x02cposix\nsystem\n)\x81.", "names 'posix.system'"),
    "a call of another's function": (b"\x80\x02cevil\nrun\n)R.", "calls 'evil.run'"),
    "attributes of a class": (b"\x80\x02ccollections\nOrderedDict\n}b.", "attributes of a Named"),
    "a call of a number": (b"\x80\x02K\x01)R.", "no name"),
    "the wrong arguments": (b"\x80\x02ccopyreg\n_reconstructor\n)R.", "wrong arguments"),
    "an old instruction": (b"(ios\nsystem\n.", "not an instruction"),
    "an extension": (b"\x80\x02\x82\x01.", "not an instruction"),
    "memory that was not kept": (b"\x80\x02h\x05.", "did not keep"),
    "too little on the stack": (b"\x80\x02\x85.", "more than it has"),
    "a list without beginning": (b"\x80\x02t.", "did not begin"),
    "an end too early": (b"\x80\x02](.", "middle"),
    "no end": (b"\x80\x02]", "ends early"),
    "no number": (b"\x80\x02\x8a\xff\x01.", "damaged"),
    "a name without end": (b"\x80\x02cos\nsystem", "without end"),
    "a disguised name": (b"\x80\x02cp\\x6fsix\nsystem\n)R.", r"calls 'p\\\\x6fsix.system'"),
    "no text": (b"\x80\x02X\x01\x00\x00\x00\xff.", "damaged"),
    "longer than the file": (b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.", "damaged"),
    "a key that is a list": (b"\x80\x02}]K\x01s.", "key"),
    "items of a number": (b"\x80\x02K\x01K\x01K\x01s.", "not a dictionary"),
    "nothing": (b"", "ends early"),
}


@pytest.mark.parametrize("name", HAND_MADE)
def test_hand_made_pickles_are_refused_with_the_reason(name):
    data, reason = HAND_MADE[name]
    with pytest.raises(WeightsError, match=f"^a pickle: .*{reason}"):
        read(data)


def test_a_place_in_memory_costs_nothing_however_far():
    assert read(b"\x80\x02]r\xff\xff\xff\xff.") == []


def test_depth_and_circles_do_no_harm():
    depth = 100_000
    found = read(b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b".")
    while found:  # unmake it from outside
        found = found[0]
    circle = []
    circle.append(circle)
    assert read(pickle.dumps(circle, 2))[0][0]
    deep_key = b"\x80\x02}" + b")" + b"\x85" * depth + b"K\x01s."
    with pytest.raises(WeightsError, match="key"):
        read(deep_key)


def sample(tmp_path, zipped):
    with passing_classes("gone.models", "Network") as classes:
        network = classes.Network()
        network.part = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1), torch.nn.BatchNorm2d(2))
        optimizer = torch.optim.Adam(network.parameters())
        network.part(torch.ones(2, 1, 2, 2)).sum().backward()
        optimizer.step()
        value = {"model": network, "optimizer": optimizer.state_dict(), "when": datetime.date(2026, 1, 1)}
        return save(value, tmp_path / "file.pt", zipped)


def everything(value, file):
    """Reads every tensor that is reachable."""
    waiting, seen = [value], set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, StoredTensor):
            file.tensor(value)
        elif isinstance(value, Inert):
            waiting += [value.state, value.arguments, value.mapping, value.elements]
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, (list, tuple)):
            waiting += value


def is_read(path):
    """False if it is refused; any error but a WeightsError is a failure of the test."""
    try:
        with torch_file.opened(path) as file:
            everything(file.content, file)
    except WeightsError:
        return False
    return True


@FORMATS
def test_a_file_that_ends_early_is_named(tmp_path, zipped):
    data = sample(tmp_path, zipped).read_bytes()
    path = tmp_path / "short.pt"
    for end in {*range(0, len(data), max(1, len(data) // 60)), len(data) - 1}:
        path.write_bytes(data[:end])
        assert not is_read(path), end


@FORMATS
def test_damage_anywhere_gives_a_weights_error_or_harmless_content(tmp_path, zipped):
    data = sample(tmp_path, zipped).read_bytes()
    path = tmp_path / "damaged.pt"
    chance = random.Random(0)
    read_well = 0
    for _ in range(400):
        damaged = bytearray(data)
        for _ in range(chance.choice((1, 1, 1, 8))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        read_well += is_read(path)
    assert read_well < 400


def test_a_damaged_pickle_gives_a_weights_error_or_harmless_content(tmp_path):
    archive = zipfile.ZipFile(sample(tmp_path, True))
    names = archive.namelist()
    parts = {name: archive.read(name) for name in names}
    pickled = parts["file/data.pkl"]
    path = tmp_path / "damaged.pt"
    chance = random.Random(1)
    for _ in range(1000):
        damaged = bytearray(pickled)
        for _ in range(chance.choice((1, 1, 2, 5))):
            at = chance.randrange(len(damaged))
            kind = chance.randrange(3)
            if kind == 0:
                damaged[at] = chance.randrange(256)
            elif kind == 1:
                del damaged[at : at + chance.randrange(1, 9)]
            else:
                damaged[at:at] = pickled[chance.randrange(len(pickled)) :][: chance.randrange(1, 30)]
        with zipfile.ZipFile(
            path, "w"
        ) as broken:  # with a right checksum, as somebody malicious would write it
            for name in names:
                broken.writestr(name, bytes(damaged) if name == "file/data.pkl" else parts[name])
        is_read(path)


def zip_of(path, **parts):
    with zipfile.ZipFile(path, "w", parts.pop("compression", zipfile.ZIP_STORED)) as archive:
        for name, data in parts.items():
            archive.writestr("file/" + name.replace("__", "."), data)
    return path


EMPTY_LIST = pickle.dumps([], 2)


def test_archives_that_pytorch_did_not_write(tmp_path):
    def refused(reason, **parts):
        with pytest.raises(WeightsError, match=reason):
            content(zip_of(tmp_path / "file.pt", **parts))

    refused("not one that PyTorch wrote", readme__txt="hello")
    refused("TorchScript", data__pkl=EMPTY_LIST, constants__pkl=EMPTY_LIST)
    refused("big-endian", data__pkl=EMPTY_LIST, byteorder="big")
    refused("compressed", data__pkl=EMPTY_LIST, compression=zipfile.ZIP_DEFLATED)
    refused("damaged", data__pkl=b"")


def tensor_pickle(shape=(2,), strides=(1,), offset=0, length=2, kind="FloatStorage"):
    """One tensor, of whatever is claimed."""
    storage = ("storage", getattr(torch, kind), "0", "cpu", length)

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return storage if isinstance(value, Store) else None

    class Store:
        pass

    file = io.BytesIO()
    arguments = (Store(), offset, shape, strides, False, collections.OrderedDict())
    Pickler(file, 2).dump(Calls(torch._utils._rebuild_tensor_v2, *arguments))
    return file.getvalue()


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"shape": (3,)}, "beyond its storage"),
        ({"shape": (1,), "offset": 2}, "beyond its storage"),
        ({"shape": (2,), "strides": (2,)}, "beyond its storage"),
        ({"shape": (10**6, 10**6), "strides": (0, 0)}, "beyond its storage"),
        ({"shape": (-1,)}, "impossible shape"),
        ({"strides": (-1,)}, "impossible shape"),
        ({"strides": (1, 1)}, "impossible shape"),
        ({"shape": (1,) * 99, "strides": (1,) * 99}, "impossible shape"),
        ({"shape": "2"}, "impossible shape"),
        ({"length": 10**30}, "does not write"),
        ({"length": 3}, "has 8 bytes, not 12"),
        ({"kind": "QInt8Storage"}, "not supported"),
    ],
)
def test_a_tensor_must_lie_in_its_storage(tmp_path, claims, reason):
    path = zip_of(tmp_path / "file.pt", data__pkl=tensor_pickle(**claims), **{"data/0": bytes(8)})
    with pytest.raises(WeightsError, match=reason), torch_file.opened(path) as file:
        file.tensor(file.content)


def test_a_missing_storage_is_named(tmp_path):
    path = zip_of(tmp_path / "file.pt", data__pkl=tensor_pickle())
    with pytest.raises(WeightsError, match="'data/0' is missing"), torch_file.opened(path) as file:
        file.tensor(file.content)


def test_legacy_files_that_pytorch_did_not_write(tmp_path):
    path = tmp_path / "file.pt"
    head = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
    little = pickle.dumps({"little_endian": True}, 2)
    cases = {
        "not one that PyTorch wrote": pickle.dumps({"a": 1}, 2),
        "never released": head + pickle.dumps(1, 2),
        "big-endian": head + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": False}, 2),
        "list of storages": head + pickle.dumps(1001, 2) + little + EMPTY_LIST + pickle.dumps(["0"], 2),
    }
    for reason, data in cases.items():
        path.write_bytes(data)
        with pytest.raises(WeightsError, match=reason):
            content(path)


def test_a_legacy_storage_of_another_length_is_named(tmp_path):
    path = save([torch.ones(3)], tmp_path / "file.pt", zipped=False)
    data = path.read_bytes()
    count = struct.pack("<q", 3)
    path.write_bytes(data.replace(count + torch.ones(3).numpy().tobytes(), struct.pack("<q", 2) + bytes(8)))
    with pytest.raises(WeightsError, match="another length"):
        content(path)


def test_what_is_no_such_file_says_so(tmp_path):
    with pytest.raises(WeightsError, match="cannot be read"):
        content(tmp_path / "absent.pt")
    with pytest.raises(WeightsError, match="cannot be read"):
        content(tmp_path)
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(WeightsError, match="is a text, not weights"):
        content(tmp_path / "text.pt")
    (tmp_path / "image.pt").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(WeightsError, match="is not a file that PyTorch wrote"):
        content(tmp_path / "image.pt")
