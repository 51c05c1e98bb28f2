# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Charts as SVG that follows the colors of the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

COLORS = 6
_WIDTH, _HEIGHT = 1000.0, 240.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 12.0, 10.0, 24.0
_ROW = 24.0
_NAMES = 190.0
_MOST_POINTS = 600
_BAR = 16.0
_BAR_NAMES, _BAR_NOTES = 420.0, 330.0  # most room for texts beside bars
_LETTER = 6.6  # about as wide as one

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Span:
    """A row's bar from `start` to `end`."""

    start: float
    end: float


@dataclass(frozen=True)
class Bar:
    """A bar of `bars`: bars of one kind have one color, gray if it is quiet; the note is written behind the value."""

    kind: str
    value: float
    note: str = ""
    quiet: bool = False


def lines(
    what: str,
    series: Mapping[str, Points],
    *,
    unit: str = "",
    x_unit: str = "s",
    shares: bool = False,
) -> str:
    """Lines over common axes; the y axis includes zero.

    Args:
        what: The chart in words, for people who do not see it.
        series: Name -> points (x, y); points that are not finite are left out.
        unit: Of y.
        x_unit: Of x.
        shares: x and y are shares: both axes go from 0 to 1.
    """
    clean = {
        name: _thinned([(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)])
        for name, points in series.items()
    }
    everything = [point for points in clean.values() for point in points]
    if not everything:
        return ""
    x_low, x_high = min(x for x, _ in everything), max(x for x, _ in everything)
    if shares:
        x_low, x_high = 0.0, 1.0
    lowest, highest = min(0.0, *(y for _, y in everything)), max(0.0, *(y for _, y in everything))
    y_ticks = ticks(0.0, 1.0) if shares or lowest == highest else ticks(lowest, highest)
    y_low, y_high = y_ticks[0], y_ticks[-1]
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        share = (x - x_low) / (x_high - x_low) if x_high > x_low else 0.5
        return _LEFT + share * width, _TOP + (1 - (y - y_low) / (y_high - y_low)) * height

    parts = []
    for tick in y_ticks:
        _, y = place(x_low, tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_number(tick)}</text>')
    parts += _x_axis(x_low, x_high, x_unit, _HEIGHT, lambda x: place(x, 0)[0])
    for index, points in enumerate(clean.values()):
        text = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in points)
        parts.append(f'<polyline class="s{index % COLORS}" points="{text}"/>')
    names = [f"{name}{f', {unit}' if unit else ''}" for name in clean]
    legend = _legend({name: str(i % COLORS) for i, name in enumerate(names)})
    return _svg(what, _HEIGHT, parts) + (legend if unit or len(names) > 1 else "")


def timeline(what: str, rows: Mapping[str, Sequence[Span]], end: float) -> str:
    """When things were there: a row of bars for each.

    Args:
        what: The chart in words, for people who do not see it.
        rows: Name -> times in seconds from the start.
        end: Of the axis, in seconds.

    Returns:
        An SVG element.
    """
    height = _TOP + _ROW * len(rows) + _BOTTOM
    width = _WIDTH - _NAMES - _RIGHT

    def place(x: float) -> float:
        return _NAMES + (x / end if end else 0.0) * width

    parts = []
    for index, (name, spans) in enumerate(rows.items()):
        top = _TOP + index * _ROW
        parts.append(
            f'<text class="name" x="{_NAMES - 8}" y="{top + 15}" text-anchor="end">'
            f"{escape(_shortened(name, 26))}</text>"
        )
        parts.append(
            f'<line class="grid" x1="{_NAMES}" x2="{_WIDTH - _RIGHT}" y1="{top + 11}" y2="{top + 11}"/>'
        )
        for span in spans:
            left = place(span.start)
            parts.append(
                f'<rect class="f{index % COLORS}" x="{left:.1f}" y="{top + 3}" rx="3" height="16" '
                f'width="{max(2.0, place(span.end) - left):.1f}"><title>{escape(name)}: {span.start:.1f} s to '
                f"{span.end:.1f} s</title></rect>"
            )
    return _svg(what, height, [*parts, *_x_axis(0.0, end, "s", height, place)])


def bars(what: str, rows: Mapping[str, Sequence[Bar]], unit: str = "", *, own_scales: bool = False) -> str:
    """Horizontal bars, a group for each row.

    Args:
        what: The chart in words, for people who do not see it.
        rows: Name -> its bars.
        unit: Of all values.
        own_scales: The longest bar of each row has the same length; otherwise lengths of all rows compare.
    """
    quiet = {bar.kind: bar.quiet for row in rows.values() for bar in row}
    grays = [kind for kind in quiet if quiet[kind]]
    colors = {
        kind: f"q{grays.index(kind) % 2}" if quiet[kind] else str(index % COLORS)
        for index, kind in enumerate(quiet)
    }
    notes = {
        name: [" ".join(filter(None, (f"{bar.value:.3g}", unit, bar.note))) for bar in row]
        for name, row in rows.items()
    }
    highest = max((bar.value for row in rows.values() for bar in row), default=0.0)
    left = _width_of(rows, _BAR_NAMES)
    room = _WIDTH - left - _width_of([note for row in notes.values() for note in row], _BAR_NOTES)
    parts, top = [], _TOP
    for name, row in rows.items():
        full = (max((bar.value for bar in row), default=0.0) if own_scales else highest) or 1.0
        parts.append(
            f'<text class="name" x="{left - 8}" y="{top + _BAR * len(row) / 2 + 4:.1f}" text-anchor="end">'
            f"{escape(_shortened(name, 62))}</text>"
        )
        for bar, note in zip(row, notes[name], strict=True):
            length = max(1.0, room * max(0.0, bar.value) / full)
            parts.append(
                f'<rect class="f{colors[bar.kind]}" x="{left}" y="{top + 1:.1f}" rx="2" height="{_BAR - 2}" '
                f'width="{length:.1f}"/>'
                f'<text x="{left + length + 6:.1f}" y="{top + 12:.1f}">{escape(note)}</text>'
            )
            top += _BAR
        top += 10.0
    return _svg(what, top, parts) + (_legend(colors) if len(colors) > 1 else "")


def ticks(low: float, high: float) -> list[float]:
    """About five round numbers from `low` to `high`; the last one is not below `high`."""
    span = high - low or 1.0
    step = 10 ** math.floor(math.log10(span / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 5)
    first = math.floor(low / step)
    last = math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def _x_axis(low: float, high: float, unit: str, height: float, place: Callable[[float], float]) -> list[str]:
    inside = [tick for tick in ticks(low, high) if low <= tick <= high]
    return [
        f'<text x="{place(tick):.1f}" y="{height - 6}" text-anchor="middle">{_number(tick)} {escape(unit)}</text>'
        for tick in inside
    ]


def _thinned(points: Points) -> Points:
    step = max(1, math.ceil(len(points) / _MOST_POINTS))
    return points[::step]


def _number(value: float) -> str:
    return f"{value:g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _svg(what: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-label="{escape(what)}">'
        f"{''.join(parts)}</svg>"
    )


def _width_of(texts: Iterable[str], most: float) -> float:
    return min(most, 24.0 + _LETTER * max(map(len, texts), default=0))


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _legend(colors: Mapping[str, str]) -> str:
    items = "".join(f'<li><i class="f{color}"></i>{escape(name)}</li>' for name, color in colors.items())
    return f'<ul class="legend">{items}</ul>'
