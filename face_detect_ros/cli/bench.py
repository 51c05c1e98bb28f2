# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros bench`: figures of this machine, each beside its peer and its limit from the same run."""

from __future__ import annotations

import json as json_format
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from face_detect_ros.cli.common.exits import exit_codes
from face_detect_ros.cli.common.pages import ReportFile, write_page
from face_detect_ros.cli.common.progress import progress_bar

if TYPE_CHECKING:
    from face_detect_ros.benchmarks.cameras import CamerasRow
    from face_detect_ros.benchmarks.engines import EngineRow
    from face_detect_ros.benchmarks.latency import LatencyRow
    from face_detect_ros.benchmarks.rows import Row
    from face_detect_ros.benchmarks.transport import HostsRow

app = typer.Typer(
    help="Measure this machine. Without COMMAND: conversion, drawing, nodes, faces and objects.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")]


@app.callback(invoke_without_command=True)
def _all(context: typer.Context, json: Json = False, report: ReportFile = None) -> None:
    if context.invoked_subcommand is None:
        with exit_codes():
            _print([*_conversion(), *_drawing(), *_nodes(), *_faces(), *_objects()], json, report)


@app.command()
def conversion(json: Json = False, report: ReportFile = None) -> None:
    """Image messages to arrays and back: ours against cv_bridge."""
    with exit_codes():
        _print(_conversion(), json, report)


@app.command()
def drawing(json: Json = False, report: ReportFile = None) -> None:
    """Boxes, landmarks and captions of ten faces, from VGA to 4K."""
    with exit_codes():
        _print(_drawing(), json, report)


@app.command()
def bags(json: Json = False, report: ReportFile = None) -> None:
    """What bags cost beside the network: CPU time per image, and the share of the network's rate."""
    with exit_codes():
        from face_detect_ros.benchmarks import bags as measured

        _print(measured.run(), json, report)


@app.command()
def nodes(json: Json = False, report: ReportFile = None) -> None:
    """Overhead per image, one process against two, executors (about three minutes)."""
    with exit_codes():
        _print(_nodes(), json, report)


@app.command()
def faces(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL...]",
            help="Face detectors and embedders to compare; default: those whose weights are here, and dlib's networks.",
        ),
    ] = None,
    json: Json = False,
    report: ReportFile = None,
) -> None:
    """Face detectors by resolution, embedders, and dlib's networks against dlib's own code (about four minutes).

    With MODEL only these are measured, the detectors beside mmod.
    """
    with exit_codes():
        from face_detect_ros.benchmarks import face_models

        _print(face_models.run(models or ()) + ([] if models else _faces()), json, report)


@app.command()
def objects(
    json: Json = False,
    report: ReportFile = None,
    peer_python: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="An interpreter that has Ultralytics, to be measured beside ours.",
            show_default=False,
        ),
    ] = "",
    yolox: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An ONNX file of YOLOX, to be measured too.")
    ] = None,
) -> None:
    """Object detectors: before, in and after the network (about five minutes)."""
    with exit_codes():
        _print(_objects(peer_python, yolox), json, report)


@app.command()
def engines(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL...]", help="Detectors and embedders; default: those whose weights are here."
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help="Of the network; 0: one for each core.")] = 0,
    remember: Annotated[bool, typer.Option(help="Keep the fastest, for engine auto on this machine.")] = True,
    json: Json = False,
    report: ReportFile = None,
) -> None:
    """Every engine that is installed, side by side; engine auto takes the fastest from then on.

    For each model and engine: milliseconds of a 640x480 image from pixels to boxes (an embedder: of one face from its
    points to its descriptor) and in the network, its CPU time, the time from the start of Python to the first result,
    peak memory, and 40 images of different sizes.
    """
    with exit_codes():
        from face_detect_ros.benchmarks import engines as benchmark
        from face_detect_ros.engines import choices

        rows = benchmark.measure(models or benchmark.default_models(), threads=threads)
        fastest = benchmark.fastest(rows)
        if not _publish([asdict(row) for row in rows], json, report, fastest=fastest):
            _print_engines(rows, fastest)
        if remember:
            choices.remember("cpu", fastest)
            if not json:
                typer.echo(f"engine auto takes the fastest from now on ({choices.path()})")


@app.command()
def scaling(json: Json = False, report: ReportFile = None) -> None:
    """What more pixels, faces in an image, people in the gallery and cameras cost (about a minute)."""
    with exit_codes():
        from face_detect_ros.benchmarks import scaling as benchmark

        _print(benchmark.run(), json, report)


@app.command()
def viewer(json: Json = False, report: ReportFile = None) -> None:
    """Processor time of the viewer by how many browsers look, and the weight of its page (about a minute)."""
    with exit_codes():
        from face_detect_ros.benchmarks import viewer as benchmark

        _print(benchmark.run(), json, report)


@app.command()
def transport(
    count: Annotated[int, typer.Option(min=10, help="Images of each measurement.")] = 200,
    rate_hz: Annotated[float, typer.Option(min=1.0, max=100.0, help="Images per second.")] = 20.0,
    hosts: Annotated[
        bool,
        typer.Option(
            "--hosts",
            help="Between two hosts, made of network namespaces, over cables of several rates; needs root.",
        ),
    ] = False,
    json: Json = False,
    report: ReportFile = None,
) -> None:
    """How many images of a camera process arrive, by size, transports and reliability (about three minutes)."""
    with exit_codes():
        from face_detect_ros.benchmarks import transport as benchmark
        from face_detect_ros.ros import runtime

        if hosts:
            _across_hosts(benchmark.run_hosts(count, rate_hz), json, report)
            return
        runtime.stay_on_this_computer()

        rows = benchmark.run(count, rate_hz)
        if _publish([asdict(row) for row in rows], json, report):
            return
        typer.echo(f"{'size':<6} {'camera':<11} {'publisher':<12} {'arrived':>11} {'median ms':>10}")
        for row in rows:
            typer.echo(
                f"{row.size:<6} {row.camera:<11} {row.reliability:<12} {row.arrived:>4} of {row.sent:>4}"
                f"{row.latency_ms:>10.1f}"
            )


def _across_hosts(rows: list[HostsRow], json: bool, report: Path | None) -> None:
    if _publish([asdict(row) for row in rows], json, report):
        return
    typer.echo(f"{'cable':<27} {'form':<11} {'sent Hz':>8} {'arrived':>11} {'median ms':>10}")
    for row in rows:
        typer.echo(
            f"{row.cable:<27} {row.form:<11} {row.sent_hz:>8.1f} {row.arrived:>4} of {row.sent:>4}"
            f"{row.latency_ms:>11.1f}  {row.problem}"
        )


@app.command()
def latency(
    topics: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TOPIC...]",
            help="Topics of running nodes, ours or not, whose messages begin with a header, such as Detection2DArray; "
            "default: our nodes are started and measured.",
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(min=1.0, max=86400.0, help="How long to measure.")] = 20.0,
    images: Annotated[
        str, typer.Option(metavar="TOPIC", help="Topic of the images, to count those without a result.")
    ] = "",
    pid: Annotated[
        int, typer.Option(min=0, help="Process of the node; 0: the one whose command line names the node.")
    ] = 0,
    json: Json = False,
    report: ReportFile = None,
) -> None:
    """How old results are when they arrive, their rate, images without a result, CPU and memory."""
    with exit_codes():
        from face_detect_ros.benchmarks import latency as benchmark
        from face_detect_ros.ros import runtime

        if not topics:
            runtime.stay_on_this_computer()

        rows = benchmark.run(topics or (), seconds, images, pid)
        if not _publish([asdict(row) for row in rows], json, report):
            _print_latency(rows)


@app.command()
def cameras(
    rate: Annotated[
        float, typer.Option(min=0.1, max=1000.0, help="Images per second of each camera.")
    ] = 10.0,
    seconds: Annotated[float, typer.Option(min=1.0, help="For each number of cameras.")] = 15.0,
    json: Json = False,
    report: ReportFile = None,
) -> None:
    """One object detector for 1, 2, 4 and 8 cameras: results per second and latency of each camera, CPU, memory."""
    with exit_codes():
        from face_detect_ros.benchmarks import cameras as benchmark
        from face_detect_ros.ros import runtime

        runtime.stay_on_this_computer()

        rows = benchmark.run(rate, seconds)
        if not _publish([asdict(row) for row in rows], json, report):
            _print_cameras(rows)


@app.command()
def endurance(
    cycles: Annotated[int, typer.Option(min=0, help="Lifecycles from configure to cleanup.")] = 200,
    subscribers: Annotated[int, typer.Option(min=0, help="Subscribers that come and go.")] = 300,
    overload: Annotated[
        float, typer.Option(min=0.0, help="Seconds with ten times as many images as can be processed.")
    ] = 60.0,
    soak: Annotated[float, typer.Option(min=0.0, help="Seconds of ordinary work in one process.")] = 60.0,
    json: Json = False,
    report: ReportFile = None,
) -> None:
    """What a node holds after many lives, many subscribers and long work, and what becomes of too many images.

    0 leaves a part out.
    """
    with exit_codes():
        from face_detect_ros.benchmarks import endurance as benchmark
        from face_detect_ros.ros import runtime

        runtime.stay_on_this_computer()

        found = benchmark.run(cycles, subscribers, overload, soak)
        write_page(report, "Benchmark: endurance", {"machine": _machine(), **found})
        if json:
            typer.echo(json_format.dumps({"machine": _machine(), **found}))
            return
        for name, figures in found.items():
            typer.echo(f"{name}:")
            for key, value in figures.items():
                typer.echo(f"  {key}: {value}")


def _conversion() -> list[Row]:
    from face_detect_ros.benchmarks import conversion

    return conversion.run()


def _drawing() -> list[Row]:
    from face_detect_ros.benchmarks import drawing

    return drawing.run()


def _nodes() -> list[Row]:
    from face_detect_ros.benchmarks import nodes
    from face_detect_ros.ros import runtime

    runtime.stay_on_this_computer()

    with progress_bar("nodes", nodes.OBSERVATIONS) as advance:
        return nodes.run(advance)


def _faces() -> list[Row]:
    from face_detect_ros.benchmarks import faces

    return faces.run()


def _objects(peer_python: str = "", yolox: Path | None = None) -> list[Row]:
    from face_detect_ros.benchmarks import objects

    return objects.run(peer_python, yolox)


def _print(rows: list[Row], json: bool, report: Path | None) -> None:
    if _publish([{**asdict(row), "ratio": row.ratio} for row in rows], json, report):
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"face_detect_ros bench: {_machine()}")
    for column in ("what", "ours", "peer", "ratio", "limit", "goal"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for row in rows:
        table.add_row(
            f"{row.name} [{row.unit}]".replace("[", "\\["),
            f"{row.ours:.3g}",
            "" if row.peer is None else f"{row.peer:.3g} ({row.peer_name})",
            "" if row.ratio is None else f"{row.ratio:.1f}x",
            "" if row.limit is None else f"{row.limit:.3g} ({row.limit_name})",
            "" if row.goal is None else f"{row.goal:g}",
        )
    # wide enough for a log file, where nothing can be asked
    Console(width=None if sys.stdout.isatty() else 180).print(table)


def _publish(figures: list[dict[str, Any]], json: bool, report: Path | None, **more: Any) -> bool:
    """Print figures as JSON and write their page, each where it is asked for. Returns whether it was JSON."""
    record = {"machine": _machine(), "rows": figures, **more}
    if json:
        typer.echo(json_format.dumps(record))
    write_page(report, "Benchmark", record)
    return json


def _print_engines(rows: list[EngineRow], fastest: dict[str, str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"face_detect_ros bench engines: {_machine()}, one 640x480 image or face")
    columns = ("total ms", "network ms", "CPU ms", "start s", "start CPU s", "peak MB", "40 sizes s")
    for column in ("model", "engine", "precision", *columns):
        table.add_column(column, justify="right" if column in columns else "left")
    for row in rows:
        best = fastest.get(row.model.partition(":")[0]) == row.engine and row.precision == "auto"
        figures = (
            row.total_ms, row.network_ms, row.cpu_ms, row.start_s, row.start_cpu_s, row.peak_mb, row.mixed_s,
        )  # fmt: skip
        texts = ["" if value is None else f"{value:.3g}" for value in figures]
        if row.problem:
            texts[0] = row.problem
        table.add_row(row.model, f"{row.engine}{' *' if best else ''}", row.precision, *texts)
    Console(width=None if sys.stdout.isatty() else 180).print(table)


def _print_latency(rows: list[LatencyRow]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"face_detect_ros bench latency: {_machine()}")
    columns = ("p50 ms", "p95 ms", "p99 ms", "max ms", "per s", "no result %", "CPU %", "MB")
    for column in ("topic", "node", *columns):
        table.add_column(column, justify="right" if column in columns else "left")
    for row in rows:
        figures = (
            row.p50_ms, row.p95_ms, row.p99_ms, row.max_ms,
            row.rate_hz, row.drops_percent, row.cpu_percent, row.memory_mb,
        )  # fmt: skip
        table.add_row(row.topic, row.node, *("" if value is None else f"{value:.3g}" for value in figures))
    Console(width=None if sys.stdout.isatty() else 180).print(table)
    if any(row.p50_ms is None for row in rows):
        typer.echo("The stamps of a topic are of another clock: its latency cannot be measured.", err=True)


def _print_cameras(rows: list[CamerasRow]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"face_detect_ros bench cameras: {_machine()}")
    columns = ("cameras", "images per s", "results per s", "least", "most", "p50 ms", "p95 ms", "CPU %", "MB")
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*(f"{value:.3g}" for value in asdict(row).values()))
    Console(width=None if sys.stdout.isatty() else 180).print(table)


def _machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
