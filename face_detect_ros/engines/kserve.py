# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A graph that a server computes, by the Open Inference Protocol (KServe V2) over HTTP; `kserve_grpc` is for gRPC.

Triton, KServe, OpenVINO Model Server and MLServer speak it. Arrays travel as bytes where the server offers that, else
as JSON. A server that does not answer is asked again after growing pauses, so that images never wait for it twice.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, urlsplit

import numpy as np

from face_detect_ros.core.errors import ConfigError, EngineError, WeightsError
from face_detect_ros.core.text import printable
from face_detect_ros.engines.protocol import Engine, Port

TOKEN_VARIABLE = "FACE_DETECT_ROS_SERVER_TOKEN"
"""Its value is sent as a bearer token, so that no address holds a secret."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
_BINARY = "binary_tensor_data"
_HEADER = "Inference-Header-Content-Length"
TYPES = {
    "BOOL": "?",
    "UINT8": "u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
NAMES = {np.dtype(form): name for name, form in TYPES.items()}
MOST_BYTES = 1 << 28  # of an answer


class ServerAwayError(RuntimeError):
    """The server does not answer, or cannot compute now."""


@dataclass(frozen=True)
class Address:
    """Where a model is served.

    Attributes:
        base: Of the server, such as ``http://gpu:8000``.
        model: Its name.
        version: Of the model; empty: the server's choice.
        timeout_s: Longest wait for an answer.
        fallback: Name of a detector that takes over while the server is away; empty: none.
        metadata: An ONNX file whose metadata the model has, for servers that do not pass it on; empty: none.
    """

    base: str
    model: str
    version: str = ""
    timeout_s: float = 2.0
    fallback: str = ""
    metadata: str = ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``http(s)://`` or ``grpc(s)://``, ``HOST:PORT/MODEL[/VERSION][?timeout_s=2&fallback=NAME]``.

        Raises:
            ConfigError: It is not such an address.
        """
        text = re.sub(r"^(https?|grpcs?):/+", r"\1://", text.strip())  # as a path it loses a slash
        shape = "http(s):// or grpc(s)://HOST:PORT/MODEL[/VERSION][?timeout_s=2&fallback=NAME&metadata=FILE]"
        try:
            url = urlsplit(text)
            parts = [part for part in url.path.split("/") if part]
            options = dict(parse_qsl(url.query, strict_parsing=bool(url.query)))
            timeout_s = float(options.pop("timeout_s", cls.timeout_s))
            fallback, metadata = options.pop("fallback", ""), options.pop("metadata", "")
            _ = url.port
        except ValueError as error:
            raise ConfigError(f"kserve: the address is not usable ({error}); give {shape}") from error
        if url.username or url.password:
            raise ConfigError(
                f"kserve: keep passwords out of the address; set {TOKEN_VARIABLE} to a bearer token"
            )
        if (
            url.scheme not in ("http", "https", "grpc", "grpcs")
            or not url.hostname
            or not 1 <= len(parts) <= 2
            or options
        ):
            raise ConfigError(f"kserve: the address is not usable; give {shape}")
        if not 0.01 <= timeout_s <= 600:
            raise ConfigError(f"kserve: timeout_s is {timeout_s:g}; give 0.01 to 600")
        return cls(
            f"{url.scheme}://{url.netloc}",
            parts[0],
            parts[1] if len(parts) > 1 else "",
            timeout_s,
            fallback,
            metadata,
        )

    @property
    def path(self) -> str:
        """Of the model on the server."""
        version = f"/versions/{quote(self.version, safe='')}" if self.version else ""
        return f"/v2/models/{quote(self.model, safe='')}{version}"

    def __str__(self) -> str:
        return f"{self.base}/{self.model}{f'/{self.version}' if self.version else ''}"


class KServeGraph:
    """An `Engine` whose graph is on a server. One thread at a time may use an instance.

    Args:
        address: Of the model.

    Raises:
        ConfigError: httpx2 is not installed.
        ServerAwayError: The server does not answer, or the model is not ready.
        WeightsError: There is no such model, or its description cannot be used.
    """

    def __init__(self, address: Address) -> None:
        try:
            import httpx2
        except ImportError as error:
            raise ConfigError(
                f"kserve needs httpx2, which is not installed ({error}): pip install httpx2"
            ) from error
        self._failures = httpx2.HTTPError, httpx2.InvalidURL
        self.address = address
        token = os.environ.get(TOKEN_VARIABLE)
        self._client = httpx2.Client(
            base_url=address.base,
            timeout=address.timeout_s,
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )
        try:
            self._binary = _BINARY in self._get("/v2", {}).get("extensions", ())
            described = self._get(address.path, None)
            self.inputs = tuple(_port(each) for each in described["inputs"])
            self.outputs = tuple(_port(each) for each in described["outputs"])
            self.metadata: Mapping[str, str] = _texts(self._get(f"{address.path}/config", {}), described)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            self.close()
            raise WeightsError(
                f"{address}: the server does not describe the model as expected ({error!r})"
            ) from error
        except BaseException:
            self.close()
            raise
        self.device = f"server {address.base.split('://')[1]}"

    def run(self, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """The outputs, in the order of the description. Raises ServerAwayError, and RuntimeError with its reason."""
        inputs, blobs = [], []
        for port in self.inputs:
            array = np.ascontiguousarray(feeds[port.name], port.dtype)
            described: dict[str, Any] = {
                "name": port.name,
                "shape": list(array.shape),
                "datatype": NAMES[array.dtype.newbyteorder("<") if array.itemsize > 1 else array.dtype],
            }
            if self._binary:
                blobs.append(array.tobytes())
                described["parameters"] = {"binary_data_size": len(blobs[-1])}
            else:
                described["data"] = array.reshape(-1).tolist()
            inputs.append(described)
        wanted = [{"name": port.name} for port in self.outputs]
        request: dict[str, Any] = {"inputs": inputs, "outputs": wanted}
        headers = {"Content-Type": "application/json"}
        if self._binary:
            request["parameters"] = {"binary_data_output": True}
        head = json.dumps(request).encode()
        if self._binary:
            headers = {"Content-Type": "application/octet-stream", _HEADER: str(len(head))}
        answer, tail = self._post(f"{self.address.path}/infer", b"".join((head, *blobs)), headers)
        try:
            found = _arrays(answer, tail)
            outputs = [found[port.name] for port in self.outputs]
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
            raise RuntimeError(
                f"{self.address}: the answer cannot be read ({type(error).__name__}: {error})"
            ) from error
        return [
            checked_output(self.address, port, each) for port, each in zip(self.outputs, outputs, strict=True)
        ]

    def ready(self) -> bool:
        """Whether the model can be used now."""
        try:
            return bool(self._client.get(f"{self.address.path}/ready").status_code == 200)
        except self._failures:
            return False

    def close(self) -> None:
        """Close the connection. Calling it twice is fine."""
        self._client.close()

    def _get(self, path: str, default: Any) -> Any:
        """A JSON object. default: for a server that has nothing there; None: that is an error."""
        status, data, _ = self._ask("GET", path)
        if status == 429 or (status >= 500 and status != 501):  # 501: it does not have this, now or later
            raise ServerAwayError(f"{self.address}: is not ready (HTTP {status})")
        if status != 200 and default is not None:
            return default
        if status != 200:
            raise WeightsError(f"{self.address}: no such model (HTTP {status}{_error(data)})")
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise WeightsError(f"{self.address.base}: answers, but not as an inference server") from error

    def _post(self, path: str, content: bytes, headers: Mapping[str, str]) -> tuple[Any, bytes]:
        """(JSON, bytes behind it) of an answer."""
        status, data, told = self._ask("POST", path, content=content, headers=dict(headers))
        if status >= 500 or status in (404, 429):
            raise ServerAwayError(f"{self.address}: HTTP {status}{_error(data)}")
        if status != 200:
            raise RuntimeError(f"{self.address}: refused (HTTP {status}{_error(data)})")
        try:
            size = int(told.get(_HEADER, len(data)))
            return json.loads(data[:size]), data[size:]
        except (ValueError, RecursionError) as error:
            raise RuntimeError(f"{self.address}: the answer is not JSON ({_reason(error)})") from error

    def _ask(self, method: str, path: str, **given: Any) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and headers of an answer, which may neither be endless nor take for ever."""
        pieces, size = [], 0
        try:
            with self._client.stream(method, path, **given) as answer:
                began_s = time.monotonic()
                for piece in answer.iter_bytes():
                    pieces.append(piece)
                    size += len(piece)
                    if size > MOST_BYTES:
                        raise ServerAwayError(f"{self.address}: its answer has more than {MOST_BYTES} bytes")
                    if time.monotonic() - began_s > self.address.timeout_s:
                        raise ServerAwayError(f"{self.address}: its answer takes too long")
        except self._failures as error:
            raise ServerAwayError(f"{self.address.base} does not answer ({_reason(error)})") from error
        return answer.status_code, b"".join(pieces), answer.headers


class RemoteGraph(Engine, Protocol):
    """A graph on a server."""

    def close(self) -> None:
        """Close the connection. Calling it twice is fine."""
        ...


class Pauses:
    """When to ask a server again that did not answer: after pauses that double."""

    def __init__(self, clock: Any = time.monotonic) -> None:
        self._clock = clock
        self._pause_s = 0.0
        self._next_s = float("-inf")

    @property
    def due(self) -> bool:
        """Whether it may be asked now."""
        return bool(self._clock() >= self._next_s)

    def failed(self) -> None:
        """It did not answer."""
        self._pause_s = min(max(2 * self._pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
        self._next_s = self._clock() + self._pause_s

    def answered(self) -> None:
        """It did."""
        self._pause_s, self._next_s = 0.0, float("-inf")


def create(address: Address) -> RemoteGraph:
    """The graph at an address. Raises EngineError if the server does not answer, else as `KServeGraph`."""
    try:
        if address.base.startswith("grpc"):
            from face_detect_ros.engines.kserve_grpc import GrpcGraph

            return GrpcGraph(address)
        return KServeGraph(address)
    except ServerAwayError as error:
        raise EngineError(f"{error}; is it running, and reachable from here?") from error


def checked_output(address: Address, port: Port, array: np.ndarray) -> np.ndarray:
    """Check that an output is what the server said that it would be.

    Args:
        address: Of the model.
        port: The output as the server describes it; of unknown shape, any shape is right.
        array: As it came.

    Returns:
        The array.

    Raises:
        RuntimeError: It has another type or number of axes.
    """
    other_shape = port.shape and array.ndim != len(port.shape)
    if (port.dtype is not None and array.dtype != port.dtype) or other_shape:
        raise RuntimeError(
            f"{address}: the answer has {array.dtype} of shape {array.shape} for the output {port}; "
            "the server describes its model wrongly"
        )
    return array


def _port(described: Mapping[str, Any]) -> Port:
    form = TYPES.get(described["datatype"])
    shape = tuple(int(size) if int(size) > 0 else None for size in described.get("shape") or ())
    return Port(str(described["name"]), shape, None if form is None else np.dtype(form))


def _arrays(answer: Mapping[str, Any], tail: bytes) -> dict[str, np.ndarray]:
    """The outputs by name. Raises ValueError, KeyError, TypeError."""
    found, at = {}, 0
    for output in answer["outputs"]:
        dtype = np.dtype(TYPES[output["datatype"]])
        shape = [int(size) for size in output["shape"]]
        size = output.get("parameters", {}).get("binary_data_size")
        if size is None:
            values = np.array(output["data"], dtype)
        else:
            values = np.frombuffer(tail[at : at + int(size)], dtype)
            at += int(size)
        found[str(output["name"])] = values.reshape(shape)
    return found


def _texts(config: Mapping[str, Any], described: Mapping[str, Any]) -> dict[str, str]:
    """What the server says about the model beyond its shapes: Triton's parameters, or those of its metadata."""
    found = {}
    for source in (described.get("parameters"), config.get("parameters")):
        for key, value in (source or {}).items():
            text = value.get("string_value") if isinstance(value, Mapping) else value
            if isinstance(text, str):
                found[str(key)] = text
    return found


def _error(content: bytes) -> str:
    """What a server says went wrong, in a few words."""
    try:
        text = str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return f": {printable(' '.join(text.split()))[:200]}"


def _reason(error: Exception) -> str:
    return printable(" ".join(str(error).split()))[:500] or type(error).__name__
