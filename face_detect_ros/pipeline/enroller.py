# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Enrolling people from photos: from files in folders to looks in the gallery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, DetectorError, GalleryError, ImageError, SourceError
from face_detect_ros.core.frame import Frame
from face_detect_ros.faces.enrollment import EnrollmentOptions, Refusal, judge
from face_detect_ros.faces.gallery.gallery import Gallery
from face_detect_ros.faces.gallery.people import check_name
from face_detect_ros.files.looking import exists, is_folder
from face_detect_ros.files.near import near_path
from face_detect_ros.images.reading import image_files, other_files, read_image
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.stages.recognize import Recognize

# half of what is enrolled: a face that is too small is then called so, and not missed
_SMALLEST_LOOKED_FOR = 0.5
_SMALLEST_OF_SIDE = 1 / 40  # of a large image; to look for less takes long and much memory


def folders_of_people(folder: Path) -> dict[str, list[Path]]:
    """The files in each folder inside `folder` that may be images, by the folder's name; hidden ones are left out.

    Raises ConfigError if there is none, or images lie in `folder` itself only.
    """
    if not is_folder(folder, ConfigError):
        raise ConfigError(
            f"{folder}: {'is a file' if exists(folder) else 'no such folder' + near_path(folder)}; "
            "give a folder of people"
        )
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        people = {path.name: sorted(image_files(path) + other_files(path)) for path in inside}
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror or error}") from error
    except SourceError as error:
        raise ConfigError(str(error)) from error
    people = {name: files for name, files in people.items() if files}
    if not people:
        raise ConfigError(f"{folder}: no folders with images in it; make one per person, named as the person")
    return people


class Enroller:
    """Takes one photo after another and enrolls those that are good enough.

    Args:
        pipeline: Without a tracker; recognizes people from the gallery that they are enrolled in.
        options: What a photo must be like.
        keep_chips: Also store the aligned faces.

    Attributes:
        gallery: Where people are enrolled; the pipeline's.
        records: What became of each photo, as --json prints it.
    """

    def __init__(self, pipeline: Pipeline, options: EnrollmentOptions, *, keep_chips: bool = False) -> None:
        recognition = pipeline.stage(Recognize)
        if recognition is None or recognition.gallery is None:
            raise ConfigError("enrolling needs a pipeline with a gallery")
        self.records: list[dict[str, Any]] = []
        self._pipeline = pipeline
        self.gallery: Gallery = recognition.gallery
        self._embedder = recognition.embedder
        self._options = options
        self._keep_chips = keep_chips

    @property
    def failed(self) -> bool:
        """Whether a photo could not be read, or somebody has not one usable photo."""
        enrolled = {record["person"] for record in self.records if record["enrolled"]}
        return any(
            record.get("reason") == "unreadable" or record["person"] not in enrolled
            for record in self.records
        )

    def enroll(self, folder_name: str, file: Path) -> dict[str, Any]:
        """Enroll a person from one photo, or refuse it. Raises GalleryError if the gallery cannot be written."""
        name = folder_name
        try:
            name = check_name(folder_name)
        except GalleryError as error:
            outcome = _refused("name", str(error))
        else:
            outcome = self._enroll(name, file)
        record = {"image": str(file), "person": name, **outcome}
        self.records.append(record)
        return record

    def _enroll(self, name: str, file: Path) -> dict[str, Any]:
        try:
            image = read_image(file)
            judged = judge(
                name,
                image,
                self._faces(image),
                self._embedder,
                self.gallery.snapshot(),
                self._pipeline.default_options.match,
                self._options,
            )
        except SourceError as error:
            return _refused("unreadable", str(error))
        except (ImageError, DetectorError) as error:
            return _refused("unreadable", f"{file}: {error}")
        if isinstance(judged, Refusal):
            return _refused(judged.reason, judged.message)
        chips = [judged.chip] if self._keep_chips else None
        added = self.gallery.enroll(name, judged.embedding, str(file), chips)
        return {"enrolled": True, "new": bool(added)}

    def _faces(self, image: np.ndarray) -> Detections:
        smallest = max(self._options.min_face_px * _SMALLEST_LOOKED_FOR, max(image.shape) * _SMALLEST_OF_SIDE)
        options = self._pipeline.default_options
        detect = replace(options.detect, min_size_px=max(1, round(smallest)))
        batch = [(self._pipeline.open_stream(), Frame(image))]
        return self._pipeline.process(batch, replace(options, detect=detect))[0].detections


def _refused(reason: str, message: str) -> dict[str, Any]:
    return {"enrolled": False, "reason": reason, "message": message}


def report_lines(records: Sequence[dict[str, Any]]) -> Iterator[str]:
    """For people: what was refused and why, then a line for each person."""
    refused = [record for record in records if not record["enrolled"]]
    for record in refused:
        if record["reason"] != "unreadable":  # has been reported
            yield f"{record['image']}: refused: {record['message']}"
    people = list(dict.fromkeys(record["person"] for record in records))
    width = max(len(name) for name in people)
    for name in people:
        own = [record for record in records if record["person"] == name]
        new = sum(record["enrolled"] and record["new"] for record in own)
        known = sum(record["enrolled"] and not record["new"] for record in own)
        rest = sum(not record["enrolled"] for record in own)
        parts = [f"{new} enrolled", f"{known} known already" * bool(known), f"{rest} refused" * bool(rest)]
        yield f"{name:<{width}}  {', '.join(part for part in parts if part)}"
