"""The work of `face_detect_ros enroll`: from pictures in folders to looks in the gallery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from face_detect_ros.cli.exits import report
from face_detect_ros.core.errors import ConfigError, DetectorError, GalleryError, ImageError, SourceError
from face_detect_ros.core.protocols import Detector
from face_detect_ros.detectors.catalogue import FACE_OPTIONS
from face_detect_ros.faces.embedders.catalogue import Embedder
from face_detect_ros.faces.enrollment import EnrollmentOptions, Refusal, judge
from face_detect_ros.faces.gallery.gallery import Gallery
from face_detect_ros.faces.gallery.people import check_name
from face_detect_ros.faces.matching import MatchOptions
from face_detect_ros.images.reading import other_files, picture_files, read_picture

# half of what is enrolled: a face that is too small is then called so, and not missed
_SMALLEST_LOOKED_FOR = 0.5
_SMALLEST_OF_SIDE = 1 / 40  # of a large picture; to look for less takes long and much memory


def folders_of_people(folder: Path) -> dict[str, list[Path]]:
    """The files in each folder inside `folder` that may be images, by the folder's name; hidden ones are left out.

    Raises ConfigError if there is none, or pictures lie in `folder` itself only.
    """
    if not folder.is_dir():
        raise ConfigError(
            f"{folder}: {'is a file' if folder.exists() else 'no such folder'}; give a folder of people"
        )
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        people = {path.name: sorted(picture_files(path) + other_files(path)) for path in inside}
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror or error}") from error
    except SourceError as error:
        raise ConfigError(str(error)) from error
    people = {name: files for name, files in people.items() if files}
    if not people:
        raise ConfigError(
            f"{folder}: no folders with pictures in it; make one per person, named as the person"
        )
    return people


class Enroller:
    """Judges one picture after another and enrolls those that are good.

    records: what was printed with --json, one for each picture.
    """

    def __init__(
        self,
        gallery: Gallery,
        detector: Detector,
        embedder: Embedder,
        options: EnrollmentOptions,
        *,
        keep_chips: bool,
        match_options: MatchOptions | None = None,
    ) -> None:
        self.records: list[dict[str, Any]] = []
        self._gallery = gallery
        self._detector = detector
        self._embedder = embedder
        self._options = options
        self._match_options = match_options or MatchOptions()
        self._keep_chips = keep_chips

    @property
    def failed(self) -> bool:
        """Whether a picture could not be read, or somebody has not one usable picture."""
        enrolled = {record["person"] for record in self.records if record["enrolled"]}
        return any(
            record.get("reason") == "unreadable" or record["person"] not in enrolled
            for record in self.records
        )

    def enroll(self, folder_name: str, file: Path) -> dict[str, Any]:
        """One picture of a person. Raises GalleryError if the gallery cannot be written."""
        name = folder_name
        try:
            name = check_name(folder_name)
        except GalleryError as error:
            result = _refused("name", str(error))
        else:
            result = self._enroll(name, file)
        record = {"image": str(file), "person": name, **result}
        self.records.append(record)
        return record

    def _enroll(self, name: str, file: Path) -> dict[str, Any]:
        try:
            image = read_picture(file)
            smallest = max(
                self._options.min_face_px * _SMALLEST_LOOKED_FOR, max(image.shape) * _SMALLEST_OF_SIDE
            )
            options = replace(FACE_OPTIONS, min_size_px=max(1, round(smallest)))
            found = self._detector.detect([image], options)[0]
            people = self._gallery.snapshot()
            judged = judge(name, image, found, self._embedder, people, self._match_options, self._options)
        except (SourceError, ImageError, DetectorError) as error:
            report(error if isinstance(error, SourceError) else f"{file}: {error}")
            return _refused("unreadable", str(error))
        if isinstance(judged, Refusal):
            return _refused(judged.reason, judged.message)
        chips = [judged.chip] if self._keep_chips else None
        added = self._gallery.enroll(name, judged.embedding, str(file), chips)
        return {"enrolled": True, "new": bool(added)}


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


def _refused(reason: str, message: str) -> dict[str, Any]:
    return {"enrolled": False, "reason": reason, "message": message}
