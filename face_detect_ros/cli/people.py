# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros enroll` and `face_detect_ros people`: who is in the gallery."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from face_detect_ros.cli.common.exits import FAILED, exit_codes, report
from face_detect_ros.cli.common.json_output import print_json
from face_detect_ros.core.errors import GalleryError
from face_detect_ros.detectors.catalogue import DEFAULT_MODEL
from face_detect_ros.faces.options import EnrollmentOptions
from face_detect_ros.files.looking import exists

if TYPE_CHECKING:
    from face_detect_ros.faces.gallery.gallery import Gallery
    from face_detect_ros.faces.gallery.people import Person

_ENROLMENT = EnrollmentOptions()

app = typer.Typer(
    help="List, rename, erase, export and import the people in the gallery.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
GalleryPath = Annotated[
    Path | None,
    typer.Option(
        "--gallery",
        metavar="PATH",
        help="The gallery's file; default: $ROS_HOME (or ~/.ros)/face_detect_ros/gallery.sqlite3.",
    ),
]


def enroll(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Has one folder per person, named as the person.")
    ],
    gallery: GalleryPath = None,
    model: Annotated[str, typer.Option(metavar="NAME", help="Face detector.")] = DEFAULT_MODEL["faces"],
    embedder: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What describes a face: dlib_resnet, dlib, arcface:FILE, sface, librefacerec-l.",
        ),
    ] = "dlib_resnet",
    device: Annotated[str, typer.Option(help="Where it computes: auto, cpu, cuda or cuda:N.")] = "auto",
    min_face_px: Annotated[
        int, typer.Option(help="Shortest side of a face, in pixels.")
    ] = _ENROLMENT.min_face_px,
    min_sharpness: Annotated[
        float,
        typer.Option(
            help="Lowest variance of the Laplacian of the upright face at normal size and contrast."
        ),
    ] = _ENROLMENT.min_sharpness,
    keep_chips: Annotated[
        bool, typer.Option("--keep-chips", help="Also store the 150 x 150 images of the faces.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object per image on stdout, nothing else.")
    ] = False,
) -> None:
    """Teach the gallery people from images: FOLDER/Anna/1.jpg, FOLDER/Anna/2.jpg, FOLDER/Ben/a.png.

    An image is refused, and the report says why, if it shows no face, more than one of about the same size, one
    that is too small or blurred, somebody who is in the gallery under another name, or nobody like the other
    looks of this name. What is enrolled is on disk at once; doing it again adds nothing.

    With --json, a line for each image:

    \b
    {"image": path, "person": name, "enrolled": true, "new": true}
    {"image": path, "person": name, "enrolled": false,
     "reason": "no_face" | "several_faces" | "too_small" | "blurred" |
               "somebody_else" | "unlike" | "unreadable" | "name",
     "message": text}

    Exit code: 0; 1 if an image could not be read or a person has no usable image; 2 for bad arguments;
    130 after Ctrl-C.
    """
    with exit_codes():
        os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
        from face_detect_ros.cli.common.progress import progress_bar
        from face_detect_ros.detectors import catalogue
        from face_detect_ros.faces.embedders import catalogue as embedders
        from face_detect_ros.pipeline.enroller import Enroller, folders_of_people, report_lines
        from face_detect_ros.pipeline.recipe import Recipe, Recognition

        entry = embedders.find(embedder)
        options = EnrollmentOptions(min_face_px, min_sharpness, unlike_distance=entry.unlike_distance)
        catalogue.find(model, task="faces")
        folders = folders_of_people(folder)
        recognition = Recognition(_path(gallery), embedder)
        recipe = Recipe(task="faces", model=model, device=device, tracker=None, recognition=recognition)
        with recipe.build() as pipeline:
            enroller = Enroller(pipeline, options, keep_chips=keep_chips)
            set_aside = _say_if_set_aside(enroller.gallery)
            with progress_bar("enroll", sum(len(files) for files in folders.values())) as advance:
                for name, files in folders.items():
                    for file in files:
                        record = enroller.enroll(name, file)
                        if record.get("reason") == "unreadable":
                            report(record["message"])
                        advance()
                        if json:
                            print_json(record)
            left = enroller.gallery.people_without_looks()
        if left:
            names = ", ".join(person.name for person in left)
            report(
                f"{names}: enrolled with another embedder; to be recognized by {embedder}, enroll them again"
            )
        if not json:
            for line in report_lines(enroller.records):
                typer.echo(line)
        if set_aside or enroller.failed:
            raise typer.Exit(FAILED)


@app.command("list")
def list_people(
    gallery: GalleryPath = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")] = False,
) -> None:
    """Everybody in the gallery: name, number of looks, since when, by which embedders, from what.

    With --json: {"gallery": path, "models": [{"id": i, "version": v}, ...], "people": [{"name": n, "looks": k,
    "since": time, "models": ["i (version v)", ...], "sources": [...]}, ...]}; "model" is the only one of "models",
    else null.

    Exit code: 0; 1 if the gallery cannot be read.
    """
    with exit_codes():
        from face_detect_ros.faces.gallery.gallery import Gallery
        from face_detect_ros.faces.gallery.looks import as_text

        path = _path(gallery)
        people: tuple[Person, ...] = ()
        models: tuple[tuple[str, str], ...] = ()
        if exists(path, GalleryError, follow=False):
            with Gallery(path, read_only=True) as opened:
                people, models = opened.people(), opened.models
        if json:
            rows = [
                {
                    "name": p.name,
                    "looks": p.looks,
                    "since": as_text(p.since),
                    "models": list(p.models),
                    "sources": list(p.sources),
                }
                for p in people
            ]
            described = [{"id": name, "version": version} for name, version in models]
            only = described[0] if len(described) == 1 else None
            print_json({"gallery": str(path), "model": only, "models": described, "people": rows})
        elif not people:
            typer.echo(f"nobody is in the gallery {path}")
        else:
            width = max(len(person.name) for person in people)
            for person in people:
                sources = ", ".join(person.sources)
                sources = sources if len(sources) <= 60 else f"{sources[:57]}..."
                looks = f"{person.looks} look{'s' * (person.looks != 1)}"
                made_by = f"  by {', '.join(person.models)}"
                typer.echo(
                    f"{person.name:<{width}}  {looks:>9}  since {as_text(person.since)}{made_by}  {sources}"
                )


@app.command()
def remove(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Who to erase.")],
    gallery: GalleryPath = None,
) -> None:
    """Erase people: their names, embeddings and images are gone from the gallery's files.

    Exports, backups, and damaged galleries that were set aside are yours to delete.

    Exit code: 0; 1 if somebody is not in the gallery (the others are still erased) or it cannot be written.
    """
    with exit_codes(), _existing(gallery) as opened:
        failed = False
        for name in names:
            try:
                typer.echo(f"erased '{name}' ({opened.forget(name)} looks)")
            except GalleryError as error:
                report(error)
                failed = True
        if failed:
            raise typer.Exit(FAILED)


@app.command()
def rename(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The present name.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The new name; nobody may have it yet.")],
    gallery: GalleryPath = None,
) -> None:
    """Give somebody another name.

    Exit code: 0; 1 if there is nobody of that name, or somebody has the new one.
    """
    with exit_codes(), _existing(gallery) as opened:
        opened.rename(old, new)
        typer.echo(f"'{old}' is now '{new}'")


@app.command("export")
def export_people(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A new file; an existing one is not replaced.")
    ],
    gallery: GalleryPath = None,
) -> None:
    """Write everything in the gallery to one portable file (JSON lines; mode 0600).

    Exit code: 0; 1 if there is no gallery or the file exists or cannot be written.
    """
    with exit_codes(), _reading(gallery) as opened:
        from face_detect_ros.faces.gallery.transfer import export_gallery

        looks = export_gallery(opened, file)
        typer.echo(f"{file}: {len(opened.people())} people, {looks} looks")


@app.command("import")
def import_people(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `people export` has written.")],
    gallery: GalleryPath = None,
) -> None:
    """Add the people in an exported file to the gallery; made if there is none.

    People with the same name are treated as the same person; looks that are missing are added. Nothing is removed.
    A file with a fault anywhere changes nothing.

    A gallery can hold looks from several embedders. Exit code: 0; 1 if the file is damaged or of a newer version.
    """
    with exit_codes():
        from face_detect_ros.faces.gallery.transfer import import_portable, read_portable

        portable = read_portable(file)
        with _opened(gallery) as opened:
            added = import_portable(opened, portable)
            typer.echo(f"{added} of {len(portable)} looks are new; {len(opened.people())} people")
            if opened.set_aside:
                raise typer.Exit(FAILED)


def _path(gallery: Path | None) -> Path:
    from face_detect_ros.faces.gallery.gallery import default_path

    return gallery or default_path()


@contextlib.contextmanager
def _opened(gallery: Path | None, model_id: str | None = None, model_version: str = "1") -> Iterator[Gallery]:
    from face_detect_ros.faces.gallery.gallery import Gallery

    with Gallery(_path(gallery), model_id, model_version) as opened:
        _say_if_set_aside(opened)
        yield opened


def _say_if_set_aside(gallery: Gallery) -> bool:
    """Report that the gallery's file was damaged and replaced, if it was."""
    if gallery.set_aside:
        report(f"gallery {gallery.path}: was damaged; it is kept as {gallery.set_aside}, a new one was made")
    return gallery.set_aside is not None


@contextlib.contextmanager
def _reading(gallery: Path | None) -> Iterator[Gallery]:
    from face_detect_ros.faces.gallery.gallery import Gallery

    with Gallery(_path(gallery), read_only=True) as opened:
        yield opened


@contextlib.contextmanager
def _existing(gallery: Path | None) -> Iterator[Gallery]:
    path = _path(gallery)
    if not exists(path, GalleryError):
        raise GalleryError(f"gallery {path}: there is none; enroll somebody first, or give --gallery")
    with _opened(gallery) as opened:
        if opened.set_aside:
            raise typer.Exit(FAILED)
        yield opened
