# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What verbs that work on recordings look for, from their options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from face_detect_ros.cli.common.exits import report
from face_detect_ros.core.errors import ConfigError, GalleryError
from face_detect_ros.detectors.catalogue import DEFAULT_MODEL
from face_detect_ros.engines.catalogue import AUTO, CHOICES

if TYPE_CHECKING:
    from face_detect_ros.fleet.one_bag.job import Task
    from face_detect_ros.pipeline.recipe import Recognition

TaskNames = Annotated[str, typer.Option("--task", help="What to look for: faces, objects or faces,objects.")]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"Detector; default for faces: {DEFAULT_MODEL['faces']}, for objects: {DEFAULT_MODEL['objects']}.",
    ),
]
Device = Annotated[str, typer.Option(help="Where it computes: auto, cpu, cuda or cuda:N.")]
Engine = Annotated[str, typer.Option(help=f"What computes the network: {', '.join(CHOICES)}.")]
Threads = Annotated[int, typer.Option(min=0, help="Of the network on a CPU; 0: one for each core.")]
Threshold = Annotated[
    float | None, typer.Option(help="Lowest score to report, 0 to 1; default: the model's own.")
]
Classes = Annotated[
    str, typer.Option(metavar="NAME,NAME", help="Report these classes only; default: all of the model's.")
]
GalleryFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Say who the faces are; default: the usual gallery, if it exists."),
]
Hide = Annotated[
    str,
    typer.Option(
        metavar="WHAT",
        help="With --anonymize: cover faces, heads (also of persons whose face is not found), or whole persons.",
    ),
]
Cover = Annotated[str, typer.Option(help="How faces are covered: blur, pixelate or box.")]


Places = TypeVar("Places", str, list[str], None)


def given(places: Places) -> Places:
    """Paths or URLs from the command line. Raises BadParameter for an empty one, as of an unset variable."""
    each: Sequence[str] = [places] if isinstance(places, str) else places or ()
    if not all(place.strip() for place in each):
        raise typer.BadParameter("is empty; give a path or URL")
    return places


Every = Annotated[int, typer.Option(min=1, metavar="N", help="Process every Nth image of each topic.")]
Topics = Annotated[
    str,
    typer.Option(metavar="TOPIC,TOPIC", help="Process these image topics only; default: every camera."),
]
From = Annotated[
    float, typer.Option("--from", metavar="SECONDS", help="Start this many seconds into the bag.")
]
To = Annotated[
    float | None, typer.Option("--to", metavar="SECONDS", help="Stop this many seconds into the bag.")
]
DEFAULT_ENGINE = AUTO


def tasks_of(
    names: str,
    *,
    model: str | None,
    device: str,
    engine: str,
    threads: int,
    score_threshold: float | None,
    classes: str,
    gallery: Path | None,
    anonymize: bool = False,
    style: str = "blur",
    hide: str = "faces",
) -> tuple[Task, ...]:
    """The tasks that the options of a command describe.

    Args:
        names: "faces", "objects" or both, separated by a comma.
        model: Detector; None for the default of the task.
        device: "auto", "cpu", "cuda" or "cuda:N".
        engine: What computes the network.
        threads: On a CPU; 0: one for each core.
        score_threshold: Lowest score of a detection; None for the detector's own.
        classes: To detect, separated by commas; "" for all.
        gallery: File of known people; None for the usual one.
        anonymize: Cover people.
        style: How they are covered.
        hide: What is covered, one of `COVERS`.

    Raises:
        ConfigError: The options do not go together.
    """
    from face_detect_ros.core.protocols import DetectOptions
    from face_detect_ros.detectors import catalogue
    from face_detect_ros.fleet.one_bag.job import NODES, Task
    from face_detect_ros.pipeline.recipe import Recipe
    from face_detect_ros.pipeline.stages.cover import COVERS
    from face_detect_ros.tracking.options import TrackerOptions
    from face_detect_ros.viz.anonymize import AnonymizerOptions

    if hide not in COVERS:
        raise ConfigError(f"--hide is '{hide}'; choose one of: {', '.join(COVERS)}")
    wanted = _names(names)
    for name in wanted:
        if name not in NODES:
            raise ConfigError(f"task '{name}' is unknown; choose from: {', '.join(NODES)}")
    if len(wanted) > 1:
        given = {"--model": model, "--score-threshold": score_threshold, "--classes": classes or None}
        if both := [option for option, value in given.items() if value is not None]:
            raise ConfigError(f"{', '.join(both)} belongs to one task; give one with --task")
    detect: dict[str, Any] = {} if score_threshold is None else {"score_threshold": score_threshold}
    DetectOptions(**detect)  # refused before anything is loaded
    tasks = []
    for name in wanted:
        catalogue.find(model or catalogue.default_model(name), task=name)
        recipe = Recipe(
            task=name,
            model=model or "",
            device=device,
            engine=engine,
            threads=threads,
            steady=True,
            classes=classes,
            # whoever reads the results of a file looks for an id on each detection
            tracker_options=TrackerOptions(min_hits=1),
            recognition=recognition(gallery) if name == "faces" and not anonymize else None,
            anonymizer=AnonymizerOptions(style=style),  # type: ignore[arg-type]
            cover=hide,  # type: ignore[arg-type]
        )
        tasks.append(Task(recipe, detect, classes))
    return tuple(tasks)


def recognition(gallery: Path | None) -> Recognition | None:
    """How to recognize the people in `gallery`, or in the usual one; None where nobody is enrolled. Makes no gallery.

    Reports people who cannot be recognized because they were enrolled with another embedder.

    Raises ConfigError if `gallery` does not exist, GalleryError if it cannot be used.
    """
    from face_detect_ros.faces.embedders import catalogue as embedders
    from face_detect_ros.faces.gallery.gallery import Gallery, default_path
    from face_detect_ros.faces.gallery.looks import model_text
    from face_detect_ros.files.looking import exists
    from face_detect_ros.files.near import near_path
    from face_detect_ros.pipeline.recipe import Recognition

    path = gallery or default_path()
    if not exists(path, GalleryError):
        if gallery is not None:
            raise ConfigError(
                f"gallery {gallery} does not exist{near_path(gallery)}; make it with: face_detect_ros enroll"
            )
        return None
    with Gallery(path, read_only=True) as opened:
        people = opened.people()
    if not people:
        return None
    how = Recognition(path, looks_per_image=None, frozen=True)
    here = embedders.identity(how.embedder)
    if left := ", ".join(person.name for person in people if model_text(here) not in person.models):
        report(
            f"{left}: enrolled with another embedder; to be recognized by {how.embedder}, enroll them again"
        )
    return how


def _names(text: str) -> Sequence[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip())) or ["faces"]
