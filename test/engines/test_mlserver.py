# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A real server, MLServer, over gRPC: the same numbers as here, two robots at once, and an end that is noticed.

Runs where tritonclient is installed and `mlserver` (with onnxruntime in its environment) is on PATH.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
import pytest
from helpers import onnx_models

from face_detect_ros.core.errors import EngineError, WeightsError
from face_detect_ros.engines.kserve import Address, ServerAwayError, create

pytest.importorskip("tritonclient.grpc")
MLSERVER = shutil.which("mlserver")
pytestmark = pytest.mark.skipif(MLSERVER is None, reason="mlserver is not on PATH")

RUNTIME = """
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

class Onnx(MLModel):
    async def load(self):
        self.session = onnxruntime.InferenceSession(self.settings.parameters.uri, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload):
        feeds = {each.name: NumpyCodec.decode_input(each) for each in payload.inputs}
        names = [each.name for each in self.session.get_outputs()]
        found = self.session.run(names, feeds)
        outputs = [NumpyCodec.encode_output(name, array) for name, array in zip(names, found)]
        return InferenceResponse(model_name=self.name, outputs=outputs)
"""
TYPES = {"tensor(float)": "FP32", "tensor(int64)": "INT64", "tensor(uint8)": "UINT8"}


def free_port():
    with socket.socket() as end:
        end.bind(("127.0.0.1", 0))
        return end.getsockname()[1]


def described(value, shapes):
    shape = [size if isinstance(size, int) else -1 for size in value.shape] if shapes else []
    return {"name": value.name, "datatype": TYPES[value.type], "shape": shape}


@pytest.fixture(scope="module", params=[True, False], ids=["with shapes", "without shapes"])
def served(tmp_path_factory, request):
    """(address, session): a model on a server, and the same model here."""
    folder = tmp_path_factory.mktemp("mlserver")
    file = onnx_models.save(folder / "model.onnx", "yolo")
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (folder / "runtime.py").write_text(RUNTIME)
    model = {
        "name": "yolo",
        "implementation": "runtime.Onnx",
        "parameters": {"uri": str(file)},
        "inputs": [described(each, request.param) for each in session.get_inputs()],
        "outputs": [described(each, request.param) for each in session.get_outputs()],
    }
    (folder / "model-settings.json").write_text(json.dumps(model))
    grpc = free_port()
    settings = {"host": "127.0.0.1", "http_port": free_port(), "grpc_port": grpc, "metrics_port": free_port()}
    settings |= {"parallel_workers": 0}
    (folder / "settings.json").write_text(json.dumps(settings))
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV_"))}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [MLSERVER, "start", folder], cwd=folder, env=environment, stdout=log, stderr=log
        )
    address = Address(f"grpc://127.0.0.1:{grpc}", "yolo", timeout_s=5.0)
    try:
        end_s = time.monotonic() + 60
        while True:
            try:
                create(address).close()
                break
            except (EngineError, WeightsError):
                assert server.poll() is None, (folder / "log").read_text()[-2000:]
                assert time.monotonic() < end_s, (folder / "log").read_text()[-2000:]
                time.sleep(0.3)
        yield address, session, server
    finally:
        server.kill()
        server.wait()


def feeds_of(session, seed):
    chance = np.random.default_rng(seed)
    return {
        each.name: chance.random([size if isinstance(size, int) else 1 for size in each.shape], np.float32)
        for each in session.get_inputs()
    }


def test_the_server_gives_the_numbers_of_the_file(served):
    address, session, _ = served
    graph = create(address)
    assert [port.name for port in graph.outputs] == [each.name for each in session.get_outputs()]
    for seed in range(3):
        feeds = feeds_of(session, seed)
        for found, expected in zip(graph.run(feeds), session.run(None, feeds), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    graph.close()


def test_two_robots_at_once_get_their_own_answers(served):
    address, session, _ = served

    def robot(first):
        graph = create(address)
        try:
            return [graph.run(feeds_of(session, seed)) for seed in range(first, first + 5)]
        finally:
            graph.close()

    with ThreadPoolExecutor(2) as pool:
        found = [answer for answers in pool.map(robot, (0, 100)) for answer in answers]
    for seed, answer in zip((*range(5), *range(100, 105)), found, strict=True):
        np.testing.assert_allclose(
            answer[0], session.run(None, feeds_of(session, seed))[0], rtol=1e-5, atol=1e-5
        )


def test_a_model_that_is_not_there_is_said(served):
    address, _, _ = served
    with pytest.raises(WeightsError, match="no such model"):
        create(Address(address.base, "nothing", timeout_s=5.0))


def test_a_server_that_stops_answering_is_away(served):
    # the last test: it stops the server
    address, session, server = served
    graph = create(Address(address.base, "yolo", timeout_s=0.5))
    server.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(ServerAwayError):
            graph.run(feeds_of(session, 0))
    finally:
        server.send_signal(signal.SIGCONT)
    assert len(graph.run(feeds_of(session, 0))) == len(session.get_outputs())
    server.kill()
    server.wait()
    with pytest.raises(ServerAwayError):
        graph.run(feeds_of(session, 0))
    graph.close()
