# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Detectors on an inference server: the same boxes, timeouts, a server that goes and comes back, a local fallback."""

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import onnx_models
from helpers.kserve_server import serving
from helpers.onnx_faces import constant_network

from face_detect_ros.core.errors import ConfigError, DetectorError, EngineError, WeightsError
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors import catalogue
from face_detect_ros.engines import kserve
from face_detect_ros.engines.kserve import TOKEN_VARIABLE, Address, Pauses

pytest.importorskip("onnxruntime")
OPTIONS = DetectOptions(score_threshold=0.5)
IMAGES = [
    onnx_models.picture(64, 64, (255, 0, 0), (8, 16, 24, 32)),
    onnx_models.picture(48, 96, (0, 0, 255), (32, 8, 64, 40)),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return onnx_models.save(
        tmp_path_factory.mktemp("onnx") / "colors.onnx", "yolo", metadata=onnx_models.NAMES
    )


@pytest.fixture(scope="module")
def expected(file):
    with closing(
        catalogue.create(f"onnx:{file}", task="objects", device="cpu", engine="onnxruntime")
    ) as local:
        return local.detect(IMAGES, OPTIONS)


def create(port: int, query: str = "", **options):
    return catalogue.create(
        f"kserve:http://127.0.0.1:{port}/colors{query}", task="objects", device="cpu", **options
    )


def assert_same(found, expected) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert len(one) > 0
        for name in ("boxes", "scores", "class_ids"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


def classes(detector, chosen):
    return [
        set(found.class_ids.tolist()) for found in detector.detect(IMAGES, replace(OPTIONS, class_ids=chosen))
    ]


@pytest.mark.parametrize("binary", [True, False], ids=["bytes", "JSON"])
def test_the_server_finds_what_the_file_finds_here(file, expected, binary):
    with serving(file, binary=binary) as (port, state), closing(create(port)) as remote:
        assert remote.labels == onnx_models.LABELS
        assert remote.device == f"server 127.0.0.1:{port}"
        state.requests.clear()
        assert_same(remote.detect(IMAGES, OPTIONS), expected)
        assert [request["inputs"][0]["shape"][0] for request in state.requests] == [2]  # one batch
        assert remote.times.network_ms > 0


def test_a_server_that_does_not_tell_shapes(file, expected):
    with serving(file) as (port, state):
        state.shapes = False
        with pytest.raises(
            WeightsError, match=r"640x640.*the shape of its input is unknown: give input_size"
        ):
            create(port)
        with closing(create(port, input_size=64)) as remote:
            state.requests.clear()
            assert_same(remote.detect(IMAGES, OPTIONS), expected)
            assert [request["inputs"][0]["shape"][0] for request in state.requests] == [1, 1]


def test_two_robots_at_once(file, expected):
    with serving(file) as (port, _), closing(create(port)) as one, closing(create(port)) as other:
        assert_same(one.detect(IMAGES, OPTIONS), expected)
        assert_same(other.detect(IMAGES, OPTIONS), expected)


def test_metadata_that_the_server_does_not_pass_on_comes_from_a_file(file):
    with serving(file, metadata=False) as (port, _):
        with closing(create(port, f"?metadata={file}")) as remote:
            assert remote.labels == onnx_models.LABELS
        with pytest.raises(WeightsError, match=r"missing\.onnx"):
            create(port, "?metadata=/missing.onnx")


def test_a_server_that_goes_is_replaced_and_taken_again_when_it_is_back(file, expected, monkeypatch):
    monkeypatch.setattr(kserve, "FIRST_PAUSE_S", 0.05)
    with serving(file) as (port, _):
        remote = create(port, f"?fallback=onnx:{file}&timeout_s=2")
        assert_same(remote.detect(IMAGES, OPTIONS), expected)
    with closing(remote):
        for _ in range(3):
            assert_same(remote.detect(IMAGES, OPTIONS), expected)
        assert remote.device.startswith("cpu (")
        assert f"127.0.0.1:{port} does not answer" in remote.device
        with serving(file, port=port) as (_, state):
            deadline_s = time.monotonic() + 30
            while remote.device != f"server 127.0.0.1:{port}" and time.monotonic() < deadline_s:
                assert_same(remote.detect(IMAGES, OPTIONS), expected)
                time.sleep(0.02)
            state.requests.clear()
            assert_same(remote.detect(IMAGES, OPTIONS), expected)
            assert len(state.requests) == 1


def test_without_a_fallback_images_fail_until_it_is_back(file):
    with serving(file) as (port, _):
        remote = create(port)
    with closing(remote):
        for _ in range(2):
            with pytest.raises(DetectorError, match="does not answer"):
                remote.detect(IMAGES, OPTIONS)


def test_a_server_that_is_away_at_the_start(file, expected):
    with serving(file) as (port, _):
        pass
    with pytest.raises(EngineError, match="is it running"):
        create(port)
    with closing(create(port, f"?fallback=onnx:{file}")) as remote:
        assert_same(remote.detect(IMAGES, OPTIONS), expected)


def test_a_server_that_is_slow_counts_as_away(file, expected):
    with (
        serving(file) as (port, state),
        closing(create(port, f"?fallback=onnx:{file}&timeout_s=0.3")) as remote,
    ):
        state.delay_s = 3.0
        assert_same(remote.detect(IMAGES, OPTIONS), expected)
        assert remote.device.startswith("cpu (")


def test_a_server_that_goes_before_the_warmup_is_replaced(file, expected):
    with serving(file) as (port, state), closing(create(port, f"?fallback=onnx:{file}")) as remote:
        state.status = 503
        remote.warmup()
        assert "HTTP 503" in remote.device
        assert_same(remote.detect(IMAGES, OPTIONS), expected)
    with serving(file) as (port, state), closing(create(port)) as remote:
        state.status = 503
        with pytest.raises(DetectorError, match="HTTP 503"):
            remote.warmup()


def test_an_image_that_the_server_refuses_is_no_reason_to_leave_it(file):
    with serving(file) as (port, state), closing(create(port, f"?fallback=onnx:{file}")) as remote:
        state.status = 400
        with pytest.raises(DetectorError, match=r"refused.*out of order"):
            remote.detect(IMAGES, OPTIONS)
        assert remote.device == f"server 127.0.0.1:{port}"


def left_to_fallback(file, tmp_path, names):
    """A detector whose server has gone, and whose fallback has other classes."""
    other = onnx_models.save(tmp_path / "other.onnx", "yolo", metadata={"names": names})
    with serving(file) as (port, _):
        return create(port, f"?fallback=onnx:{other}")


def test_classes_are_those_of_the_server_whoever_answers(file, tmp_path):
    with closing(left_to_fallback(file, tmp_path, "{0: 'blue', 1: 'green', 2: 'something'}")) as remote:
        red, blue = remote.detect(IMAGES, replace(OPTIONS, class_ids=(1, 2)))
        assert remote.labels == ("red", "green", "blue")
        assert set(red.class_ids.tolist()) <= {1, 2}
        assert {remote.labels[number] for number in red.class_ids.tolist()} == {
            "blue"
        }  # what it calls blue is red
        assert len(blue) == 0


def test_a_fallback_without_any_of_the_chosen_classes_finds_nothing(file, tmp_path):
    with closing(left_to_fallback(file, tmp_path, "{0: 'green', 1: 'blue', 2: 'something'}")) as remote:
        assert classes(remote, (0,)) == [set(), set()]
        assert classes(remote, (1,)) == [{1}, set()]  # what it calls green is red
        assert "does not answer" in remote.device


def test_a_server_that_answers_after_its_fallback_gets_its_own_class_ids(file, tmp_path, monkeypatch):
    monkeypatch.setattr(kserve, "FIRST_PAUSE_S", 0.05)
    other = onnx_models.save(
        tmp_path / "other.onnx", "yolo", metadata={"names": "{0: 'something', 1: 'blue', 2: 'red'}"}
    )
    with serving(file) as (port, _):
        pass
    with closing(create(port, f"?fallback=onnx:{other}")) as remote, serving(file, port=port):
        assert remote.labels == ("something", "blue", "red")
        deadline_s = time.monotonic() + 30
        while remote.device != f"server 127.0.0.1:{port}" and time.monotonic() < deadline_s:
            remote.detect(IMAGES, OPTIONS)
            time.sleep(0.02)
        assert classes(remote, (2,)) == [{2}, set()]  # its own number 2 is blue
        assert classes(remote, (0,)) == [set(), set()]


def test_a_token_is_sent_and_never_shown(file, monkeypatch):
    monkeypatch.setenv(TOKEN_VARIABLE, "secret")
    with serving(file) as (port, state), closing(create(port)):
        assert state.tokens == {"Bearer secret"}


@pytest.mark.parametrize(
    ("address", "said"),
    [
        pytest.param("gpu:8000/model", "give http", id="no scheme"),
        pytest.param("http://gpu:8000", "give http", id="no model"),
        pytest.param("http://gpu:8000/a/b/c", "give http", id="too many parts"),
        pytest.param("http://gpu:x/model", "not usable", id="port"),
        pytest.param("http://gpu/model?wrong=1", "give http", id="unknown option"),
        pytest.param("http://gpu/model?timeout_s=0", "0.01 to 600", id="timeout"),
        pytest.param("http://gpu/model?timeout_s=soon", "not usable", id="timeout is no number"),
        pytest.param("http://me:secret@gpu/model", TOKEN_VARIABLE, id="password"),
    ],
)
def test_addresses_that_are_not_usable(address, said):
    with pytest.raises(ConfigError, match=said) as caught:
        Address.parse(address)
    assert "secret" not in str(caught.value)


def test_addresses_survive_being_a_path():
    expected = Address("https://gpu:8443", "yolo", "3", 0.5, "yolov9-robot")
    assert Address.parse(str(Path("https://gpu:8443/yolo/3?timeout_s=0.5&fallback=yolov9-robot"))) == expected


def test_a_model_that_is_not_there_and_a_fallback_that_is_none(file):
    with serving(file) as (port, _):
        with pytest.raises(WeightsError, match="no such model"):
            catalogue.create(f"kserve:http://127.0.0.1:{port}/shapes", task="objects")
        with pytest.raises(ConfigError, match="'unknown' is not known"):
            create(port, "?fallback=unknown")
        with pytest.raises(ConfigError, match="of this computer"):
            create(port, "?fallback=kserve:http://x/y")


def test_pauses_double_up_to_a_limit():
    now_s = [0.0]
    pauses = Pauses(lambda: now_s[0])
    assert pauses.due
    waits = []
    for _ in range(7):
        pauses.failed()
        begin_s = now_s[0]
        while not pauses.due:
            now_s[0] += 0.25
        waits.append(now_s[0] - begin_s)
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    pauses.answered()
    assert pauses.due


@pytest.mark.parametrize("shapes", [True, False], ids=["with shapes", "without shapes"])
def test_faces_of_a_network_on_the_server(file, tmp_path, shapes):
    scores, boxes = np.tile([0.9, 0.1], (50, 1)), np.zeros((50, 4))
    scores[7], boxes[7] = [0.2, 0.8], [0.25, 0.25, 0.5, 0.75]
    made = constant_network(
        tmp_path / "made.onnx",
        (1, 3, 64, 64) if shapes else (1, 3, "h", "w"),
        {"scores": scores[None], "boxes": boxes[None]},
    )
    image = np.zeros((64, 64, 3), np.uint8)
    options = DetectOptions(score_threshold=0.5, min_size_px=0)
    with closing(catalogue.create(f"ultralight:{made}", task="faces", engine="onnxruntime")) as local:
        expected = local.detect([image], options)
    address = "kserve-faces:http://127.0.0.1:{}/colors?fallback=ultralight:" + str(made)
    with serving(made) as (port, state):
        state.shapes = shapes
        remote = catalogue.create(address.format(port), task="faces")
        assert remote.labels == ("face",)
        assert_same(remote.detect([image], options), expected)
    with closing(remote):
        assert_same(remote.detect([image], options), expected)
        assert "does not answer" in remote.device
    with serving(file) as (port, _), pytest.raises(WeightsError, match="not a face network that is known"):
        catalogue.create(f"kserve-faces:http://127.0.0.1:{port}/colors", task="faces")
