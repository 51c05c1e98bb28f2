# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An inference server over gRPC that answers nonsense, too much or never: refused in words, soon, in little memory."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from face_detect_ros.core.errors import ConfigError, EngineError, WeightsError
from face_detect_ros.engines.kserve import Address, ServerAwayError, create

grpc = pytest.importorskip("grpc")
pytest.importorskip("tritonclient.grpc")
from tritonclient.grpc import model_config_pb2 as pb2_config  # noqa: E402
from tritonclient.grpc import service_pb2 as pb  # noqa: E402
from tritonclient.grpc import service_pb2_grpc  # noqa: E402

IMAGES = {"images": np.zeros((1, 3), np.float32)}
GOOD = np.array([[1, 2]], np.float32).tobytes()


def tensor(kind, *, name="boxes", datatype="FP32", shape=(1, 2)):
    return kind(name=name, datatype=datatype, shape=shape)


def described(**changes):
    form = pb.ModelMetadataResponse.TensorMetadata
    return pb.ModelMetadataResponse(
        name="m",
        inputs=[tensor(form, name="images", shape=(1, 3))],
        outputs=[tensor(form, **changes)],
    )


def inferred(content=(GOOD,), **changes):
    outputs = [tensor(pb.ModelInferResponse.InferOutputTensor, **changes)]
    return pb.ModelInferResponse(model_name="m", outputs=outputs, raw_output_contents=list(content))


class Service(service_pb2_grpc.GRPCInferenceServiceServicer):
    def __init__(self):
        self.described, self.inferred = described(), inferred()
        self.configured = grpc.StatusCode.UNIMPLEMENTED, ""
        self.ended = threading.Event()

    def ModelMetadata(self, request, context):  # noqa: N802 - the protocol's name
        return self.answer(self.described, context)

    def ModelConfig(self, request, context):  # noqa: N802
        return self.answer(self.configured, context)

    def ModelInfer(self, request, context):  # noqa: N802
        return self.answer(self.inferred, context)

    def answer(self, given, context):
        if given is None:
            self.ended.wait()
        if isinstance(given, tuple):
            context.abort(*given)
        return given


@pytest.fixture
def service():
    service = Service()
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_send_message_length", -1)])
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(service, server)
    service.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield service
    service.ended.set()
    server.stop(0).wait()


def graph(service, timeout_s=1.0):
    return create(Address(f"grpc://127.0.0.1:{service.port}", "m", timeout_s=timeout_s))


def test_a_right_answer(service):
    opened = graph(service)
    (found,) = opened.run(IMAGES)
    assert found.tolist() == [[1, 2]]
    opened.close()


def test_a_shape_that_is_not_told_is_that_of_the_answer(service):
    service.described = described(shape=())
    opened = graph(service)
    (found,) = opened.run(IMAGES)
    assert found.tolist() == [[1, 2]]
    opened.close()


ANSWERS = {
    "no outputs": pb.ModelInferResponse(model_name="m"),
    "another name": inferred(name="scores"),
    "too few bytes": inferred([GOOD[:5]]),
    "no bytes": inferred([]),
    "another shape": inferred(shape=(9, 9)),
    "a huge shape": inferred(shape=(2**62, 4)),
    "a negative shape": inferred(shape=(-1, -1)),
    "another number of axes": inferred(shape=(2,)),
    "another type": inferred([b"\0" * 2], datatype="INT8"),
    "a type that there is not": inferred(datatype="FP99"),
    "texts": inferred([b"\xff\xff\xff\xffx"], datatype="BYTES"),
    "an error with an escape": (grpc.StatusCode.INTERNAL, "\x1b[2Jgone"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_answers_that_cannot_be_read(service, case):
    opened = graph(service)
    service.inferred = ANSWERS[case]
    with pytest.raises(RuntimeError) as caught:
        opened.run(IMAGES)
    assert str(caught.value).isprintable()
    assert "kserve" in str(caught.value) or "grpc://" in str(caught.value)
    opened.close()


DESCRIPTIONS = {
    "a model that is not there": (grpc.StatusCode.NOT_FOUND, "no \x1b[2J such model"),
    "nothing of the kind": (grpc.StatusCode.UNIMPLEMENTED, ""),
}


@pytest.mark.parametrize("case", DESCRIPTIONS)
def test_descriptions_that_cannot_be_used(service, case):
    service.described = DESCRIPTIONS[case]
    with pytest.raises((WeightsError, EngineError)) as caught:
        graph(service)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("status", ["NOT_FOUND", "INTERNAL", "UNKNOWN", "UNAVAILABLE"])
def test_a_model_that_cannot_be_used_any_more_is_away_as_over_http(service, status):
    opened = graph(service)
    service.inferred = grpc.StatusCode[status], "gone"
    with pytest.raises(ServerAwayError, match="gone"):
        opened.run(IMAGES)
    service.inferred = grpc.StatusCode.INVALID_ARGUMENT, "another shape"
    with pytest.raises(RuntimeError, match="another shape") as caught:
        opened.run(IMAGES)
    assert not isinstance(caught.value, ServerAwayError)
    opened.close()


def test_a_server_that_fails_for_now_is_away_and_not_one_without_class_names(service):
    parameters = {"names": pb2_config.ModelParameter(string_value="['a']")}
    service.configured = pb.ModelConfigResponse(config=pb2_config.ModelConfig(parameters=parameters))
    opened = graph(service)
    assert opened.metadata == {"names": "['a']"}
    opened.close()
    service.configured = grpc.StatusCode.UNAVAILABLE, "overloaded"
    with pytest.raises(EngineError, match="overloaded"):
        graph(service)


def test_a_server_that_never_answers(service):
    began_s = time.monotonic()
    opened = graph(service, 0.3)
    service.inferred = None
    with pytest.raises(ServerAwayError):
        opened.run(IMAGES)
    opened.close()
    service.described = None
    with pytest.raises(EngineError):
        graph(service, 0.3)
    assert time.monotonic() - began_s < 20


def test_an_answer_that_is_too_large(service, monkeypatch):
    from face_detect_ros.engines import kserve_grpc

    monkeypatch.setattr(kserve_grpc, "MOST_BYTES", 100_000)
    opened = graph(service)
    service.inferred = inferred([bytes(200_000)], shape=(1, 50_000))
    with pytest.raises(ServerAwayError, match=r"larger than max|RESOURCE_EXHAUSTED"):
        opened.run(IMAGES)
    opened.close()


@pytest.mark.parametrize("host", ["nowhere.invalid:1", "127.0.0.1:1", "[::1", "a b:1"])
def test_addresses_where_nobody_answers(host):
    with pytest.raises((EngineError, ConfigError)):
        create(Address(f"grpc://{host}", "m", timeout_s=0.5))
