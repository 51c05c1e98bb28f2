# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An inference server of the Open Inference Protocol (KServe V2) over HTTP, around an ONNX file."""

import json
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import onnxruntime

TYPES = {
    "tensor(float)": ("FP32", "<f4"),
    "tensor(int64)": ("INT64", "<i8"),
    "tensor(uint8)": ("UINT8", "u1"),
}
FORMS = dict(TYPES.values())
HEADER = "Inference-Header-Content-Length"


class State:
    """What a test chooses.

    Attributes:
        delay_s: Before each answer.
        status: Of every answer to `infer`; 0: the right one.
        shapes: Whether the model is described with them.
    """

    def __init__(self, path, binary, metadata):
        self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self.binary = binary
        self.metadata = self.session.get_modelmeta().custom_metadata_map if metadata else {}
        self.delay_s = 0.0
        self.status = 0
        self.shapes = True
        self.requests = []
        self.tokens = set()


def _described(value, shapes):
    shape = [size if isinstance(size, int) else -1 for size in value.shape or ()] if shapes else []
    return {"name": value.name, "datatype": TYPES[value.type][0], "shape": shape}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: State

    def log_message(self, *_):
        pass

    def _answer(self, status, content, tail=b""):
        head = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(head) + len(tail)))
        if tail:
            self.send_header(HEADER, str(len(head)))
        self.end_headers()
        self.wfile.write(head + tail)

    def do_GET(self):
        state = self.state
        state.tokens.add(self.headers.get("Authorization"))
        if self.path == "/v2":
            self._answer(200, {"name": "test", "extensions": ["binary_tensor_data"] if state.binary else []})
        elif self.path == "/v2/models/colors":
            inputs = [_described(value, state.shapes) for value in state.session.get_inputs()]
            outputs = [_described(value, state.shapes) for value in state.session.get_outputs()]
            self._answer(200, {"name": "colors", "platform": "onnx", "inputs": inputs, "outputs": outputs})
        elif self.path == "/v2/models/colors/config" and state.metadata:
            texts = {key: {"string_value": value} for key, value in state.metadata.items()}
            self._answer(200, {"name": "colors", "parameters": texts})
        else:
            self._answer(404, {"error": "there is no such model"})

    def do_POST(self):
        state = self.state
        content = self.rfile.read(int(self.headers["Content-Length"]))
        size = int(self.headers.get(HEADER, len(content)))
        request, tail = json.loads(content[:size]), content[size:]
        state.requests.append(request)
        time.sleep(state.delay_s)
        if state.status:
            self._answer(state.status, {"error": "out of order"})
            return
        feeds, at = {}, 0
        for each in request["inputs"]:
            form = FORMS[each["datatype"]]
            length = each.get("parameters", {}).get("binary_data_size")
            if length is None:
                values = np.array(each["data"], form)
            else:
                values, at = np.frombuffer(tail[at : at + length], form), at + length
            feeds[each["name"]] = values.reshape(each["shape"])
        names = [each["name"] for each in request["outputs"]]
        outputs, blobs = [], []
        try:
            arrays = state.session.run(names, feeds)
        except Exception as error:  # noqa: BLE001 - ONNX Runtime has many, without a common base
            self._answer(400, {"error": str(error)})
            return
        for name, array in zip(names, arrays, strict=True):
            kind = "INT64" if array.dtype == np.int64 else "FP32"
            output = {"name": name, "datatype": kind, "shape": list(array.shape)}
            if state.binary:
                blobs.append(array.astype(FORMS[kind]).tobytes())
                output["parameters"] = {"binary_data_size": len(blobs[-1])}
            else:
                output["data"] = array.reshape(-1).tolist()
            outputs.append(output)
        self._answer(200, {"model_name": "colors", "outputs": outputs}, b"".join(blobs))


@contextmanager
def serving(path, *, binary=True, metadata=True, port=0):
    """(port, `State`) of a server of the model `colors`; its connections are cut at the end."""
    state = State(path, binary, metadata)
    handler = type("Handler", (_Handler,), {"state": state, "timeout": 5})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    connections = []
    accept = server.get_request

    def remembered():
        found = accept()
        connections.append(found[0])
        return found

    server.get_request = remembered
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], state
    finally:
        server.shutdown()
        server.server_close()
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(2)
            connection.close()
        thread.join()
