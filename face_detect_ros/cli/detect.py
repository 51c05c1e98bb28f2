"""`face_detect_ros detect`: detections in pictures, folders and videos, for people and for scripts."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from face_detect_ros.cli.exits import FAILED, exit_codes, report
from face_detect_ros.core.errors import DetectorError, ImageError, OutputError, SourceError
from face_detect_ros.detectors.catalogue import DEFAULT_MODEL, OBJECT_OPTIONS

if TYPE_CHECKING:
    import numpy as np

    from face_detect_ros.cli.naming import FaceNamer
    from face_detect_ros.cli.pictures import MediaFile
    from face_detect_ros.cli.results import OutputFolder
    from face_detect_ros.core.protocols import DetectOptions, Detector


def detect(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Pictures, videos, and folders (with all below them)."),
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
        bool, typer.Option("--json", help="One JSON object per picture on stdout, nothing else.")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for annotated pictures and videos (MP4); made if missing."),
    ] = None,
) -> None:
    """Find faces or objects in pictures, folders of them and videos.

    Without --json: a line for each picture and one for each detection. With --json: one object per picture, a
    line each, and nothing else on stdout:

    \b
    {"image": path,
     "detections": [{"box": [x1, y1, x2, y2], "score": s, "class": name,
                     "landmarks": [[x, y], ...],
                     "identity": {"name": name, "distance": d}}],
     "ms": {"pre": t, "network": t, "post": t}}

    Boxes and landmarks are in pixels of the picture, times in milliseconds. Frames of a video are named
    clip.mp4#0, clip.mp4#1 and so on. A face's landmarks: the subject's left eye (outer, inner corner), right
    eye (outer, inner corner), base of the nose. Only where people are enrolled a face has an identity, "unknown" where
    that is not certain; distance: to the nearest of them. Objects have neither landmarks nor an identity.

    Exit code: 0; 1 if something could not be read, written or computed (the other pictures are still done); 2
    for bad arguments; 130 after Ctrl-C.
    """
    with exit_codes():
        # messages of FFmpeg about a damaged stream would be neither ours nor helpful
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.cli.json_output import print_json
        from face_detect_ros.cli.naming import open_namer
        from face_detect_ros.cli.pictures import find_media
        from face_detect_ros.cli.results import OutputFolder, print_lines
        from face_detect_ros.detectors import catalogue
        from face_detect_ros.detectors.class_filter import class_ids

        name = model or catalogue.default_model(task)
        catalogue.find(name, task=task)
        chosen = {"score_threshold": score_threshold, "min_size_px": min_size_px}
        given: dict[str, Any] = {key: value for key, value in chosen.items() if value is not None}
        options = replace(catalogue.default_options(name, task=task), **given)
        media = find_media(paths)
        output = OutputFolder(save, media) if save else None
        made = catalogue.create(name, task=task, device=device, precision=precision, input_size=input_size)
        with contextlib.closing(made) as detector:
            options = replace(options, class_ids=class_ids(classes, detector.labels))
            namer = open_namer(gallery, device) if task == "faces" else None
            run = _Run(detector, options, output, print_json if json else print_lines, namer)
            with _progress(len(media)) as progress:
                for item in media:
                    progress.start(item)
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
        detector: Detector,
        options: DetectOptions,
        output: OutputFolder | None,
        print_record: Callable[[dict[str, Any]], None],
        namer: FaceNamer | None,
    ) -> None:
        self._namer = namer
        self.failures = 0
        self._pictures = 0
        self._detections = 0
        self._total_ms = 0.0
        self._detector = detector
        self._options = options
        self._output = output
        self._print_record = print_record

    def process(self, item: MediaFile, progress: _Progress) -> None:
        try:
            if item.is_video:
                self._process_video(item, progress)
            else:
                self._process_picture(item)
        except (SourceError, OutputError) as error:  # these name the file
            self._fail(error)
        except (DetectorError, ImageError) as error:
            self._fail(f"{item.path}: {error}")

    def _fail(self, error: object) -> None:
        report(error)
        self.failures += 1

    def summary(self) -> str:
        mean_ms = self._total_ms / self._pictures if self._pictures else 0.0
        failed = f", {self.failures} failed" if self.failures else ""
        return f"{self._pictures} pictures, {self._detections} detections, {mean_ms:.0f} ms each{failed}"

    def _process_picture(self, item: MediaFile) -> None:
        from face_detect_ros.images.reading import read_picture

        annotated = self._detect(str(item.path), read_picture(item.path))
        if self._output and annotated is not None:
            self._output.save_picture(item, annotated)

    def _process_video(self, item: MediaFile, progress: _Progress) -> None:
        from face_detect_ros.cli.pictures import VideoFrames

        with VideoFrames(item.path) as video, contextlib.ExitStack() as opened:
            progress.expect(video.count())
            result = (
                opened.enter_context(self._output.open_video(item, video.rate_hz)) if self._output else None
            )
            for index, image in enumerate(video):
                annotated = self._detect(f"{item.path}#{index}", image)
                if result and annotated is not None:
                    result.write(annotated)
                progress.advance()

    def _detect(self, name: str, image: np.ndarray) -> np.ndarray | None:
        """Print what `image` shows; the annotated picture where one is wanted."""
        from face_detect_ros.cli.results import as_record

        detections = self._detector.detect([image], self._options)[0]
        times = self._detector.times
        matches = self._namer.identify(image, detections) if self._namer is not None else []
        record = as_record(name, detections, self._detector.labels, times, matches)
        self._pictures += 1
        self._detections += len(detections)
        self._total_ms += sum(record["ms"].values())
        self._print_record(record)
        if self._output is None:
            return None
        from face_detect_ros.viz.draw import draw_detections

        names = [match.name for match in matches] or None
        return draw_detections(image, detections, self._detector.labels, names=names)


class _Progress:
    """A bar on stderr that counts pictures and frames. This one shows nothing: stderr is no terminal."""

    def start(self, item: MediaFile) -> None:
        """Work on `item`, one picture until `expect` says otherwise, begins."""

    def expect(self, frames: int | None) -> None:
        """The file in hand has this many frames; None: nobody knows."""

    def advance(self) -> None:
        """One frame is done."""

    def finish(self) -> None:
        """Work on the file is over, whether it went well or not."""


class _Bar(_Progress):
    def __init__(self, progress: Any, files: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=files)
        self._total: int | None = files
        self._done_after_file = 0

    def start(self, item: MediaFile) -> None:
        self._done_after_file += 1
        self._progress.update(self._task, description=item.path.name[-40:])

    def expect(self, frames: int | None) -> None:
        more = 0 if frames is None else frames - 1
        self._done_after_file += more
        self._total = None if self._total is None or frames is None else self._total + more
        self._progress.update(self._task, total=self._total)

    def advance(self) -> None:
        self._progress.advance(self._task)

    def finish(self) -> None:
        self._progress.update(self._task, completed=self._done_after_file)


@contextlib.contextmanager
def _progress(files: int) -> Iterator[_Progress]:
    if not sys.stderr.isatty():
        yield _Progress()
        return
    from face_detect_ros.cli.progress import stderr_progress

    # rich would send stdout to the bar's own stream: right on one terminal, wrong for a file or a pipe
    with stderr_progress(redirect_stdout=sys.stdout.isatty()) as progress:
        yield _Bar(progress, files)
