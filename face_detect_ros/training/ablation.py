# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What attention and PGI are worth: the same network with and without each, trained alike, several seeds each."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from face_detect_ros.benchmarks.limits import products
from face_detect_ros.core.errors import OutputError
from face_detect_ros.evaluation.coco_annotations import CocoAnnotations
from face_detect_ros.files.reading import read_object
from face_detect_ros.nn.yolov9.network import YoloV9
from face_detect_ros.training.data.dataset import DataSet
from face_detect_ros.training.learners.start import Architecture, for_detection, new_network
from face_detect_ros.training.options import TrainOptions
from face_detect_ros.training.session import Task, train
from face_detect_ros.training.state import written_whole
from face_detect_ros.training.trainer import Progress

FIGURES = ("AP", "AP50", "AP50_small", "AP50_medium", "AP50_large")
_RESULT = "result.json"
_TIMED = 30  # passes
_PARTS = {"self_attention": "self-attention", "cross_attention": "cross-attention", "auxiliary": "PGI"}


def architectures(variant: str) -> dict[str, Architecture]:
    """Every combination by its name, such as "self, PGI"."""
    return {
        f"{name}{', PGI' if pgi else ''}": Architecture(variant, own, cross, pgi)
        for pgi in (False, True)
        for name, own, cross in (
            ("none", False, False),
            ("self", True, False),
            ("cross", False, True),
            ("both", True, True),
        )
    }


def run(
    data: DataSet,
    judged_by: CocoAnnotations,
    options: Mapping[int, TrainOptions],
    folder: Path,
    *,
    variant: str = "t",
    device: str = "auto",
    on_begin: Callable[[str, int], None] = lambda name, seed: None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> None:
    """Train what is missing in a folder: every architecture with the options of every seed.

    Args:
        data: Images to learn from.
        judged_by: Images to evaluate on.
        options: Of the training, by seed.
        folder: Of the results; made if it does not exist.
        variant: Of YOLOv9.
        device: "auto", "cpu", "cuda" or "cuda:N".
        on_begin: Called with name and seed of each training.
        on_progress: Called after each step.

    Raises:
        PerceptionError: As `session.train`.
    """
    for seed, chosen in options.items():
        for name, architecture in architectures(variant).items():
            place = folder / f"{name.replace(', ', '_')}_{seed}"
            if (place / _RESULT).is_file():
                continue
            on_begin(name, seed)
            task = Task(architecture, data, judged_by)
            rows, _ = train(task, chosen, place, device=device, threads=1, on_progress=on_progress)
            record = {"name": name, "seed": seed, **{key: rows[-1].get(key) for key in FIGURES}}
            with written_whole(place / _RESULT) as path:
                path.write_text(json.dumps(record))


def table(folder: Path, classes: int, input_size: int, *, variant: str = "t") -> list[str]:
    """The results as a Markdown table: the mean of each figure over the seeds, in percent, and how far they lie apart.

    Below it: what each part adds, over all pairs of trainings of one seed that differ in nothing else. Milliseconds
    are of one image on the CPU in float32, networks alone, all timed here in turn.

    Args:
        folder: Of the results.
        classes: Number of classes.
        input_size: Side of the square input in pixels.
        variant: Of YOLOv9.

    Returns:
        Lines of Markdown.

    Raises:
        OutputError: There is no result yet.
    """
    results = list(_results(folder))
    if not results:
        raise OutputError(f"{folder}: no result in it yet")
    seeds = len({result["seed"] for result in results})
    lines = [
        f"| attention | PGI | parameters, M | GFLOPs | ms | {' | '.join(FIGURES)} |",
        "| --- | --- |" + " ---: |" * (3 + len(FIGURES)),
    ]
    networks = {
        name: for_detection(new_network(architecture, classes, seed=0))
        .fuse()
        .to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for name, architecture in architectures(variant).items()
    }
    times_ms = _times_ms(networks, input_size)
    for name, network in networks.items():
        own = [result for result in results if result["name"] == name]
        if not own:
            continue
        attention, _, pgi = name.partition(", ")
        cost = (
            f"{sum(value.numel() for value in network.parameters()) / 1e6:.2f}",
            f"{_gflops(network, input_size):.3f}",
            f"{times_ms[name]:.1f}",
        )
        figures = [_spread([result[key] for result in own]) for key in FIGURES]
        lines.append(f"| {attention} | {'yes' if pgi else 'no'} | {' | '.join((*cost, *figures))} |")
    return [
        *lines,
        "",
        f"Mean of {seeds} seeds; in brackets, the largest less the smallest.",
        "",
        f"| with it, less without | pairs | {' | '.join(FIGURES)} |",
        "| --- | ---: |" + " ---: |" * len(FIGURES),
        *_effects(results, architectures(variant)),
        "",
        "Mean of the pairs, and its standard error.",
    ]


def _effects(results: Sequence[Mapping[str, Any]], named: Mapping[str, Architecture]) -> Iterator[str]:
    found = {(named[result["name"]], result["seed"]): result for result in results if result["name"] in named}
    for part, title in _PARTS.items():
        pairs = []
        for (architecture, seed), with_it in found.items():
            without = found.get((replace(architecture, **{part: False}), seed))  # type: ignore[arg-type]
            if getattr(architecture, part) and without is not None:
                pairs.append((with_it, without))
        gains = [
            _gain([one[key] - other[key] for one, other in pairs if None not in (one[key], other[key])])
            for key in FIGURES
        ]
        yield f"| {title} | {len(pairs)} | {' | '.join(gains)} |"


def _gain(differences: Sequence[float]) -> str:
    if len(differences) < 2:
        return "-"
    error = statistics.stdev(differences) / len(differences) ** 0.5
    return f"{round(100 * statistics.fmean(differences), 1) + 0.0:+.1f} ± {100 * error:.1f}"


def _results(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob(f"*/{_RESULT}")):
        yield read_object(path)


def _spread(values: Sequence[float | None]) -> str:
    known = [100 * value for value in values if value is not None]
    if not known:
        return "-"
    return f"{statistics.fmean(known):.1f} ({max(known) - min(known):.1f})"


def _gflops(network: YoloV9, side: int) -> float:
    return 2 * products(lambda: network(torch.zeros(1, 3, side, side))) / 1e9


def _times_ms(networks: Mapping[str, YoloV9], side: int) -> dict[str, float]:
    """Medians; in turn, so that what else the machine does meets all of them."""
    image = torch.zeros(1, 3, side, side).to(memory_format=torch.channels_last)
    spent: dict[str, list[float]] = {name: [] for name in networks}
    with torch.inference_mode():
        for _ in range(_TIMED):
            for name, network in networks.items():
                started_s = time.perf_counter()
                network(image)
                spent[name].append((time.perf_counter() - started_s) * 1e3)
    return {name: statistics.median(values) for name, values in spent.items()}
