# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The status of a node on `/diagnostics`."""

from __future__ import annotations

from typing import NamedTuple

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue


class Health(NamedTuple):
    """How a node, or one of its cameras, is doing.

    Attributes:
        hardware_id: Camera or device.
        problem: What is worth a warning; empty: nothing.
        values: Figures by name.
        error: What makes the results useless; empty: nothing.
    """

    hardware_id: str = ""
    problem: str = ""
    values: dict[str, str] = {}  # noqa: RUF012 - never changed
    error: str = ""


def status(name: str, health: Health) -> DiagnosticStatus:
    """ERROR with `error` as the message, else WARN with `problem`, else OK."""
    level = (
        DiagnosticStatus.ERROR
        if health.error
        else DiagnosticStatus.WARN
        if health.problem
        else DiagnosticStatus.OK
    )
    return DiagnosticStatus(
        level=level,
        name=name,
        message=health.error or health.problem or "ok",
        hardware_id=health.hardware_id,
        values=[KeyValue(key=key, value=value) for key, value in health.values.items()],
    )


def array(stamp: object, statuses: list[DiagnosticStatus]) -> DiagnosticArray:
    message = DiagnosticArray(status=statuses)
    message.header.stamp = stamp
    return message
