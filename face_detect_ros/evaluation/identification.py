# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How often a name is right, wrong or missing, by the number of people in the gallery.

The rates are those of single images; on a track several looks have to agree, which makes them better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.faces.embedders.catalogue import Embedder
from face_detect_ros.faces.gallery.people import GallerySnapshot, Person
from face_detect_ros.faces.matching import MatchOptions, match
from face_detect_ros.images.reading import image_files, read_image

SIZES = (10, 100, 1000)
_LOOKS = 3
_CHIPS_AT_ONCE = 16
# galleries are drawn until this many faces have been tried, or so many drawn
_LEAST_STRANGERS = 6_000
_LEAST_ENROLLED = 2_000
_MOST_DRAWS = 300
_STRANGERS_A_DRAW = 300
_START = datetime(2000, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class IdentificationRates:
    """Rates for faces compared with a gallery of `people` people, each from 0 to 1.

    Attributes:
        false_accept: Share of strangers who were given a name.
        false_reject: Share of enrolled people who were given none; None if no image of them was left to try.
        wrong_name: Share of enrolled people who were given somebody else's name; None likewise.
        strangers, enrolled: Number of faces behind these shares.
    """

    people: int
    false_accept: float
    false_reject: float | None
    wrong_name: float | None
    strangers: int
    enrolled: int


def evaluate_identification(
    images: Path,
    detector: Detector,
    embedder: Embedder,
    detect_options: DetectOptions,
    match_options: MatchOptions,
    pair_distance: float,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Evaluate a folder that has a folder of images per person, as LFW does.

    In each image the face nearest to the center counts; an image without a face is left out and counted.

    Args:
        images: The folder.
        detector: Finds the faces.
        embedder: Describes them.
        detect_options: For the detector.
        match_options: The rule that gives names.
        pair_distance: Below which the embedder's makers take two faces for one person.
        advance: Called after each image.

    Returns:
        Ready for JSON. `nearest_only` is the rule without margin, with `pair_distance`.

    Raises:
        ConfigError: There are not enough people.
        SourceError: An image cannot be read.
    """
    names, embeddings, without_face = describe(images, detector, embedder, detect_options, advance)
    sizes = [size for size in SIZES if size < len(set(names))]
    if not sizes:
        raise ConfigError(f"{images}: shows {len(set(names))} people; more than {SIZES[0]} are needed")
    plain = replace(match_options, accept_distance=pair_distance, margin=0.0, separation_factor=0.0)
    return {
        "people": len(set(names)),
        "images": len(names),
        "without_face": without_face,
        "sizes": [asdict(rates(names, embeddings, size, match_options)) for size in sizes],
        "nearest_only": [asdict(rates(names, embeddings, size, plain)) for size in sizes],
    }


def person_folders(images: Path) -> list[Path]:
    """The folders in `images` that hold images, by name. Raises ConfigError if there are none."""
    try:
        folders = sorted(path for path in images.iterdir() if path.is_dir() and image_files(path))
    except OSError as error:
        raise ConfigError(f"{images}: {error.strerror or error}") from error
    if not folders:
        raise ConfigError(f"{images}: no folders with images; give one that has a folder per person")
    return folders


def describe(
    images: Path,
    detector: Detector,
    embedder: Embedder,
    options: DetectOptions,
    advance: Callable[[], None] = lambda: None,
) -> tuple[list[str], np.ndarray, int]:
    """Embed the most central face of every image.

    Args:
        images: Folder with a folder per person.
        detector: Finds the faces.
        embedder: Describes them.
        options: Of the detector.
        advance: Called after each image.

    Returns:
        Names, (N, D) embeddings, and the number of images without a face.
    """
    names: list[str] = []
    chips: list[np.ndarray] = []
    embeddings: list[np.ndarray] = []
    without_face = 0
    for folder in person_folders(images):
        for file in image_files(folder):
            image = read_image(file)
            found = detector.detect([image], options)[0]
            if len(found):
                names.append(folder.name)
                chips.append(embedder.chips(image, found.select([_central(found, image)]))[0])
                if len(chips) == _CHIPS_AT_ONCE:
                    embeddings.append(embedder.embed(np.stack(chips)))
                    chips.clear()
            else:
                without_face += 1
            advance()
    if chips:
        embeddings.append(embedder.embed(np.stack(chips)))
    return names, np.concatenate(embeddings) if embeddings else np.empty((0, 0), np.float32), without_face


def rates(
    names: Sequence[str],
    embeddings: np.ndarray,
    size: int,
    options: MatchOptions,
    looks: int = _LOOKS,
    seed: int = 0,
) -> IdentificationRates:
    """Draw galleries of `size` people at random; try everybody else's faces and the other images of the enrolled
    people.

    Args:
        names: (N,) names of the people in the embeddings.
        embeddings: (N, D).
        size: People in a gallery.
        looks: Most images enrolled per person; one image of each person who has several is always left to try.
        options: What counts as a match.
        seed: Of the draws.

    Raises:
        ConfigError: There are not more than `size` people.
    """
    of_person: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        of_person.setdefault(name, []).append(index)
    if not 0 < size < len(of_person):
        raise ConfigError(
            f"a gallery of {size} and strangers to it cannot be drawn from {len(of_person)} people"
        )
    generator = np.random.default_rng(seed)
    strangers = accepted = enrolled = rejected = wrong = 0
    for _ in range(_MOST_DRAWS):
        if strangers >= _LEAST_STRANGERS and enrolled >= _LEAST_ENROLLED:
            break
        order = [sorted(of_person)[index] for index in generator.permutation(len(of_person))]
        gallery, own = _draw(order[:size], of_person, embeddings, looks, generator)
        others = np.concatenate([of_person[name] for name in order[size:]])
        others = generator.permutation(others)[:_STRANGERS_A_DRAW]
        strangers += len(others)
        accepted += sum(found.name is not None for found in match(embeddings[others], gallery, options))
        for name, indices in own.items():
            for found in match(embeddings[indices], gallery, options):
                enrolled += 1
                rejected += found.name is None
                wrong += found.name not in (None, name)
    return IdentificationRates(
        size,
        accepted / strangers,
        rejected / enrolled if enrolled else None,
        wrong / enrolled if enrolled else None,
        strangers,
        enrolled,
    )


def _draw(
    people: Sequence[str],
    of_person: dict[str, list[int]],
    embeddings: np.ndarray,
    looks: int,
    generator: np.random.Generator,
) -> tuple[GallerySnapshot, dict[str, list[int]]]:
    """A gallery of these people, and the indices of their images that are not in it."""
    chosen: list[int] = []
    own: dict[str, list[int]] = {}
    persons = []
    for name in sorted(people):
        indices = [of_person[name][index] for index in generator.permutation(len(of_person[name]))]
        count = min(looks, max(1, len(indices) - 1))
        persons.append(Person(name, count, _START))
        chosen += indices[:count]
        if indices[count:]:
            own[name] = indices[count:]
    index = np.repeat(np.arange(len(persons)), [person.looks for person in persons])
    return GallerySnapshot(tuple(persons), embeddings[chosen], index), own


def _central(found: Detections, image: np.ndarray) -> int:
    centers = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    middle = np.array([image.shape[1] / 2, image.shape[0] / 2])
    return int(np.linalg.norm(centers - middle, axis=1).argmin())
