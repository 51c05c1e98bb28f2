# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The sections of a page about a benchmark."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from face_detect_ros.reports import charts
from face_detect_ros.reports.charts import Bar
from face_detect_ros.reports.document import Document, is_number

_UNITS = ("ms", "s", "hz", "percent", "mb")  # how names of figures end
_SHOWN_UNITS = {"hz": "Hz", "percent": "%", "mb": "MB"}
_LEVEL = 1.1  # less is noise
Row = Mapping[str, Any]


def is_bench(found: Mapping[str, Any]) -> bool:
    """Whether figures are those of `bench`."""
    rows = found.get("rows")
    return isinstance(rows, list) and all(isinstance(row, dict) for row in rows)


def add_bench(page: Document, found: dict[str, Any]) -> None:
    """Add the rows of a benchmark to a page; they are taken out of `found`."""
    rows = found.pop("rows")
    if all({"name", "unit", "ours"} <= set(row) for row in rows):
        _add_beside_peers(page, rows)
    else:
        _add_rows(page, rows)


def _add_beside_peers(page: Document, rows: Sequence[Row]) -> None:
    """Bars beside the peers, by unit."""
    beside = [row["peer"] / row["ours"] for row in rows if is_number(row.get("peer")) and row["ours"] > 0]
    goals = [row["ours"] <= row["goal"] for row in rows if is_number(row.get("goal"))]
    tiles: list[tuple[str, str | int]] = [("figures", len(rows))]
    if beside:
        better = sum(ratio > _LEVEL for ratio in beside)
        worse = sum(ratio < 1 / _LEVEL for ratio in beside)
        tiles += [
            ("better than the peer", better),
            ("level with it, within 10 %", len(beside) - better - worse),
            ("worse", worse),
        ]
    if goals:
        tiles.append(("goals reached", f"{sum(goals)} of {len(goals)}"))
    page.tiles(tiles)
    page.section("Beside peers, limits and goals: shorter is better")
    page.text("Each group has its own scale. In brackets: how many times as much the peer costs.")
    for unit in dict.fromkeys(row["unit"] for row in rows):
        bars = {row["name"]: _bars(row) for row in rows if row["unit"] == unit}
        page.chart(charts.bars(f"Measured, in {unit}", bars, unit, own_scales=True), f"In {unit}")


def _bars(row: Row) -> list[Bar]:
    notes = {
        "ours": f"({row['peer'] / row['ours']:.3g}x)"
        if is_number(row.get("peer")) and row["ours"] > 0
        else "",
        "peer": row.get("peer_name", ""),
        "limit": row.get("limit_name", ""),
    }
    return [
        Bar(kind, float(row[kind]), notes.get(kind, ""), kind in ("limit", "goal"))
        for kind in ("ours", "peer", "limit", "goal")
        if is_number(row.get(kind))
    ]


def _add_rows(page: Document, rows: Sequence[Row]) -> None:
    """Rows of one kind: a chart for each unit, and a table of everything."""
    columns = [name for name in dict.fromkeys(name for row in rows for name in row) if name != "device"]
    by_unit: dict[str, dict[str, list[Bar]]] = defaultdict(dict)
    for row in rows:
        name = ", ".join(
            f"{key} {value}" if isinstance(value, int) else str(value)
            for key, value in row.items()
            if key in columns and value not in ("", None) and isinstance(value, (str, int))
        )
        for key, value in row.items():
            unit = key.rpartition("_")[2]
            if unit in _UNITS and isinstance(value, float):
                by_unit[unit].setdefault(name, []).append(Bar(key.rpartition("_")[0], value))
    page.section("Measured")
    for unit, bars in by_unit.items():
        shown = _SHOWN_UNITS.get(unit, unit)
        page.chart(charts.bars(f"Measured, in {shown}", bars, shown), f"In {shown}")
    page.table(
        [name.replace("_", " ") for name in columns],
        [["" if row.get(name) is None else _cell(row[name]) for name in columns] for row in rows],
    )


def _cell(value: Any) -> str | int | float:
    return value if is_number(value) else str(value)
