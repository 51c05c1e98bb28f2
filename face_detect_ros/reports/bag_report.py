# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The report about a bag."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from face_detect_ros.reports import charts
from face_detect_ros.reports.charts import Span
from face_detect_ros.reports.document import Document
from face_detect_ros.reports.recording import Detector, Recorded, Track, spans

MOST_ROWS = 30
_RATES = {"input_hz": "images in", "output_hz": "results out"}
_LATENCIES = {
    "latency_p50_ms": "image to result, median",
    "latency_p95_ms": "image to result, 95 %",
    "network_p50_ms": "network, median",
}


def bag_report(recorded: Recorded) -> Document:
    """What was seen in a bag, and how fast, as a page."""
    page = Document(
        f"Report: {recorded.path.name}",
        "Made by face_detect_ros from the recorded messages.",
    )
    people = {track.name for track in recorded.tracks if track.name}
    page.tiles(
        [
            ("duration", f"{recorded.duration_s:.1f} s"),
            ("images", recorded.images),
            ("known people", len(people)),
            ("tracks", sum(bool(track.id) for track in recorded.tracks)),
            ("detections", sum(detector.detections for detector in recorded.detectors.values())),
            ("warnings and errors", len(recorded.reports)),
        ]
    )
    page.section("What was seen")
    rows = _timeline(recorded.tracks)
    if rows:
        page.chart(charts.timeline("When people and things were seen", rows, recorded.duration_s))
    else:
        page.text("Nothing was detected.")
    _add_seen(page, recorded.tracks)
    _add_looks(page, recorded.tracks)
    _add_speed(page, recorded)
    if recorded.reports:
        page.section("Warnings and errors")
        page.table(
            ["after", "node", "message"], [(f"{t:.1f} s", node, text) for t, node, text in recorded.reports]
        )
    if recorded.problems:
        page.section("Not readable")
        page.table(["problem"], [(problem,) for problem in recorded.problems[:50]])
    page.section("Topics")
    page.table(["topic", "messages"], sorted(recorded.counts.items()))
    return page


def _timeline(tracks: Sequence[Track]) -> dict[str, list[Span]]:
    """People by name first, then unknown faces and classes."""
    times: dict[tuple[bool, str], list[float]] = defaultdict(list)
    for track in tracks:
        times[not track.name, track.name or track.label] += track.times_s
    ordered = sorted(times.items(), key=lambda item: (item[0][0], -len(item[1])))[:MOST_ROWS]
    return {name: spans(sorted(seen)) for (_, name), seen in ordered}


def _add_seen(page: Document, tracks: Sequence[Track]) -> None:
    groups: dict[tuple[str, str], list[Track]] = defaultdict(list)
    for track in tracks:
        groups[track.name or "", track.label].append(track)
    rows = [
        (
            name,
            label,
            sum(bool(track.id) for track in group),
            sum(len(track.times_s) for track in group),
            float(max(track.best[0] for track in group if track.best)),
        )
        for (name, label), group in groups.items()
    ]
    rows.sort(key=lambda row: (row[0] == "", -row[3]))
    if rows:
        page.table(["who", "class", "tracks", "detections", "best score"], rows[: 2 * MOST_ROWS])


def _add_looks(page: Document, tracks: Sequence[Track]) -> None:
    looks = [(track.image, _caption(track)) for track in tracks if track.image is not None]
    if looks:
        page.section("Tracks, by how long they were seen")
        page.images(looks)


def _caption(track: Track) -> str:
    who = f"{track.name}, {track.label}" if track.name else track.label
    first, last = track.times_s[0], track.times_s[-1]
    return f"{who}{f' #{track.id}' if track.id else ''}, {first:.1f} to {last:.1f} s"


def _add_speed(page: Document, recorded: Recorded) -> None:
    page.section("Speed")
    rows = []
    for topic, detector in recorded.detectors.items():
        latency = [value for _, value in detector.latency_ms] or [float("nan")]
        rows.append(
            (
                topic,
                detector.images,
                max(0, recorded.images - detector.images),
                detector.detections,
                _rate(detector),
                float(np.percentile(latency, 50)),
                float(np.percentile(latency, 95)),
            )
        )
    headings = [
        "detections",
        "images done",
        "images left out",
        "found",
        "Hz",
        "latency p50, ms",
        "latency p95, ms",
    ]
    page.table(headings, rows)
    page.text("Latency: from the stamp of an image until its detections were recorded.")
    latencies = {topic: detector.latency_ms for topic, detector in recorded.detectors.items()}
    if chart := charts.lines("Latency over time", latencies, unit="ms"):
        page.chart(chart, "Latency over time")
    for node, figures in recorded.figures.items():
        for what, names, unit in (("rates", _RATES, "Hz"), ("latency by stage", _LATENCIES, "ms")):
            series = {text: figures[name] for name, text in names.items() if name in figures}
            if chart := charts.lines(f"{node}: {what}", series, unit=unit):
                page.chart(chart, f"{node}: {what}, as the node reported it")


def _rate(detector: Detector) -> float:
    span_s = detector.times_s[-1] - detector.times_s[0] if len(detector.times_s) > 1 else 0.0
    return (len(detector.times_s) - 1) / span_s if span_s > 0 else 0.0
