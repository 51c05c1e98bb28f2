# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What more of something costs: pixels, faces in an image, people in the gallery, cameras."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime, timezone

import cv2
import numpy as np
from skimage.data import astronaut

from face_detect_ros.benchmarks.face_models import scene
from face_detect_ros.benchmarks.rows import Row, best_ms
from face_detect_ros.core.frame import Frame
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.detectors import catalogue
from face_detect_ros.faces.align import CHIP_SIDE_PX
from face_detect_ros.faces.embedders import catalogue as embed
from face_detect_ros.faces.gallery.people import GallerySnapshot, Person
from face_detect_ros.faces.matching import match
from face_detect_ros.faces.options import MatchOptions
from face_detect_ros.pipeline.recipe import Recipe
from face_detect_ros.zoo.published import cache, checkpoints

SIZES = ((320, 240), (640, 480), (1280, 720), (1920, 1080))
FACES = (1, 4, 16, 64)
PEOPLE = (10, 100, 1_000, 10_000, 100_000)
CAMERAS = (1, 2, 4, 8)

_LOOKS = 4  # of each person
_GOAL_MS = {100_000: 5.0}
_REPEATS = 10
# as measured on 1,370 descriptors of 900 people of LFW: squared lengths about their mean, and how fast the variance
# falls from one direction to the next
_BETWEEN, _WITHIN, _FALL = 0.12, 0.1, 18.0
_LENGTH = 128
_MEAN_LENGTH = 1.3


def run(
    sizes: Sequence[tuple[int, int]] = SIZES,
    faces: Sequence[int] = FACES,
    people: Sequence[int] = PEOPLE,
    cameras: Sequence[int] = CAMERAS,
    repeats: int = _REPEATS,
) -> list[Row]:
    """Measure how time grows with the size of the task, with the default models on the default device.

    Args:
        sizes: Of images, (width, height) in pixels.
        faces: Numbers of faces in an image.
        people: Numbers of people in the gallery.
        cameras: Numbers of cameras.
        repeats: Runs of each measurement.

    Raises:
        PerceptionError: A model cannot be loaded.
    """
    return [
        *_pixels(sizes, repeats),
        *_faces(faces, repeats),
        *_people(people, repeats),
        *_cameras(cameras, repeats),
    ]


def gallery(people: int, looks_each: int = _LOOKS) -> tuple[GallerySnapshot, np.ndarray]:
    """A gallery of random people, spread as dlib's descriptors of real ones, and (2, 128) further descriptors.

    These are another look of the first person, and a stranger.
    """
    random = np.random.default_rng(0)
    variances = np.exp(-np.arange(_LENGTH) / _FALL)
    variances /= variances.sum()
    mean = random.normal(size=_LENGTH)
    mean *= _MEAN_LENGTH / np.linalg.norm(mean)

    def spread(total: float, *shape: int) -> np.ndarray:
        return random.normal(size=(*shape, _LENGTH)) * np.sqrt(total * variances)

    centers = mean + spread(_BETWEEN, people + 1)
    looks = centers[:people, None] + spread(_WITHIN, people, looks_each)
    since = datetime.now(timezone.utc)
    persons = tuple(Person(f"{number:06}", looks_each, since) for number in range(people))
    known = GallerySnapshot(
        persons,
        looks.reshape(-1, _LENGTH).astype(np.float32),
        np.repeat(np.arange(people), looks_each),
    )
    return known, (centers[[0, -1]] + spread(_WITHIN, 2)).astype(np.float32)


def _pixels(sizes: Sequence[tuple[int, int]], repeats: int) -> list[Row]:
    rows = []
    for task in catalogue.DEFAULT_MODEL:
        model = _model(task)
        options = catalogue.default_options(model, task=task)
        with contextlib.closing(catalogue.create(model, task=task)) as detector:
            for width, height in sizes:
                took_ms = _detect_ms(detector, scene(width, height), options, repeats)
                rows.append(Row(f"pixels: {model} {width}x{height}", "ms", took_ms))
    return rows


def _faces(counts: Sequence[int], repeats: int) -> list[Row]:
    rows = []
    model = _model("faces")
    options = catalogue.default_options(model, task="faces")
    with contextlib.closing(catalogue.create(model, task="faces")) as detector:
        for count in counts:
            took_ms = _detect_ms(detector, _crowd(count), options, repeats)
            rows.append(Row(f"faces in an image: {model}, {count}", "ms", took_ms))
    chip = cv2.resize(astronaut()[60:168, 170:278], (CHIP_SIDE_PX, CHIP_SIDE_PX))
    with contextlib.closing(embed.create()) as embedder:
        for count in counts:
            chips = np.repeat(chip[None], count, axis=0)
            took_ms = best_ms(lambda c=chips: embedder.embed(c), repeats)  # type: ignore[misc]
            rows.append(Row(f"faces in an image: describing {count}", "ms", took_ms))
    return rows


def _people(counts: Sequence[int], repeats: int) -> list[Row]:
    rows = []
    for count in counts:
        known, faces = gallery(count)
        limit_ms = best_ms(known.embeddings.sum, repeats)
        for who, face in zip(("somebody", "a stranger"), faces, strict=True):
            took_ms = best_ms(lambda k=known, f=face: match(f, k, MatchOptions()), repeats)  # type: ignore[misc]
            rows.append(
                Row(
                    f"people in the gallery: {who} among {count:,} with {_LOOKS} looks each",
                    "ms",
                    took_ms,
                    limit=limit_ms,
                    limit_name="adding the embeddings up",
                    goal=_GOAL_MS.get(count),
                )
            )
    return rows


def _cameras(counts: Sequence[int], repeats: int) -> list[Row]:
    """An image of each camera through detector and tracker, as one batch."""
    rows = []
    for task in catalogue.DEFAULT_MODEL:
        model = _model(task)
        with contextlib.closing(Recipe(task, model).build()) as pipeline:
            options = pipeline.default_options
            for count in counts:
                streams = [pipeline.open_stream(f"camera {number}") for number in range(count)]
                images = [scene(640, 480) for _ in streams]
                stamps = iter(range(10**9, 10**12, 10**8))

                def look(streams=streams, images=images, stamps=stamps, options=options) -> None:  # type: ignore[no-untyped-def]
                    stamp_ns = next(stamps)
                    frames = [Frame(image.copy(), stamp_ns, "") for image in images]
                    pipeline.process(list(zip(streams, frames, strict=True)), options)

                took_ms = best_ms(look, repeats) / count
                rows.append(Row(f"cameras: {model} 640x480, {count}", "ms/image", took_ms))
    return rows


def _detect_ms(detector: Detector, image: np.ndarray, options: DetectOptions, repeats: int) -> float:
    # every call gets an image of its own: what a network found in the latest one may be kept
    copies = iter([image.copy() for _ in range(repeats + 1)])
    return best_ms(lambda: detector.detect([next(copies)], options), repeats)


def _crowd(count: int) -> np.ndarray:
    """(720, 1280, 3): `count` faces of 60 px, in rows."""
    image = np.full((720, 1280, 3), 90, np.uint8)
    face = cv2.resize(astronaut()[20:200, 130:310], (80, 80), interpolation=cv2.INTER_AREA)
    for number in range(count):
        row, column = divmod(number, 12)
        top, left = 20 + row * 110, 20 + column * 105
        image[top : top + 80, left : left + 80] = face
    return image


def _model(task: str) -> str:
    """The task's default; without its weights, a model that comes with the package."""
    name = catalogue.default_model(task)
    weights = catalogue.find(name, task=task).checkpoint
    return name if not weights or cache.presence(checkpoints.find(weights)) == "yes" else "robot"
