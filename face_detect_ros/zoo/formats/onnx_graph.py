# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Small edits of an ONNX file's bytes, without the package `onnx`, which robots rarely have.

An ONNX file is a protocol buffer: fields of (number, wire type, payload), nested. Only the graph's lists of inputs and
outputs, and the texts beside it, are rewritten here; nodes and weights are copied as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
# field numbers in onnx.proto
_MODEL_GRAPH, _MODEL_METADATA = 7, 14
_GRAPH_NODE, _NODE_KIND = 1, 4
_GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_VALUE_INFO = 5, 11, 12, 13
_TENSOR_NAME = 8
_TENSOR_DATA_LOCATION, _EXTERNAL = 14, 1
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_VALUE_NAME, _VALUE_TYPE = 1, 2
_TYPE_TENSOR, _TENSOR_SHAPE, _SHAPE_DIM, _DIM_VALUE, _DIM_PARAM = 1, 2, 1, 1, 2

_WITH_TENSORS: dict[str, dict[int, str]] = {
    "model": {_MODEL_GRAPH: "graph"},
    "graph": {_GRAPH_NODE: "node", _GRAPH_INITIALIZER: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
"""What may hold tensors, by the message that it is in and the number of its field."""

Field = tuple[int, int, int, int, int]
"""Number, wire type, where the field starts, where its payload starts, and where it ends, in bytes."""


def free_axes(content: bytes, axes: tuple[int, ...] = (0, 2, 3)) -> bytes:
    """The model with `axes` of its inputs and outputs free, and its weights as constants.

    A fully convolutional network then takes images of any size, also where the file was exported for one. Files of old
    exporters list each weight as an input that a caller might replace; ONNX Runtime then folds no batch normalization
    into a convolution and takes twice as long.

    Args:
        content: an ONNX file.
        axes: of (batch, channels, height, width), for example.

    Raises:
        ValueError: for bytes that are not an ONNX file.
    """
    edited = b""
    for number, wire, start, payload, end in _fields(memoryview(content)):
        graph = number == _MODEL_GRAPH and wire == _LENGTH
        edited += _with_length(number, _graph(content[payload:end], axes)) if graph else content[start:end]
    return edited


def free_outputs(content: bytes) -> bytes:
    """Free all axes of the outputs except the last, if an input has a side of any size.

    Exporters often leave the sizes of one example on the outputs, which then contradict every other size of input.

    Raises:
        ValueError: for bytes that are not an ONNX file.
    """
    view = memoryview(content)
    edited = b""
    for number, wire, start, payload, end in _fields(view):
        if number != _MODEL_GRAPH or wire != _LENGTH:
            edited += content[start:end]
            continue
        graph = view[payload:end]
        fields = list(_fields(graph))
        if not any(None in _dims(graph[a:b])[2:] for n, _, _, a, b in fields if n == _GRAPH_INPUT):
            return content
        parts = []
        for n, _, first, a, b in fields:
            if n == _GRAPH_OUTPUT:
                axes = tuple(range(len(_dims(graph[a:b])) - 1))
                parts.append(_with_length(n, _value(bytes(graph[a:b]), axes)))
            else:
                parts.append(bytes(graph[first:b]))
        edited += _with_length(number, b"".join(parts))
    return edited


def _dims(value: memoryview) -> list[int | None]:
    """Sizes of a ValueInfoProto, None where one is free."""
    for wanted in (_VALUE_TYPE, _TYPE_TENSOR, _TENSOR_SHAPE):
        found = [value[a:b] for n, wire, _, a, b in _fields(value) if (n, wire) == (wanted, _LENGTH)]
        if not found:
            return []
        value = found[0]
    sizes: list[int | None] = []
    for n, _, _, a, b in _fields(value):
        if n == _SHAPE_DIM:
            given = [
                _varint(value[a:b], at)[0] for kind, _, _, at, _ in _fields(value[a:b]) if kind == _DIM_VALUE
            ]
            sizes.append(given[0] if given and given[0] > 0 else None)
    return sizes


def metadata(content: bytes) -> dict[str, str]:
    """The texts that an ONNX file carries, by key. Raises ValueError for bytes that are not an ONNX file."""
    view = memoryview(content)
    entries = [
        view[payload:end]
        for number, wire, _, payload, end in _fields(view)
        if (number, wire) == (_MODEL_METADATA, _LENGTH)
    ]
    return {_text(entry, _ENTRY_KEY): _text(entry, _ENTRY_VALUE) for entry in entries}


def output_names(content: bytes) -> list[str]:
    """Names of the graph's outputs, in order. Raises ValueError for bytes that are not an ONNX file."""
    view = memoryview(content)
    for number, wire, _, payload, end in _fields(view):
        if (number, wire) == (_MODEL_GRAPH, _LENGTH):
            graph = view[payload:end]
            return [
                _text(graph[payload:end], _VALUE_NAME)
                for number, wire, _, payload, end in _fields(graph)
                if (number, wire) == (_GRAPH_OUTPUT, _LENGTH)
            ]
    raise ValueError("not an ONNX file: it holds no graph")


def in_one_file(content: bytes) -> bool:
    """Whether no weights lie in a second file. Raises ValueError for bytes that are not an ONNX file."""
    messages = [("model", memoryview(content))]
    while messages:
        kind, message = messages.pop()
        for number, wire, _, payload, end in _fields(message):
            if kind == "tensor":
                external = (number, wire) == (_TENSOR_DATA_LOCATION, _VARINT)
                if external and _varint(message, payload)[0] == _EXTERNAL:
                    return False
            elif wire == _LENGTH and number in _WITH_TENSORS[kind]:
                messages.append((_WITH_TENSORS[kind][number], message[payload:end]))
    return True


def with_metadata(content: bytes, texts: Mapping[str, str]) -> bytes:
    """The same file with more texts, which must have new keys."""
    entries = (
        _with_length(_ENTRY_KEY, key.encode()) + _with_length(_ENTRY_VALUE, text.encode())
        for key, text in texts.items()
    )
    return content + b"".join(_with_length(_MODEL_METADATA, entry) for entry in entries)


def first_nodes(content: bytes, count: int) -> list[str]:
    """Kinds of the graph's first `count` nodes, such as "Conv". Raises ValueError for another file."""
    kinds: list[str] = []
    view = memoryview(content)
    for number, wire, _, payload, end in _fields(view):
        if number == _MODEL_GRAPH and wire == _LENGTH:
            graph = view[payload:end]
            for inner, _, _, first, last in _fields(graph):
                if inner == _GRAPH_NODE:
                    kinds.append(_text(graph[first:last], _NODE_KIND))
    return kinds[:count]


def _graph(content: bytes, axes: tuple[int, ...]) -> bytes:
    view = memoryview(content)
    fields = list(_fields(view))
    weights = {
        _text(view[payload:end], _TENSOR_NAME)
        for number, _, _, payload, end in fields
        if number == _GRAPH_INITIALIZER
    }
    parts = []
    for number, _, start, payload, end in fields:
        if number in (_GRAPH_INPUT, _GRAPH_OUTPUT):
            if _text(view[payload:end], _VALUE_NAME) not in weights:
                parts.append(_with_length(number, _value(content[payload:end], axes)))
        elif number != _GRAPH_VALUE_INFO:  # shapes within the graph would contradict the free ones
            parts.append(content[start:end])
    return b"".join(parts)


def _value(content: bytes, axes: tuple[int, ...]) -> bytes:
    """A ValueInfoProto with free axes."""
    path = (_VALUE_TYPE, _TYPE_TENSOR, _TENSOR_SHAPE)
    return _edit(content, path, axes, _text(memoryview(content), _VALUE_NAME))


def _edit(content: bytes, path: tuple[int, ...], axes: tuple[int, ...], name: str) -> bytes:
    edited, axis = b"", 0
    for number, wire, start, payload, end in _fields(memoryview(content)):
        if path and number == path[0] and wire == _LENGTH:
            edited += _with_length(number, _edit(content[payload:end], path[1:], axes, name))
        elif not path and number == _SHAPE_DIM:
            free = _with_length(_DIM_PARAM, f"{name}_{axis}".encode())
            edited += _with_length(number, free) if axis in axes else content[start:end]
            axis += 1
        else:
            edited += content[start:end]
    return edited


def _fields(view: memoryview) -> Iterator[Field]:
    """The fields of one message. Raises ValueError where they do not fill it exactly."""
    position = 0
    while position < len(view):
        start = position
        tag, position = _varint(view, position)
        wire = tag & 7
        payload = position
        if wire == _VARINT:
            _, position = _varint(view, position)
        elif wire == _LENGTH:
            length, payload = _varint(view, position)
            position = payload + length
        elif wire in (_FIXED64, _FIXED32):
            position += 8 if wire == _FIXED64 else 4
        else:
            raise ValueError("not an ONNX file: unknown kind of field")
        if position > len(view) or tag >> 3 == 0:
            raise ValueError("not an ONNX file: a field is longer than its message")
        yield tag >> 3, wire, start, payload, position


def _text(view: memoryview, wanted: int) -> str:
    for number, wire, _, payload, end in _fields(view):
        if number == wanted and wire == _LENGTH:
            return bytes(view[payload:end]).decode(errors="replace")
    return ""


def _varint(view: memoryview, position: int) -> tuple[int, int]:
    """(value, where it ends)."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(view):
            break
        byte = view[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
    raise ValueError("not an ONNX file: a number does not end")


def _with_length(number: int, payload: bytes) -> bytes:
    return _encoded(number << 3 | _LENGTH) + _encoded(len(payload)) + payload


def _encoded(value: int) -> bytes:
    digits = bytearray()
    while True:
        value, digit = value >> 7, value & 0x7F
        digits.append(digit | 0x80 if value else digit)
        if not value:
            return bytes(digits)
