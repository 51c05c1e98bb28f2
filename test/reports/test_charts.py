# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Charts: round axes, nothing that is not finite, escaped names."""

import xml.etree.ElementTree as ET

import pytest

from face_detect_ros.reports import charts
from face_detect_ros.reports.charts import Bar, Span


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 47, [0, 10, 20, 30, 40, 50]),
        (0, 0, [0]),
        (3, 9, [2, 4, 6, 8, 10]),
    ],
)
def test_ticks_are_round_and_reach_to_the_end(low, high, expected):
    assert charts.ticks(low, high) == pytest.approx(expected)


def svg_of(text):
    return ET.fromstring(text.partition("</svg>")[0] + "</svg>")


def test_lines_leave_out_what_is_not_finite():
    text = charts.lines("a chart", {"a & b": [(0, 1.0), (1, float("nan")), (2, 3.0)]}, unit="ms")
    (line,) = svg_of(text).iter("polyline")
    assert len(line.get("points").split()) == 2
    assert "a &amp; b, ms" in text
    assert charts.lines("nothing", {"x": [(0, float("nan"))]}) == ""


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([-5.0, -6.0], id="all-below-zero"),  # latencies of a camera whose clock is ahead
        pytest.param([-5.0, 20.0], id="around-zero"),
        pytest.param([0.0, 0.0], id="all-zero"),
    ],
)
def test_lines_stay_inside_the_chart_and_show_zero(values):
    chart = svg_of(charts.lines("latency", {"x": list(enumerate(values))}, unit="ms"))
    (line,) = chart.iter("polyline")
    places = [float(point.split(",")[1]) for point in line.get("points").split()]
    axis = {text.text: float(text.get("y")) - 4 for text in chart.iter("text") if text.get("x") == "50.0"}
    assert all(min(axis.values()) <= place <= max(axis.values()) for place in places)
    assert [place < axis["0"] for place in places] == [value > 0 for value in values]


def test_long_series_are_thinned():
    text = charts.lines("long", {"x": [(i, i) for i in range(100_000)]})
    (line,) = svg_of(text).iter("polyline")
    assert len(line.get("points").split()) <= 600


def test_a_timeline_has_a_bar_for_each_span():
    text = charts.timeline("when", {"Ada <3": [Span(0, 1), Span(2, 2)], "Bob": [Span(1, 3)]}, 4.0)
    assert len(list(svg_of(text).iter("rect"))) == 3
    assert all(float(rect.get("width")) >= 2 for rect in svg_of(text).iter("rect"))


def widths(text):
    return [float(rect.get("width")) for rect in svg_of(text).iter("rect")]


def test_bars_are_as_long_as_their_values():
    rows = {"a": [Bar("ours", 1.0), Bar("theirs", 2.0, "of others")], "b": [Bar("ours", 0.5)]}
    ours, theirs, other = widths(charts.bars("speed", rows, "ms"))
    assert theirs == pytest.approx(2 * ours, abs=0.5)
    assert theirs == pytest.approx(4 * other, abs=0.5)
    assert "2 ms of others" in charts.bars("speed", rows, "ms")
    _, theirs, other = widths(charts.bars("speed", rows, "ms", own_scales=True))
    assert theirs == other
