# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A frozen dataclass as a node's parameters.

Each field becomes a declared parameter with its description, range and read-only flag; the dataclass is the one
place where the default stands. `Parameters.in_use` is always a complete, valid snapshot: code that reads it once
per frame sees a change between two frames, never in the middle of one.
"""

from __future__ import annotations

import dataclasses
import difflib
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.ros import rclpy_internals

T = TypeVar("T")

_NAMES_OF_ROS = ("use_sim_time", "start_type_description_service", "qos_overrides")


def parameter(
    default: Any,
    description: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    read_only: bool = False,
    at_configure: bool = False,
    listing: bool = False,
    view: bool = False,
    safe_value: Any = None,
) -> Any:
    """A dataclass field that is a ROS parameter of type bool, int, float or str.

    Args:
        default: Also says the type.
        description: What `ros2 param describe` and docs/parameters.md show.
        minimum, maximum: Bounds of a number, both allowed; None: no bound.
        choices: The values that a text may have; empty: any.
        read_only: Fixed once the node exists.
        at_configure: May change at any time, is used at the next configure.
        listing: A text of names with commas between them; a list of texts is accepted too.
        view: Chooses what is shown; may be changed on a locked node too.
        safe_value: Value that may be set on a locked node too.
    """
    if (minimum is None) != (maximum is None):
        raise TypeError("give both ends of a range: a parameter descriptor has no half-open ones")
    metadata = {
        "description": description,
        "range": None if minimum is None else (minimum, maximum),
        "choices": choices,
        "read_only": read_only,
        "at_configure": at_configure,
        "listing": listing,
        "view": view,
        "safe_value": safe_value,
    }
    return dataclasses.field(default=default, metadata=metadata)


def redefault(schema: type, name: str, default: Any) -> Any:
    """A parameter with another default, for a subclass.

    Args:
        schema: Dataclass of the base class.
        name: Of the parameter.
        default: For the subclass.

    Returns:
        The field to assign in the subclass.
    """
    field = next(field for field in dataclasses.fields(schema) if field.name == name)
    return dataclasses.field(default=default, metadata=field.metadata)


def descriptor(field: dataclasses.Field[Any]) -> ParameterDescriptor:
    """The rcl_interfaces/ParameterDescriptor of a field made by `parameter`."""
    spec = field.metadata
    message = ParameterDescriptor(description=spec["description"], read_only=spec["read_only"])
    # rclpy refuses 1 for 1.0; this package takes it, and checks the type itself
    message.dynamic_typing = isinstance(field.default, float) or spec["listing"]
    if spec["at_configure"]:
        message.description += " Takes effect at the next configure."
    if spec["choices"]:
        message.additional_constraints = "one of: " + ", ".join(spec["choices"])
    if spec["range"] and isinstance(field.default, float):
        low, high = map(float, spec["range"])
        message.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    elif spec["range"]:
        low, high = spec["range"]
        message.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
    return message


class Parameters(Generic[T]):
    """Declares the fields of a frozen dataclass on a node and keeps a snapshot of their values.

    Args:
        node: That the parameters belong to.
        schema: The dataclass.
        on_change: Called with (new, old) on the thread of the node's executor after a change was accepted; a
            ConfigError that it raises rejects the change with that reason.

    Attributes:
        value: The latest snapshot, as set.
        in_use: The same, but what takes effect at configure is as it was at the latest `hold`.

    Raises:
        ConfigError: An initial value has the wrong type or is out of range.
    """

    def __init__(self, node: Node, schema: type[T], on_change: Callable[[T, T], None] | None = None) -> None:
        self._names = {field.name for field in dataclasses.fields(schema)}  # type: ignore[arg-type]
        self._at_configure = {
            field.name: field.metadata["at_configure"]
            for field in dataclasses.fields(schema)  # type: ignore[arg-type]
        }
        self._schema = schema
        self._node = node
        self._logger = node.get_logger()
        self._on_change = on_change
        values = {}
        for field in dataclasses.fields(schema):  # type: ignore[arg-type]
            try:
                values[field.name] = node.declare_parameter(
                    field.name, field.default, descriptor(field)
                ).value
            except (InvalidParameterTypeException, InvalidParameterValueException) as error:
                given = rclpy_internals.initial_override(node, field.name)
                remedy = _type(field) if isinstance(error, InvalidParameterTypeException) else _allowed(field)
                raise ConfigError(
                    f"{node.get_fully_qualified_name()}: parameter {field.name} is {given!r}; {remedy}"
                ) from None
        try:
            self.value: T = self._validated(values)
        except ConfigError as error:
            raise ConfigError(f"{node.get_fully_qualified_name()}: {error}") from None
        self._held: dict[str, Any] = {}
        self.in_use: T = self.value
        node.add_on_set_parameters_callback(self._on_set)

    def hold(self) -> None:
        """Configure: use what is set now, and of later changes only those that need no configure."""
        self._held = {name: getattr(self.value, name) for name, late in self._at_configure.items() if late}
        self.in_use = self.value

    def release(self) -> None:
        """No longer configured: every change is in use at once."""
        self._held = {}
        self.in_use = self.value

    def until_configure(self, new: T) -> T:
        """The part of the snapshot `new` that needs no configure; the rest as it is in use."""
        return dataclasses.replace(new, **self._held)  # type: ignore[type-var]

    def _validated(self, values: dict[str, Any]) -> T:
        values = dict(values)
        for field in dataclasses.fields(self._schema):  # type: ignore[arg-type]
            if isinstance(field.default, float):
                values[field.name] = _number(field, values[field.name])
            if field.metadata["listing"]:
                values[field.name] = _names(field, values[field.name])
            choices = field.metadata["choices"]
            if choices and values[field.name] not in choices:
                raise ConfigError(f"parameter {field.name} is {values[field.name]!r}; {_allowed(field)}")
        return self._schema(**values)

    def _on_set(self, changed: list[Parameter[Any]]) -> SetParametersResult:
        old = self.value
        # what is only being declared, such as qos_overrides of a new topic, is no change
        known = [p.name for p in changed if self._node.has_parameter(p.name)]
        fixed = sorted(p.name for p in changed if p.name in known and not _open_if_locked(self._schema, p))
        if getattr(old, "locked", False) and fixed:
            reason = f"{', '.join(fixed)}: the node is locked; start it with locked:=false to change it"
            return SetParametersResult(successful=False, reason=reason)
        # other parameters of the node (use_sim_time, qos_overrides) are not ours to check
        changes = {p.name: p.value for p in changed if p.name in self._names}
        if not changes:
            return SetParametersResult(successful=True)
        try:
            new = self._validated({**dataclasses.asdict(old), **changes})  # type: ignore[call-overload]
            if self._on_change is not None:
                self._on_change(new, old)
            in_use = self.until_configure(new)
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        except Exception as error:  # noqa: BLE001 - whoever sets a parameter gets an answer, and the node goes on
            trace = traceback.format_exc()
            self._logger.error(f"{', '.join(changes)} cannot be checked: {trace}")
            return SetParametersResult(successful=False, reason=f"{type(error).__name__}: {error}")
        self.value, self.in_use = new, in_use
        late = sorted(name for name in changes if self._at_configure[name])
        if late:  # rclpy drops the reason of a success
            self._logger.info(f"{', '.join(late)}: takes effect at the next configure")
        return SetParametersResult(successful=True)


def _open_if_locked(schema: type, changed: Parameter[Any]) -> bool:
    """Whether a locked node accepts a change."""
    spec = next((field.metadata for field in dataclasses.fields(schema) if field.name == changed.name), None)
    if spec is None or changed.value is None:
        return False
    return spec["view"] or changed.value == spec["safe_value"]


def _number(field: dataclasses.Field[Any], value: Any) -> float:
    """The value of a parameter that is a float, given as a float or an integer. Raises ConfigError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f"parameter {field.name} is {value!r}; {_type(field)}")
    limits = field.metadata["range"]
    if limits and not limits[0] <= value <= limits[1]:  # NaN is outside
        raise ConfigError(f"parameter {field.name} is {value!r}; {_allowed(field)}")
    return float(value)


def _names(field: dataclasses.Field[Any], value: Any) -> str:
    """The value of a listing, given as a text or a list. Raises ConfigError."""
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence) and all(isinstance(name, str) for name in value):
        return ", ".join(value)
    raise ConfigError(f"parameter {field.name} is {value!r}; give names, such as [front, left]")


def unknown_overrides(names: Iterable[str], known: Iterable[str]) -> list[tuple[str, str]]:
    """Parameters that were given and that no node has, each with the most similar name there is, or "".

    Args:
        names: What was given.
        known: What there is. Names that ROS itself understands need not be among them.
    """
    known = sorted(known)
    strange = [
        name for name in names if name not in known and not name.startswith(_NAMES_OF_ROS) and "." not in name
    ]
    return [(name, (difflib.get_close_matches(name, known, 1, 0.6) or [""])[0]) for name in strange]


def _allowed(field: dataclasses.Field[Any]) -> str:
    if field.metadata["choices"]:
        return "give one of " + ", ".join(field.metadata["choices"])
    if field.metadata["range"]:
        low, high = field.metadata["range"]
        return f"give a value from {low} to {high}"
    return _type(field)


def _type(field: dataclasses.Field[Any]) -> str:
    if isinstance(field.default, bool):
        return "give true or false"
    if isinstance(field.default, int):
        return f"give a whole number, such as {field.default}"
    if isinstance(field.default, float):
        return f"give a number, such as {field.default}"
    return f"give a text; one that looks like something else needs quotes: -p {field.name}:='\"007\"'"


def markdown_table(schema: type) -> str:
    """The parameters of `schema` as the table that the README shows."""
    rows = ["| parameter | default | range | what it does |", "| --- | --- | --- | --- |"]
    for field in dataclasses.fields(schema):
        spec = field.metadata
        default = str(field.default).lower() if isinstance(field.default, bool) else field.default
        default = f"`{default}`" if default != "" else "(empty)"
        span = "{} to {}".format(*spec["range"]) if spec["range"] else ", ".join(spec["choices"])
        when = " (read-only)" if spec["read_only"] else " (at configure)" if spec["at_configure"] else ""
        rows.append(f"| `{field.name}` | {default} | {span} | {spec['description']}{when} |")
    return "\n".join(rows)
