# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Parameters of other nodes as values that a page can show, and back."""

from __future__ import annotations

from typing import Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter, ParameterDescriptor, ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.ros.viewer.calls import Calls

_FIELDS = {
    ParameterType.PARAMETER_BOOL: ("bool", "bool_value"),
    ParameterType.PARAMETER_INTEGER: ("int", "integer_value"),
    ParameterType.PARAMETER_DOUBLE: ("float", "double_value"),
    ParameterType.PARAMETER_STRING: ("string", "string_value"),
}
_AT_CONFIGURE = " Takes effect at the next configure."
_CHOICES = "one of: "
# of ROS itself
_NOT_SHOWN = ("use_sim_time", "start_type_description_service", "qos_overrides", "autostart")


async def described(calls: Calls, node: str) -> list[dict[str, Any]]:
    """The parameters of `node`, as the page shows them. Raises DetectorError if it does not answer."""
    listed = await calls.call(ListParameters, f"{node}/list_parameters", ListParameters.Request())
    names = [name for name in listed.result.names if not name.startswith(_NOT_SHOWN)]
    values = await calls.call(GetParameters, f"{node}/get_parameters", GetParameters.Request(names=names))
    descriptors = await calls.call(
        DescribeParameters, f"{node}/describe_parameters", DescribeParameters.Request(names=names)
    )
    return [
        _as_json(descriptor, value)
        for descriptor, value in zip(descriptors.descriptors, values.values, strict=False)
        if value.type in _FIELDS
    ]


async def get(calls: Calls, node: str, name: str) -> Any:
    """The value of a parameter; None if the node has none of that name."""
    answer = await calls.call(GetParameters, f"{node}/get_parameters", GetParameters.Request(names=[name]))
    if not answer.values or answer.values[0].type not in _FIELDS:
        return None
    return getattr(answer.values[0], _FIELDS[answer.values[0].type][1])


async def set_value(calls: Calls, node: str, name: str, value: bool | int | float | str) -> None:
    """Set a parameter. Raises ConfigError with the node's reason if it refuses."""
    request = SetParameters.Request(parameters=[Parameter(name=name, value=_message(value))])
    answer = await calls.call(SetParameters, f"{node}/set_parameters", request)
    refused = [result for result in answer.results if not result.successful]
    if refused:
        raise ConfigError(refused[0].reason or f"{node} refuses {name}")


async def reconfigure(calls: Calls, node: str) -> None:
    """Take a managed node through cleanup and configure, and back to active. Raises ConfigError if that fails."""
    state = (await calls.call(GetState, f"{node}/get_state", GetState.Request())).current_state.label
    steps = [Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE]
    if state in ("inactive", "active"):
        steps.insert(0, Transition.TRANSITION_CLEANUP)
    if state == "active":
        steps.insert(0, Transition.TRANSITION_DEACTIVATE)
    for step in steps:
        request = ChangeState.Request(transition=Transition(id=step))
        if not (await calls.call(ChangeState, f"{node}/change_state", request)).success:
            raise ConfigError(f"{node} cannot be reconfigured from state {state}; its diagnostics say why")


def _as_json(descriptor: ParameterDescriptor, value: ParameterValue) -> dict[str, Any]:
    kind, field = _FIELDS[value.type]
    ranges = [*descriptor.floating_point_range, *descriptor.integer_range]
    constraint = descriptor.additional_constraints
    return {
        "name": descriptor.name,
        "type": kind,
        "value": getattr(value, field),
        "description": descriptor.description.removesuffix(_AT_CONFIGURE),
        "at_configure": descriptor.description.endswith(_AT_CONFIGURE),
        "read_only": descriptor.read_only,
        "range": [ranges[0].from_value, ranges[0].to_value] if ranges else None,
        "choices": constraint.removeprefix(_CHOICES).split(", ") if constraint.startswith(_CHOICES) else [],
    }


def _message(value: bool | int | float | str) -> ParameterValue:
    if isinstance(value, bool):
        return ParameterValue(type=ParameterType.PARAMETER_BOOL, bool_value=value)
    if isinstance(value, int):
        return ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=value)
    if isinstance(value, float):
        return ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=value)
    return ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=value)
