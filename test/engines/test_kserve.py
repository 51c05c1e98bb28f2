# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An inference server that answers nonsense, without end or for ever: refused in words, soon, in little memory."""

import json
import time

import numpy as np
import pytest
from helpers.raw_server import RawServer

from face_detect_ros.core.errors import EngineError, WeightsError
from face_detect_ros.engines import kserve
from face_detect_ros.engines.kserve import Address, KServeGraph, create

pytest.importorskip("httpx2")
MODEL = {
    "inputs": [{"name": "images", "datatype": "FP32", "shape": [1, 3]}],
    "outputs": [{"name": "boxes", "datatype": "FP32", "shape": [1, 2]}],
}
DEEP = b"[" * 100_000


def response(body, *headers, status="200 OK"):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return ["\r\n".join(head).encode() + body]


@pytest.fixture
def serve():
    """`serve(described, inferred)`: an address whose model is described so and answers so, as pieces of bytes.

    others: What is answered elsewhere, by path.
    """
    servers = []

    def start(described, inferred=(), timeout_s=1.0, others=None):
        def answer(request):
            path = request.split()[1]
            if path.endswith(b"/infer"):
                yield from inferred(servers[0]) if callable(inferred) else inferred
            elif path.endswith(b"/m"):
                yield from described(servers[0]) if callable(described) else described
            else:
                yield from (others or {}).get(path.decode(), response({}, status="404 Not Found"))

        servers.append(RawServer(answer))
        return Address(servers[0].url, "m", timeout_s=timeout_s)

    yield start
    for server in servers:
        server.close()


def endless(server):
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n["
    while True:
        yield b"1," * 50_000


def slow(server):
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n["
    while True:
        yield b"1,"
        server.pause(0.05)


DESCRIPTIONS = {
    "deep": response(DEEP),
    "a list": response([1, 2]),
    "no types": response({"inputs": [{"name": "a", "shape": [1]}], "outputs": []}),
    "shapes that are texts": response(
        {"inputs": [{"name": "a", "datatype": "FP32", "shape": ["x"]}], "outputs": []}
    ),
    "infinite shapes": response(
        b'{"inputs": [{"name": "a", "datatype": "FP32", "shape": [1e999]}], "outputs": []}'
    ),
    "a page": response(b"<html>"),
    "an escape": response({"error": "\x1b[2Jgone"}, status="400 Bad"),
}


@pytest.mark.parametrize("case", DESCRIPTIONS)
def test_descriptions_that_cannot_be_used(serve, case):
    with pytest.raises(WeightsError) as caught:
        create(serve(DESCRIPTIONS[case]))
    assert str(caught.value).isprintable()


OPTIONAL = ["/v2", "/v2/models/m/config"]


@pytest.mark.parametrize("path", OPTIONAL)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_fails_for_now_is_away_and_not_one_that_can_less(serve, path, status):
    with pytest.raises(EngineError, match=f"not ready .HTTP {status}"):
        create(serve(response(MODEL), others={path: response({}, status=f"{status} Later")}))


@pytest.mark.parametrize("path", OPTIONAL)
@pytest.mark.parametrize("status", [400, 404, 501])
def test_a_server_without_what_is_optional(serve, path, status):
    graph = create(serve(response(MODEL), others={path: response({}, status=f"{status} No")}))
    assert [port.name for port in graph.inputs] == ["images"]
    assert graph.metadata == {}
    graph.close()


ANSWERS = {
    "deep": response(DEEP),
    "no outputs": response({}),
    "another shape": response({"outputs": [{"name": "boxes", "datatype": "FP32", "shape": [9, 9], "data": [1, 2]}]}),
    "a huge shape": response({"outputs": [{"name": "boxes", "datatype": "FP32", "shape": [2**62, 4], "data": [1]}]}),
    "an infinite shape": response(
        b'{"outputs": [{"name": "boxes", "datatype": "FP32", "shape": [1e999], "data": [1]}]}'
    ),
    "another type": response({"outputs": [{"name": "boxes", "datatype": "BYTES", "shape": [1], "data": ["x"]}]}),
    "bytes that are not there": response(
        {"outputs": [{"name": "boxes", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 999}}]}
    ),
    "a number where floats were promised": response(
        {"outputs": [{"name": "boxes", "datatype": "INT64", "shape": [1, 2], "data": [1, 2]}]}
    ),
    "another number of axes": response(
        {"outputs": [{"name": "boxes", "datatype": "FP32", "shape": [2], "data": [1, 2]}]}
    ),
    "a length that is no number": response({"outputs": []}, "Inference-Header-Content-Length: \u00b2"),
    "not HTTP": [b"\x00\x01\x02\r\n\r\n"],
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
def test_answers_that_cannot_be_read(serve, case):
    graph = KServeGraph(serve(response(MODEL), ANSWERS[case]))
    with pytest.raises(RuntimeError) as caught:
        graph.run({"images": np.zeros((1, 3), np.float32)})
    assert str(caught.value).isprintable()
    graph.close()


@pytest.mark.parametrize("shape", [{}, {"shape": []}, {"shape": None}], ids=["missing", "empty", "null"])
def test_shapes_that_are_not_told_are_those_of_the_answer(serve, shape):
    described = {
        kind: [{"name": port["name"], "datatype": "FP32", **shape} for port in ports]
        for kind, ports in MODEL.items()
    }
    output = {"name": "boxes", "datatype": "FP32", "shape": [2, 2, 1], "data": [1, 2, 3, 4]}
    graph = KServeGraph(serve(response(described), response({"outputs": [output]})))
    assert [str(port) for port in graph.inputs] == ["images (shape unknown)"]
    (found,) = graph.run({"images": np.zeros((1, 3), np.float32)})
    assert found.tolist() == [[[1], [2]], [[3], [4]]]
    graph.close()


@pytest.mark.parametrize(
    ("answer", "words"), [(endless, "has more than 1000000 bytes"), (slow, "takes too long")]
)
@pytest.mark.parametrize("where", ["description", "answer"])
def test_without_end(serve, monkeypatch, answer, words, where):
    monkeypatch.setattr(kserve, "MOST_BYTES", 1_000_000)
    began_s = time.monotonic()
    if where == "description":
        with pytest.raises(EngineError, match=words):
            create(serve(answer, timeout_s=0.3))
    else:
        graph = KServeGraph(serve(response(MODEL), answer, timeout_s=0.3))
        with pytest.raises(kserve.ServerAwayError, match=words):
            graph.run({"images": np.zeros((1, 3), np.float32)})
        graph.close()
    assert time.monotonic() - began_s < 20
