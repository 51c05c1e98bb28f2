# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Figures of an evaluation, for people and for scripts."""

from __future__ import annotations

import json as json_format
from typing import Any

import typer


def print_figures(figures: dict[str, Any], json: bool) -> None:
    """Print figures as a table, or as one JSON object; nested ones get names with dots. Tables have no curves."""
    if json:
        typer.echo(json_format.dumps(figures))
        return
    figures = {name: value for name, value in figures.items() if name != "curve"}
    for name, value in _flat(figures):
        typer.echo(f"{name:<28} {'-' if value is None else value}")


def _flat(figures: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list) and (not value or isinstance(value[0], dict)):
            rows += [(f"{prefix}{name}", ", ".join(f"{k} {v}" for k, v in item.items())) for item in value]
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            rows.append((f"{prefix}{name}", shown))
    return rows
