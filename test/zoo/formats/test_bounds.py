# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Small files that ask for much time or memory: refused before they get it."""

import io
import pickle
import zipfile

import pytest
import torch

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.zoo.formats import pickles, torch_file
from face_detect_ros.zoo.formats.pickle_values import Inert, Named
from face_detect_ros.zoo.yolov9 import checkpoint


def read(data):
    return pickles.read(io.BytesIO(data), "a pickle", {}, lambda identity: identity)


def called_again_and_again(name, argument, times):
    """A function is called `times` with the same argument, which memory cell 1 holds."""
    call = b"c" + name.replace(" ", "\n").encode() + b"\nh\x01\x85R0"
    return b"\x80\x02" + argument + b"q\x010" + call * times + b"N."


REFUSED = {
    "millions of empty sets": (b"\x80\x04" + b"\x8f" * 6_000 + b".", "more objects"),
    "millions of instructions": (b"\x80\x04" + b"N0" * 16_000 + b"N.", "more instructions"),
    "copies of a long list": (
        called_again_and_again("builtins set", b"(" + b"N" * 1_000 + b"t", 100),
        "more instructions",
    ),
    "copies of a long text": (
        called_again_and_again("_codecs encode", b"X" + (1 << 20).to_bytes(4, "little") + b"x" * (1 << 20), 3),
        "more instructions",
    ),
    "a long tuple as a key": (b"\x80\x02}(" + b"N" * 20 + b"tK\x01s.", "key"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_more_than_any_model_needs_is_refused(case, monkeypatch):
    monkeypatch.setattr(pickles, "_MOST_WORK", 30_000)
    monkeypatch.setattr(pickles, "_MOST_OBJECTS", 5_000)
    data, reason = REFUSED[case]
    with pytest.raises(WeightsError, match=reason):
        read(data)


def test_numbers_chosen_to_collide_cost_no_more_than_others():
    keys = range(2**61 - 1, 20_000 * 2**61, 2**61 - 1)  # these all have the hash 0
    items = b"".join(b"\x8a\x0a" + key.to_bytes(10, "little") + b"N" for key in keys)
    assert len(read(b"\x80\x02}(" + items + b"u.")) == len(keys)
    pairs = [(index, index) for index in range(1000)]
    assert len(read(pickle.dumps(set(pairs), 2))) == len(pairs)


def test_an_argument_that_is_endless_in_print_is_not_printed():
    deep = b"X\x01\x00\x00\x00a" + b"2\x86" * 100  # each level holds the one below twice: 2^100 texts
    with pytest.raises(WeightsError, match="another encoding"):
        read(b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00a" + deep + b"\x86R.")


def test_a_thousand_tensors_cannot_share_one_storage(tmp_path):
    path = tmp_path / "file.pt"
    whole = torch.zeros(10_000)
    torch.save([whole[index:] for index in range(100)], path)
    with torch_file.opened(path) as file:
        kept = [file.tensor(file.content[0]), file.tensor(file.content[1])]
        with pytest.raises(WeightsError, match="more memory than the file has bytes"):
            kept += map(file.tensor, file.content[2:])


def test_overlapping_entries_of_an_archive_do_not_count_twice(tmp_path):
    path = tmp_path / "file.pt"
    torch.save([torch.full((1000,), float(index)) for index in range(50)], path)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        first = archive.getinfo("file/data/0").header_offset
    at = data.index(b"PK\x01\x02")
    while data[at : at + 4] == b"PK\x01\x02":  # let every storage lie where the first does
        name = int.from_bytes(data[at + 28 : at + 30], "little")
        rest = int.from_bytes(data[at + 30 : at + 32], "little") + int.from_bytes(
            data[at + 32 : at + 34], "little"
        )
        if b"/data/" in data[at + 46 : at + 46 + name]:
            data[at + 42 : at + 46] = first.to_bytes(4, "little")
        at += 46 + name + rest
    path.write_bytes(data)
    with torch_file.opened(path) as file:
        stored = iter(file.content)
        with pytest.raises(WeightsError, match="damaged"):
            list(map(file.tensor, stored))


def test_a_module_that_is_everywhere_is_not_visited_everywhere(tmp_path):
    kind = Named("torch.nn", "Module")
    storage = torch_file.Storage("0", torch.float32, 1)
    tensor = torch_file.StoredTensor(storage, 0, (1,), (1,))
    module = Inert(kind, state={"_parameters": {str(index): tensor for index in range(10_000)}})
    for _ in range(40):
        module = Inert(kind, state={"_modules": {"0": module, "1": module}})
    with pytest.raises(WeightsError, match="contains itself"):
        checkpoint.tensors(torch_file.TorchFile(tmp_path, module, None, 0))
