# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A graph that a server computes, by the Open Inference Protocol over gRPC (`tritonclient`).

Every server of the protocol takes arrays as bytes over gRPC, also those that want JSON over HTTP, as MLServer does.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from face_detect_ros.core.errors import ConfigError, WeightsError
from face_detect_ros.core.text import printable
from face_detect_ros.engines.kserve import (
    MOST_BYTES,
    NAMES,
    TOKEN_VARIABLE,
    TYPES,
    Address,
    ServerAwayError,
    checked_output,
)
from face_detect_ros.engines.protocol import Port

# as over HTTP, where a server answers 404 for a model that it has unloaded, and 500 where it fails itself
_AWAY = (
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "CANCELLED",
    "RESOURCE_EXHAUSTED",
    "NOT_FOUND",
    "INTERNAL",
    "UNKNOWN",
)
_ABSENT = ("NOT_FOUND", "INVALID_ARGUMENT")


class GrpcGraph:
    """An `Engine` whose graph is on a server. One thread at a time may use an instance.

    Args:
        address: Of the model; ``grpc://`` or, with TLS, ``grpcs://``.

    Raises:
        ConfigError: tritonclient is not installed.
        ServerAwayError: The server does not answer, or the model is not ready.
        WeightsError: There is no such model, or its description cannot be used.
    """

    def __init__(self, address: Address) -> None:
        try:
            from tritonclient import grpc
            from tritonclient.utils import InferenceServerException
        except (ImportError, RuntimeError) as error:  # RuntimeError: without its gRPC part
            raise ConfigError(
                f"kserve over gRPC needs tritonclient, which is not installed ({error}): "
                "pip install 'tritonclient[grpc]', or give an http:// address"
            ) from error
        self._grpc, self._failure = grpc, InferenceServerException
        self.address = address
        scheme, host = address.base.split("://")
        token = os.environ.get(TOKEN_VARIABLE)
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        bounds = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", MOST_BYTES)]
        try:
            self._client = grpc.InferenceServerClient(host, ssl=scheme == "grpcs", channel_args=bounds)
        except (InferenceServerException, ValueError) as error:
            raise ConfigError(f"{address}: cannot be used as an address ({error})") from error
        try:
            described = self._ask(self._client.get_model_metadata)
            self.inputs = tuple(_port(each) for each in described.inputs)
            self.outputs = tuple(_port(each) for each in described.outputs)
            self.metadata: Mapping[str, str] = self._texts(described)
        except (AttributeError, TypeError, ValueError) as error:
            self.close()
            raise WeightsError(
                f"{address}: the server does not describe the model as expected ({error!r})"
            ) from error
        except BaseException:
            self.close()
            raise
        self.device = f"server {host}"

    def run(self, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """The outputs, in the order of the description. Raises ServerAwayError, and RuntimeError with its reason."""
        inputs = []
        for port in self.inputs:
            array = np.ascontiguousarray(feeds[port.name], port.dtype)
            value = self._grpc.InferInput(port.name, list(array.shape), NAMES[array.dtype])
            value.set_data_from_numpy(array)
            inputs.append(value)
        wanted = [self._grpc.InferRequestedOutput(port.name) for port in self.outputs]
        try:
            answer = self._client.infer(
                self.address.model,
                inputs,
                self.address.version,
                outputs=wanted,
                headers=self._headers,
                client_timeout=self.address.timeout_s,
            )
        except self._failure as error:
            raise self._why(error) from error
        found = []
        for port in self.outputs:
            try:
                array = answer.as_numpy(port.name)
            except (self._failure, ValueError, TypeError, struct.error, OverflowError) as error:
                raise RuntimeError(
                    f"{self.address}: the answer cannot be read ({type(error).__name__}: {error})"
                ) from error
            if array is None:
                raise RuntimeError(f"{self.address}: the answer has no output {port.name}")
            found.append(np.array(checked_output(self.address, port, array)))
        return found

    def close(self) -> None:
        """Close the connection. Calling it twice is fine."""
        self._client.close()

    def _ask(self, call: Any) -> Any:
        try:
            return call(
                self.address.model,
                self.address.version,
                headers=self._headers,
                client_timeout=self.address.timeout_s,
            )
        except self._failure as error:
            found = self._why(error)
            if any(word in str(error.status()) for word in _ABSENT):
                raise WeightsError(f"{self.address}: no such model ({found})") from error
            if isinstance(found, ServerAwayError):
                raise found from error
            raise WeightsError(str(found)) from error

    def _why(self, error: Any) -> RuntimeError:
        told = printable(" ".join(str(error.message()).split()))[:200]
        reason = f"{self.address}: {told} ({error.status()})"
        away = any(word in str(error.status()) for word in _AWAY)
        return ServerAwayError(reason) if away else RuntimeError(reason)

    def _texts(self, described: Any) -> dict[str, str]:
        """What the server says about the model beyond its shapes."""
        found: dict[str, str] = {}
        for key, value in getattr(described, "parameters", {}).items():
            if getattr(value, "string_param", ""):
                found[str(key)] = str(value.string_param)
        try:
            config = self._ask(self._client.get_model_config).config  # Triton's own
            found.update({str(key): str(value.string_value) for key, value in config.parameters.items()})
        except (WeightsError, AttributeError):
            pass  # other servers do not have this; one that is away has not said so
        return found


def _port(described: Any) -> Port:
    form = TYPES.get(described.datatype)
    shape = tuple(int(size) if int(size) > 0 else None for size in described.shape)
    return Port(str(described.name), shape, None if form is None else np.dtype(form))
