# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros bag`: recordings through the pipeline, without ROS."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from face_detect_ros.cli.common import tasks
from face_detect_ros.cli.common.exits import FAILED, exit_codes, report
from face_detect_ros.cli.common.json_output import print_json

if TYPE_CHECKING:
    from face_detect_ros.fleet.one_bag.job import Job
    from face_detect_ros.fleet.one_bag.journal import ImageKey
    from face_detect_ros.fleet.one_bag.processing import Summary
    from face_detect_ros.fleet.one_bag.table import Interval
    from face_detect_ros.pipeline.pipeline import Pipeline
    from face_detect_ros.pipeline.result import Result

_PROCESS = "process"


class _Group(TyperGroup):
    """`bag IN OUT` is `bag process IN OUT`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = [_PROCESS, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Group,
    help="Process, anonymize, look into and search ROS 2 bags, without ROS. "
    "`bag IN OUT` is short for `bag process IN OUT`.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
BagPlace = Annotated[
    str,
    typer.Argument(
        callback=tasks.given,
        metavar="IN",
        help="The bag: a folder, or an .mcap or .db3 file; or its URL in an object store, such as s3://robots/drive "
        "(needs fsspec).",
        show_default=False,
    ),
]


@app.command(_PROCESS)
def process(
    bag: BagPlace,
    out: Annotated[
        str,
        typer.Argument(
            callback=tasks.given,
            metavar="OUT",
            help="A new folder for the result, or its URL in an object store.",
            show_default=False,
        ),
    ],
    task: tasks.TaskNames = "faces",
    anonymize: Annotated[
        bool,
        typer.Option("--anonymize", help="Cover the faces in every image topic, and copy everything else."),
    ] = False,
    annotate: Annotated[
        bool, typer.Option("--annotate", help="Also write the images with the detections drawn on them.")
    ] = False,
    topics: tasks.Topics = "",
    from_s: tasks.From = 0.0,
    to_s: tasks.To = None,
    every: tasks.Every = 1,
    without: Annotated[
        str,
        typer.Option(
            metavar="TOPIC,TOPIC", help="With --anonymize: leave these topics out, and all below these names."
        ),
    ] = "",
    keep: Annotated[
        str,
        typer.Option(
            metavar="TOPIC,TOPIC", help="With --anonymize: copy these topics as they are, whatever they show."
        ),
    ] = "",
    cover: tasks.Cover = "blur",
    hide: tasks.Hide = "faces",
    model: tasks.Model = None,
    device: tasks.Device = "auto",
    engine: tasks.Engine = tasks.DEFAULT_ENGINE,
    threads: tasks.Threads = 0,
    score_threshold: tasks.Threshold = None,
    classes: tasks.Classes = "",
    gallery: tasks.GalleryFile = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object per image and task on stdout, nothing else.")
    ] = False,
) -> None:
    """Put every image of a bag through the pipeline and write the results to a new bag (MCAP).

    OUT has /face_detector/detections, identities and label_info, and the same below /object_detector; with several
    cameras below each one's name. Each message has the stamp of its image. OUT also holds results.sqlite3, a row for
    each detection, for `bag find`. A run that was interrupted is resumed by the same command: no image is lost, done
    twice, or has another result.

    With --anonymize, faces in all images are covered, everything else is copied, and people are not named. A topic that
    may show somebody and is not understood is an error. Topics with distances are copied.

    With --json, as of `detect`, with the topic and times of the image:

    \b
    {"image": "BAG#TOPIC", "topic": t, "task": "faces", "log_ns": n, "stamp_ns": n, "detections": [...], "ms": {...}}

    Exit code: 0; 1 if something could not be read or processed (the rest is still done); 2 for bad arguments or a bag
    that does not fit them; 130 after Ctrl-C.
    """
    with exit_codes():
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.core.text import shown_url
        from face_detect_ros.files import stores, transfers
        from face_detect_ros.fleet.one_bag import processing
        from face_detect_ros.fleet.one_bag.job import Job
        from face_detect_ros.fleet.one_bag.output_folder import DONE

        job = Job(
            bag=Path(),
            tasks=tasks.tasks_of(
                task,
                model=model,
                device=device,
                engine=engine,
                threads=threads,
                score_threshold=score_threshold,
                classes=classes,
                gallery=gallery,
                anonymize=anonymize,
                style=cover,
                hide=hide,
            ),
            topics=split(topics),
            from_s=from_s,
            to_s=to_s,
            every=every,
            annotate=annotate,
            anonymize=anonymize,
            without=split(without),
            keep=split(keep),
            name=shown_url(bag, keys=True) if stores.is_url(bag) else "",
        )
        with contextlib.ExitStack() as stack:
            if (before := _delivered_before(job, bag, out, stack)) is not None:
                _tell(before, shown_url(out, keys=True), json=json)
                raise typer.Exit(FAILED if before.problems else 0)
            folder = stack.enter_context(transfers.delivered(out, DONE))
            job = replace(job, bag=stack.enter_context(transfers.fetched(bag)))
            watcher = stack.enter_context(_watcher(job, json=json))

            def built() -> Mapping[str, Pipeline]:
                return stack.enter_context(processing.build(job))

            summary = processing.process(job, folder, built, watcher)
        _tell(summary, shown_url(out, keys=True), json=json)
        if summary.failed or summary.problems:
            raise typer.Exit(FAILED)


def _delivered_before(job: Job, bag: str, out: str, stack: contextlib.ExitStack) -> Summary | None:
    """The summary of an earlier run that put the same result into a store; None if there is none."""
    from face_detect_ros.files.stores import Store, is_url
    from face_detect_ros.files.transfers import fetched
    from face_detect_ros.fleet.one_bag.delivered import is_delivered
    from face_detect_ros.fleet.one_bag.processing import Summary
    from face_detect_ros.fleet.one_bag.table import FILE, problems_in

    if not is_url(out):
        return None

    def local() -> Job:
        return replace(job, bag=stack.enter_context(fetched(bag)))

    if not is_delivered(Store(out), "", job, bag if is_url(bag) else "", local):
        return None
    results = stack.enter_context(fetched(out, only=FILE))
    return Summary(done_before=True, problems=problems_in(results / FILE))


@app.command()
def info(
    bag: BagPlace,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")] = False,
) -> None:
    """What is in a bag, and which of its topics can be processed.

    With --json: {"bag": path, "start_ns": n, "end_ns": n, "files": [...], "topics": [{"topic": t, "type": y,
    "messages": n, "hz": h, "latched": b, "use": u, "encoding": e}, ...], "problems": [...]}; "use" is "images",
    "depth", "drawn" (by a detector), or why the images cannot be processed; null for topics without images.

    Exit code: 0; 1 if something cannot be read.
    """
    with exit_codes():
        from face_detect_ros.bags.cameras import cameras
        from face_detect_ros.bags.reading import BagReader
        from face_detect_ros.bags.stored import looked_at
        from face_detect_ros.core.text import printable, shown_url

        with looked_at(bag) as path, BagReader(path) as reader:
            found = {camera.topic.key: camera for camera in cameras(reader)}
            rows: list[dict[str, Any]] = []
            for topic in reader.topics:
                camera = found.get(topic.key)
                rows.append(
                    {
                        "topic": topic.name,
                        "type": topic.type,
                        "messages": topic.count,
                        "hz": round((topic.count - 1) / reader.duration_s, 2)
                        if reader.duration_s and topic.count > 1
                        else 0.0,
                        "latched": topic.latched,
                        "use": camera.use if camera else None,
                        "encoding": camera.encoding if camera else None,
                    }
                )
            record: dict[str, Any] = {
                "bag": shown_url(bag, keys=True),
                "start_ns": reader.start_ns,
                "end_ns": reader.end_ns,
                "files": [path.name for path in reader.files],
                "topics": rows,
                "problems": reader.problems,
            }
            duration_s = reader.duration_s
        if json:
            print_json(record)
        else:
            messages = sum(row["messages"] for row in rows)
            typer.echo(
                f"{printable(record['bag'])}: {duration_s:.1f} s, {messages} messages, {len(rows)} topics"
            )
            names = [printable(row["topic"]) for row in rows]
            width = max(map(len, names), default=0)
            for name, row in zip(names, rows, strict=True):
                use = f"  {row['use']} ({row['encoding']})" if row["use"] and row["encoding"] else ""
                use = use or (f"  {row['use']}" if row["use"] else "")
                about = printable(f"{row['type']}{use}")
                typer.echo(f"  {name:<{width}}  {row['messages']:>7}  {row['hz']:>6.1f} Hz  {about}")
            for problem in record["problems"]:
                report(problem)
        if record["problems"]:
            raise typer.Exit(FAILED)


@app.command()
def find(
    results: Annotated[
        str,
        typer.Argument(
            callback=tasks.given,
            metavar="RESULTS",
            help="What `bag` or `fleet` wrote: a folder or results.sqlite3, or its URL.",
            show_default=False,
        ),
    ],
    name: Annotated[str, typer.Option(help="A person's name.")] = "",
    class_name: Annotated[str, typer.Option("--class", help="A class, such as person.")] = "",
    near: Annotated[
        str, typer.Option(metavar="METERS", help="At most so far from the camera, such as 2 or 2m.")
    ] = "",
    min_score: Annotated[float, typer.Option(help="Lowest score, 0 to 1.")] = 0.0,
    topic: Annotated[str, typer.Option(help="Of the images, or the camera's name.")] = "",
    gap_s: Annotated[
        float, typer.Option("--gap", help="Sightings further apart, in seconds, are two.")
    ] = 1.0,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per interval, nothing else.")] = False,
) -> None:
    """When something was seen: one line for each interval, with the seconds since the start of the bag's images.

    With --json: {"bag": path, "topic": t, "task": k, "what": name or class, "track": n, "start_ns": n, "end_ns": n,
    "images": n, "score": best, "nearest_m": d, "best_ns": n, "box": [x1, y1, x2, y2]}; the box of the best score.

    Exit code: 0; 1 if nothing was found or results cannot be read; 2 for bad arguments.
    """
    with exit_codes():
        from face_detect_ros.core.text import printable, shown_url
        from face_detect_ros.files.transfers import fetched
        from face_detect_ros.fleet.one_bag import table

        query = table.Query(name, class_name, _meters(near), min_score, topic, gap_s)
        anything = False
        with fetched(results, only=table.FILE) as path:
            starts = table.first_times(path)
            for found in table.find(path, query):
                anything = True
                if json:
                    print_json(_interval(found))
                else:
                    typer.echo(printable(_line(found, starts.get(found.bag, found.start_ns))))
        if not anything:
            report(f"{shown_url(results, keys=True)}: nothing was found")
            raise typer.Exit(FAILED)


def split(names: str) -> tuple[str, ...]:
    """The parts of a list with commas."""
    return tuple(part.strip() for part in names.split(",") if part.strip())


@contextlib.contextmanager
def _watcher(job: Job, *, json: bool) -> Iterator[Any]:
    """Shows a bar, and prints results if `json`."""
    from face_detect_ros.cli.common.progress import progress_bar
    from face_detect_ros.cli.common.results import as_record
    from face_detect_ros.fleet.one_bag.processing import Watcher

    with contextlib.ExitStack() as stack:

        class _Watcher(Watcher):
            def begin(self, images: int) -> None:
                self.advance = stack.enter_context(progress_bar(job.bag.name[-40:], images))

            def image(self) -> None:
                self.advance()

            def result(self, task: str, key: ImageKey, result: Result) -> None:
                if json:
                    record = as_record(f"{job.called}#{key.topic}", result)
                    about = {
                        "topic": key.topic,
                        "task": task,
                        "log_ns": key.log_ns,
                        "stamp_ns": result.frame.stamp_ns,
                    }
                    print_json({"image": record.pop("image"), **about, **record})

        yield _Watcher()


def _tell(summary: Summary, out: str, *, json: bool) -> None:
    for problem in summary.problems:
        report(problem)
    if json:
        return
    if summary.done_before:
        typer.echo(f"{out}: is there already, from the same work")
        return
    parts = [f"{summary.images} images", f"{summary.detections} detections"]
    if summary.copied:
        parts.append(f"{summary.copied} messages copied")
    if summary.resumed:
        parts.append(f"{summary.resumed} images from an interrupted run")
    if summary.failed:
        parts.append(f"{summary.failed} failed")
    busy = f"; the network computed for {summary.network_s:.1f} s" if summary.network_s > 0 else ""
    typer.echo(f"{out}: {', '.join(parts)} in {summary.seconds:.1f} s{busy}")


def _meters(text: str) -> float | None:
    from face_detect_ros.core.errors import ConfigError

    if not text:
        return None
    try:
        return float(text.strip().removesuffix("m"))
    except ValueError as error:
        raise ConfigError(f"near is '{text}'; give meters, such as 2 or 2m") from error


def _interval(found: Interval) -> dict[str, Any]:
    return {
        "bag": found.bag,
        "topic": found.topic,
        "task": found.task,
        "what": found.what,
        "track": found.track,
        "start_ns": found.start_ns,
        "end_ns": found.end_ns,
        "images": found.images,
        "score": round(found.best_score, 4),
        "nearest_m": None if found.nearest_m is None else round(found.nearest_m, 3),
        "best_ns": found.best_ns,
        "box": [round(value, 2) for value in found.box],
    }


def _line(found: Interval, bag_start_ns: int) -> str:
    start_s, end_s = ((time_ns - bag_start_ns) * 1e-9 for time_ns in (found.start_ns, found.end_ns))
    track = "" if found.track is None else f"#{found.track} "
    near = "" if found.nearest_m is None else f"  from {found.nearest_m:.2f} m"
    images = f"{found.images} image{'s' * (found.images != 1)}"
    return (
        f"{found.bag} {found.topic}  {start_s:.1f}-{end_s:.1f} s  {track}{found.what}  {images}, "
        f"score {found.best_score:.2f}{near}"
    )
