# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The status of a node on `/diagnostics`."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue


def status(name: str, hardware_id: str, error: str, problem: str, values: dict[str, str]) -> DiagnosticStatus:
    """ERROR with `error` as the message, else WARN with `problem`, else OK."""
    level = DiagnosticStatus.ERROR if error else DiagnosticStatus.WARN if problem else DiagnosticStatus.OK
    return DiagnosticStatus(
        level=level,
        name=name,
        message=error or problem or "ok",
        hardware_id=hardware_id,
        values=[KeyValue(key=key, value=value) for key, value in values.items()],
    )


def array(stamp: object, statuses: list[DiagnosticStatus]) -> DiagnosticArray:
    message = DiagnosticArray(status=statuses)
    message.header.stamp = stamp
    return message
