# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros detect`: detections in images, folders, videos and bags, for people and for scripts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from face_detect_ros.cli.common.exits import FAILED, exit_codes, report
from face_detect_ros.cli.common.progress import FilesProgress, files_progress
from face_detect_ros.core.errors import DetectorError, ImageError, OutputError, SourceError
from face_detect_ros.detectors.catalogue import DEFAULT_MODEL, OBJECT_OPTIONS
from face_detect_ros.engines.catalogue import AUTO, CHOICES

if TYPE_CHECKING:
    import numpy as np

    from face_detect_ros.cli.common.media import MediaFile
    from face_detect_ros.cli.common.results import OutputFolder
    from face_detect_ros.pipeline.options import PipelineOptions
    from face_detect_ros.pipeline.pipeline import Pipeline
    from face_detect_ros.pipeline.result import Result


def detect(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Images, videos, bags, and folders (with all below them)."),
    ],
    task: Annotated[str, typer.Option(help="What to look for: faces or objects.")] = "faces",
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Detector, such as onnx:FILE; default for faces: {DEFAULT_MODEL['faces']}, for objects: "
            f"{DEFAULT_MODEL['objects']}. `face_detect_ros models list` shows them.",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="Where it computes: auto, cpu, cuda or cuda:N.")] = "auto",
    precision: Annotated[str, typer.Option(help="Numbers: auto, float32, bfloat16 or float16.")] = "auto",
    engine: Annotated[str, typer.Option(help=f"What computes the network: {', '.join(CHOICES)}.")] = AUTO,
    threads: Annotated[int, typer.Option(min=0, help="Of the network on a CPU; 0: one for each core.")] = 0,
    score_threshold: Annotated[
        float | None,
        typer.Option(
            help=f"Lowest score to report, 0 to 1; default for faces: the model's own, for objects: "
            f"{OBJECT_OPTIONS.score_threshold}."
        ),
    ] = None,
    min_size_px: Annotated[
        int | None,
        typer.Option(
            help="Smallest width or height to look for, in pixels of the image; smaller faces take longer. "
            "Default for faces: chosen by the model and the image's size, for objects: "
            f"{OBJECT_OPTIONS.min_size_px}."
        ),
    ] = None,
    classes: Annotated[
        str, typer.Option(metavar="NAME,NAME", help="Report these classes only; default: all of the model's.")
    ] = "",
    input_size: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="PIXELS",
            help="Objects only: longest side of what the network sees; 0: the model's own.",
        ),
    ] = 0,
    gallery: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Say who the faces are; default: the usual gallery, if it exists."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object per image on stdout, nothing else.")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for annotated images and videos (MP4); made if missing."),
    ] = None,
) -> None:
    """Find faces or objects in images, folders of them, videos and bags. Things in a video or bag are tracked.

    Without --json: a line for each image and one for each detection. With --json: one object per image, a line each,
    and nothing else on stdout:

    \b
    {"image": path,
     "detections": [{"box": [x1, y1, x2, y2], "score": s, "class": name,
                     "track": number,
                     "landmarks": [[x, y], ...], "landmark_set": "five_points",
                     "identity": {"name": name, "distance": d}}],
     "ms": {"pre": t, "network": t, "post": t}}

    Boxes and landmarks are in pixels of the image, times in milliseconds. Frames of a video are named clip.mp4#0,
    clip.mp4#1 and so on, those of a bag drive#/front/image_raw#0. Only frames have tracks: one thing keeps its number,
    and names come from several frames. Landmarks are five points of a face. "five_points": right eye, left eye, tip of
    the nose, right and left corner of the mouth; "eye_corners" (dlib's models): left eye (outer, inner corner), right
    eye (outer, inner), base of the nose; left and right are the person's own. Faces have an identity only where people
    are enrolled: "unknown" where it is not certain; the distance is to the nearest person, null for a face that was
    not compared. Objects have neither landmarks nor an identity.

    Exit code: 0; 1 if something could not be read, written or computed (the other images are still done); 2
    for bad arguments; 130 after Ctrl-C.
    """
    with exit_codes():
        # messages of FFmpeg about a damaged stream would be neither ours nor helpful
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.cli.common.json_output import print_json
        from face_detect_ros.cli.common.media import find_media
        from face_detect_ros.cli.common.results import OutputFolder, print_lines
        from face_detect_ros.cli.common.tasks import recognition
        from face_detect_ros.detectors import catalogue
        from face_detect_ros.detectors.class_filter import class_ids
        from face_detect_ros.pipeline.options import PipelineOptions
        from face_detect_ros.pipeline.recipe import Recipe
        from face_detect_ros.tracking.options import TrackerOptions

        name = model or catalogue.default_model(task)
        catalogue.find(name, task=task)
        chosen = {"score_threshold": score_threshold, "min_size_px": min_size_px}
        given: dict[str, Any] = {key: value for key, value in chosen.items() if value is not None}
        wanted = replace(catalogue.default_options(name, task=task), **given)
        media = find_media(paths)
        output = OutputFolder(save, media) if save else None
        recipe = Recipe(
            task=task,
            model=name,
            device=device,
            precision=precision,
            engine=engine,
            threads=threads,
            input_size=input_size,
            # whoever reads the results of a file looks for an id on each detection
            tracker_options=TrackerOptions(min_hits=1),
            recognition=recognition(gallery) if task == "faces" else None,
        )
        with recipe.build() as pipeline:
            wanted = replace(wanted, class_ids=class_ids(classes, pipeline.labels))
            run = _Run(pipeline, PipelineOptions(wanted), output, print_json if json else print_lines)
            with files_progress(len(media)) as progress:
                for item in media:
                    progress.start(item.path.name)
                    run.process(item, progress)
                    progress.finish()
        if not json:
            typer.echo(run.summary())
        if run.failures:
            raise typer.Exit(FAILED)


class _Run:
    """Detects in one file after another; one that fails is reported and counted, and the next follows."""

    def __init__(
        self,
        pipeline: Pipeline,
        options: PipelineOptions,
        output: OutputFolder | None,
        print_record: Callable[[dict[str, Any]], None],
    ) -> None:
        self.failures = 0
        self._images = 0
        self._detections = 0
        self._total_ms = 0.0
        self._pipeline = pipeline
        self._options = options
        # an image of its own has no track over which to vote
        self._at_once = replace(options, match=replace(options.match, looks_needed=1))
        self._output = output
        self._print_record = print_record

    def process(self, item: MediaFile, progress: FilesProgress) -> None:
        try:
            if item.is_bag:
                self._process_bag(item, progress)
            elif item.is_video:
                self._process_video(item, progress)
            else:
                self._process_image(item)
        except (SourceError, OutputError) as error:  # these name the file
            self._fail(error)
        except (DetectorError, ImageError) as error:
            self._fail(f"{item.path}: {error}")

    def _fail(self, error: object) -> None:
        report(error)
        self.failures += 1

    def summary(self) -> str:
        mean_ms = self._total_ms / self._images if self._images else 0.0
        failed = f", {self.failures} failed" if self.failures else ""
        images, found = (
            f"{count} {noun}{'s' * (count != 1)}"
            for count, noun in ((self._images, "image"), (self._detections, "detection"))
        )
        return f"{images}, {found}, {mean_ms:.0f} ms each{failed}"

    def _process_image(self, item: MediaFile) -> None:
        from face_detect_ros.core.frame import Frame
        from face_detect_ros.images.reading import read_image

        frame = Frame(read_image(item.path))
        result = self._pipeline.process([(self._pipeline.open_stream(), frame)], self._at_once)[0]
        result = replace(result, detections=replace(result.detections, track_ids=None))
        self._report(str(item.path), result)
        if self._output:
            self._output.save_image(item, _draw(result))

    def _process_video(self, item: MediaFile, progress: FilesProgress) -> None:
        from face_detect_ros.cli.common.media import VideoFrames
        from face_detect_ros.core.frame import Frame

        with VideoFrames(item.path) as video, contextlib.ExitStack() as opened:
            progress.expect(video.count())
            saved = (
                opened.enter_context(self._output.open_video(item, video.rate_hz)) if self._output else None
            )
            stream = self._pipeline.open_stream(str(item.path))
            for index, image in enumerate(video):
                # from 1 s on: a stamp of 0 means that there is none
                frame = Frame(image, stamp_ns=round((1 + index / video.rate_hz) * 1e9))
                result = self._pipeline.process([(stream, frame)], self._options)[0]
                self._report(f"{item.path}#{index}", result)
                if saved:
                    saved.write(_draw(result))
                progress.advance()
            for problem in video.problems:
                self._fail(problem)

    def _process_bag(self, item: MediaFile, progress: FilesProgress) -> None:
        from face_detect_ros.bags.frames import BagFrames, image_topics
        from face_detect_ros.images.raw import DecodeOptions

        topics = image_topics(item.path)
        if not topics:
            raise SourceError(f"{item.path}: has no topic with images that can be processed")
        with contextlib.ExitStack() as opened:
            bags = [
                opened.enter_context(BagFrames(item.path, topic, DecodeOptions(), self._fail))
                for topic in topics
            ]
            progress.expect(sum(bag.topic.count for bag in bags))
            for bag in bags:
                saved = (
                    opened.enter_context(
                        self._output.open_video(item, bag.rate_hz, bag.topic.name if len(bags) > 1 else "")
                    )
                    if self._output
                    else None
                )
                stream = self._pipeline.open_stream(f"{item.path}#{bag.topic.name}")
                for index, frame in enumerate(bag):
                    result = self._pipeline.process([(stream, frame)], self._options)[0]
                    self._report(f"{stream.name}#{index}", result)
                    if saved:
                        saved.write(_draw(result))
                    progress.advance()

    def _report(self, name: str, result: Result) -> None:
        from face_detect_ros.cli.common.results import as_record

        record = as_record(name, result)
        self._images += 1
        self._detections += len(result.detections)
        self._total_ms += sum(record["ms"].values())
        self._print_record(record)


def _draw(result: Result) -> np.ndarray:
    from face_detect_ros.viz.draw import draw_detections

    return draw_detections(result.frame.image, result.detections, result.labels, names=result.names)
