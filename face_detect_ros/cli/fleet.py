# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros fleet`: many bags through many processes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from face_detect_ros.cli.bag import split
from face_detect_ros.cli.common import tasks
from face_detect_ros.cli.common.exits import FAILED, exit_codes, report

if TYPE_CHECKING:
    from face_detect_ros.fleet.driver import Report


def fleet(
    source: Annotated[
        str,
        typer.Argument(
            callback=tasks.given,
            metavar="IN",
            help="A folder with bags anywhere below, or a text file with one path or URL per line; or the URL of "
            "either in an object store, such as s3://robots/bags (needs fsspec).",
            show_default=False,
        ),
    ],
    out: Annotated[
        str,
        typer.Argument(
            callback=tasks.given,
            metavar="OUT",
            help="Folder for the results, made if missing; or its URL in an object store.",
            show_default=False,
        ),
    ],
    workers: Annotated[
        int, typer.Option(min=0, help="Processes; 0: one for each two cores, one with CUDA.")
    ] = 0,
    ray: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Use the Ray cluster there (auto: the one this machine belongs to) instead of processes here. OUT and "
            "bags that are not URLs must have the same paths on all its machines.",
        ),
    ] = "",
    task: tasks.TaskNames = "faces",
    anonymize: Annotated[
        bool, typer.Option("--anonymize", help="Write copies of the bags with faces covered; see `bag`.")
    ] = False,
    annotate: Annotated[
        bool, typer.Option("--annotate", help="Also write images with the detections drawn on them.")
    ] = False,
    without: Annotated[
        str, typer.Option(metavar="TOPIC,TOPIC", help="With --anonymize: leave these topics out; see `bag`.")
    ] = "",
    keep: Annotated[
        str, typer.Option(metavar="TOPIC,TOPIC", help="With --anonymize: copy these as they are; see `bag`.")
    ] = "",
    topics: tasks.Topics = "",
    from_s: tasks.From = 0.0,
    to_s: tasks.To = None,
    every: tasks.Every = 1,
    piece_s: Annotated[
        float,
        typer.Option(
            "--piece", metavar="SECONDS", help="Cut longer bags into pieces of this length; 0: none."
        ),
    ] = 60.0,
    retry: Annotated[
        bool, typer.Option("--retry", help="Take up again the bags that were set aside.")
    ] = False,
    cover: tasks.Cover = "blur",
    hide: tasks.Hide = "faces",
    model: tasks.Model = None,
    device: tasks.Device = "auto",
    engine: tasks.Engine = tasks.DEFAULT_ENGINE,
    threads: tasks.Threads = 0,
    score_threshold: tasks.Threshold = None,
    classes: tasks.Classes = "",
    gallery: tasks.GalleryFile = None,
) -> None:
    """Process many bags at once: what `bag` does with each, spread over processes or a Ray cluster.

    Long bags are cut into pieces for the networks, which is where the time goes. Tracks, names and the result bag are
    made from all pieces in order, so they are those of a single process. OUT has bags/ (a result for each bag),
    results.sqlite3 (all detections in one table, for `bag find`, and the state of each bag and piece) and summary.json.

    The same command continues after any interruption, and includes new bags. A bag that cannot be processed, or with
    which a process died three times, is set aside with the reason.

    Exit code: 0; 1 if a bag was set aside or could not be read completely; 2 for bad arguments; 130 after Ctrl-C.
    """
    with exit_codes():
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.cli.common.progress import fleet_bar
        from face_detect_ros.files.stores import is_url
        from face_detect_ros.fleet import driver
        from face_detect_ros.fleet.bag_list import bags_of
        from face_detect_ros.fleet.local_pool import LocalPool, default_workers
        from face_detect_ros.fleet.mirror import Mirror
        from face_detect_ros.fleet.one_bag.job import Job
        from face_detect_ros.fleet.pool import Pool

        bags = bags_of(source, out)
        count = workers or default_workers(device)
        if not threads and not ray:
            threads = max(1, len(os.sched_getaffinity(0)) // count)
        chosen = tasks.tasks_of(
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
        )
        job = Job(
            Path(),
            chosen,
            topics=split(topics),
            from_s=from_s,
            to_s=to_s,
            every=every,
            annotate=annotate,
            anonymize=anonymize,
            without=split(without),
            keep=split(keep),
            every_name=False,
        )

        def make_pool() -> Pool:
            if ray:
                from face_detect_ros.fleet.ray_pool import RayPool

                return RayPool(chosen, ray, workers)
            return LocalPool(chosen, count)

        options = driver.Options(piece_s, retry)
        with contextlib.ExitStack() as stack:
            mirror = stack.enter_context(Mirror(out, report)) if is_url(out) else None
            folder = Path(out).absolute() if mirror is None else mirror.folder
            progress = stack.enter_context(fleet_bar())
            found = driver.run(job, bags, folder, make_pool, options, progress, mirror)
        _tell(found, out if mirror is None else mirror.shown)
        if found.set_aside or any(bag.problems for bag in found.bags):
            raise typer.Exit(FAILED)


def _tell(found: Report, out: str) -> None:
    for bag in found.bags:
        for problem in bag.problems:
            report(f"{bag.path}: {problem.removeprefix(f'{bag.path}: ')}")
    for bag in found.set_aside:
        report(f"{bag.path}: set aside: {bag.reason}")
    done = [bag for bag in found.bags if bag.state == "done"]
    hours = sum(bag.duration_s for bag in done) / 3600
    typer.echo(
        f"{out}: {len(done)} of {len(found.bags)} bags, {hours:.2f} h, {sum(bag.images for bag in done)} images, "
        f"{sum(bag.detections for bag in done)} detections"
    )
    rate = found.images / found.seconds if found.seconds else 0.0
    typer.echo(f"this run: {found.images} images in {found.seconds:.1f} s, {rate:.1f} a second")
