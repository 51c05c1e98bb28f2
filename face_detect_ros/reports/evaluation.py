# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The sections of a page about an evaluation: each looks for its figures and takes out what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from face_detect_ros.reports import charts
from face_detect_ros.reports.charts import Bar
from face_detect_ros.reports.document import Document, is_number

MOST_CLASSES = 20
_NOTHING = "nothing"
_HEADLINES = {
    "AP": "AP", "AP50": "AP50", "AP75": "AP75", "ap": "average precision", "precision": "precision",
    "recall": "recall", "f1": "F1", "accuracy": "accuracy", "auc": "area under the curve",
    "exact": "share of exact positions", "something_else": "positions of something else", "images": "images",
    "boxes": "boxes", "faces": "faces", "people": "people",
    "reference": "faces of the reference", "missed": "missed", "extra": "extra", "identical": "identical",
    "images_per_s": "images per s", "ms_per_image": "ms per image",
}  # fmt: skip


def add_headlines(page: Document, found: Mapping[str, Any]) -> None:
    """Add the most important figures of an evaluation to a page."""
    everything = {**found.get("combined", {}), **found}
    tiles = [(text, everything[name]) for name, text in _HEADLINES.items() if is_number(everything.get(name))]
    tiles += [(name, everything[name]) for name in ("HOTA", "IDF1", "MOTA", "IDSW") if name in everything]
    if tiles:
        page.tiles(tiles)


def add_evaluation(
    page: Document, found: dict[str, Any], images: Sequence[tuple[np.ndarray, str]] = ()
) -> None:
    """Add the figures of an evaluation to a page.

    Args:
        page: Changed in place.
        found: The figures; those that charts and tables show are taken out.
        images: (H, W, 3) uint8 RGB and caption of the worst mistakes.
    """
    _add_curves(page, found)
    _add_classes(page, found)
    _add_sizes(page, found)
    _add_sequences(page, found)
    _add_galleries(page, found)
    _add_heat_maps(page, found)
    _add_distances(page, found)
    if isinstance(confusion := found.pop("confusion", None), list):
        _add_confusion(page, confusion)
    if images:
        page.section("Worst mistakes")
        page.text(
            "Boxes are orange where something was missed, pink around what is not there, yellow for another class."
        )
        page.images(images, large=True)


def _add_curves(page: Document, found: dict[str, Any]) -> None:
    curve = found.pop("curve", None)
    if not isinstance(curve, list) or not curve:
        return
    page.section("Precision and recall")
    points = [(point["recall"], point["precision"]) for point in curve]
    page.chart(
        charts.lines("Precision by recall", {"precision": points}, x_unit="", shares=True),
        "Precision by recall",
    )
    if all("score" in point for point in curve):
        series = {
            what: [(point["score"], point[what]) for point in curve if is_number(point[what])]
            for what in ("precision", "recall")
        }
        page.chart(
            charts.lines("By score", series, x_unit="", shares=True),
            "Precision and recall by score threshold",
        )


def _add_classes(page: Document, found: dict[str, Any]) -> None:
    classes = found.get("per_class")
    if not isinstance(classes, dict) or not all(isinstance(row, dict) for row in classes.values()):
        return
    del found["per_class"]
    page.section("Classes")
    bars = {
        name: [Bar(key, row[key]) for key in ("AP", "AP50") if is_number(row.get(key))]
        for name, row in classes.items()
    }
    page.chart(
        charts.bars("Average precision of each class", {name: row for name, row in bars.items() if row})
    )
    page.table(
        ["class", "boxes", "AP", "AP50"],
        [
            (name, row.get("boxes", 0), *map(_figure, (row.get("AP"), row.get("AP50"))))
            for name, row in classes.items()
        ],
    )


def _add_sizes(page: Document, found: dict[str, Any]) -> None:
    labeled = found.get("labeled")
    if not isinstance(labeled, dict) or not labeled.get("recall_by_size"):
        return
    found["labeled"] = {name: value for name, value in labeled.items() if name != "recall_by_size"}
    rows = labeled["recall_by_size"]
    page.section("Recall by size")
    bars = {
        f"{row['from_px']} px and more"
        if row["to_px"] is None
        else f"{row['from_px']} to {row['to_px']} px": [
            Bar("recall", row["recall"], f"of {row['faces']:,} faces")
        ]
        for row in rows
        if is_number(row["recall"])
    }
    page.chart(charts.bars("Recall by the shorter side of a face", bars), "By the shorter side of a face")


def _add_sequences(page: Document, found: dict[str, Any]) -> None:
    sequences = found.pop("sequences", None)
    if not isinstance(sequences, dict):
        return
    rows = {**sequences, "all": found.pop("combined", {})}
    page.section("Sequences")
    bars = {
        name: [Bar(key, row[key]) for key in ("HOTA", "IDF1", "MOTA") if key in row]
        for name, row in rows.items()
    }
    page.chart(charts.bars("HOTA, IDF1 and MOTA of each sequence", bars, "%"), "HOTA, IDF1 and MOTA, percent")
    columns = [
        key for key in dict.fromkeys(key for row in rows.values() for key in row) if key != "images_per_s"
    ]
    page.table(
        ["sequence", *columns],
        [(name, *(_figure(row.get(key)) for key in columns)) for name, row in rows.items()],
    )


def _add_galleries(page: Document, found: dict[str, Any]) -> None:
    sizes = found.get("sizes")
    if not isinstance(sizes, list) or not sizes:
        return
    page.section("Names, by the number of people in the gallery")
    page.text("Shares of single looks: strangers who got a name, known people who got none or another one's.")
    for rule, title in (("sizes", "The rule that gives names"), ("nearest_only", "The nearest face alone")):
        bars = {
            f"{row['people']:,} people": [
                Bar(key.replace("_", " "), 100 * row[key])
                for key in ("false_accept", "false_reject", "wrong_name")
                if is_number(row[key])
            ]
            for row in found.pop(rule, [])
        }
        page.chart(charts.bars(title, bars, "%"), title)


def _add_heat_maps(page: Document, found: dict[str, Any]) -> None:
    baselines = found.get("baselines")
    if not isinstance(baselines, dict) or "pointing_game" not in found:
        return
    page.section("Heat maps beside baselines")
    kinds = {"heat map": found, **baselines}
    for measure, title in (
        ("pointing_game", "Pointing game: more is better"),
        ("energy_inside", "Energy inside the box: more is better"),
        ("deletion", "Deletion: less is better"),
    ):
        names = found[measure]
        bars = {
            name: [Bar(kind.replace("_", " "), rows[measure][name]) for kind, rows in kinds.items()]
            for name in names
        }
        page.chart(charts.bars(title, bars), title)


def _add_distances(page: Document, found: dict[str, Any]) -> None:
    rows = found.pop("by_distance_mm", None)
    if not isinstance(rows, dict) or not rows:
        return
    page.section("Error by distance")
    series = {
        what: [(float(distance), row[what]) for distance, row in rows.items() if is_number(row[what])]
        for what in ("median", "p95", "max")
    }
    if chart := charts.lines("Error by distance", series, unit="mm", x_unit="m"):
        page.chart(chart)


def _add_confusion(page: Document, pairs: Sequence[Mapping[str, Any]]) -> None:
    """What was labeled, against what was found there, for the most frequent classes."""
    counts: dict[tuple[str, str], int] = {}
    totals: dict[str, int] = {}
    for pair in pairs:
        labeled, found = (pair.get(key) or _NOTHING for key in ("labeled", "found"))
        count = int(pair.get("count", 0))
        counts[labeled, found] = counts.get((labeled, found), 0) + count
        for name in {labeled, found} - {_NOTHING}:
            totals[name] = totals.get(name, 0) + count
    names = [*sorted(totals, key=lambda name: -totals[name])[:MOST_CLASSES], _NOTHING]
    page.section("Confusion")
    page.text(
        "How many boxes of what was labeled were found as what. Row “nothing”: false detections; column “nothing”: "
        "missed boxes."
    )
    page.matrix(
        "labeled", "found", {row: {column: counts.get((row, column), 0) for column in names} for row in names}
    )


def _figure(value: Any) -> float | int | str:
    return value if is_number(value) else "-"
