# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which image may teach the gallery a face, and why another may not. The command line and the node share it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.faces.embedders.catalogue import Embedder
from face_detect_ros.faces.gallery.people import GallerySnapshot
from face_detect_ros.faces.matching import match
from face_detect_ros.faces.options import EnrollmentOptions, MatchOptions

__all__ = [
    "Accepted",
    "EnrollmentOptions",
    "Reason",
    "Refusal",
    "conflict",
    "judge",
    "largest_face",
    "sharpness",
]

Reason = Literal["no_face", "several_faces", "too_small", "blurred", "somebody_else", "unlike"]

_MIDDLE = slice(25, 125)  # of a chip: without most of what is not face
_SHARPNESS_CONTRAST = 50.0


@dataclass(frozen=True)
class Refusal:
    """Why an image was not taken.

    Attributes:
        reason: A short key.
        message: For people; says what to do.
    """

    reason: Reason
    message: str


@dataclass(frozen=True, eq=False)
class Accepted:
    """An image good enough to enroll from.

    Attributes:
        face: Index of the face in the image's detections.
        embedding: (D,) float32.
        chip: (150, 150, 3) uint8 RGB, what the embedding was made from.
    """

    face: int
    embedding: np.ndarray
    chip: np.ndarray


def judge(
    name: str,
    image: np.ndarray,
    detections: Detections,
    embedder: Embedder,
    people: GallerySnapshot,
    match_options: MatchOptions,
    options: EnrollmentOptions,
) -> Accepted | Refusal:
    """Whether the largest face of an image may be enrolled as `name`.

    The embedder runs only if everything else is fine.

    Args:
        name: As `check_name` returns it.
        image: (H, W, 3) uint8 RGB.
        detections: The faces in it.
        embedder: Describes the face.
        people: Everybody in the gallery.
        match_options: How close a face of the same person is.
        options: How large and sharp the face must be.
    """
    chosen = largest_face(detections, options)
    if isinstance(chosen, Refusal):
        return chosen
    chips = embedder.chips(image, detections.select([chosen]))
    measured = sharpness(chips[0])
    if measured < options.min_sharpness:
        return Refusal(
            "blurred",
            f"the face is blurred (sharpness {measured:.1f}, at least {options.min_sharpness:g} is needed); "
            "hold still, or clean and focus the camera",
        )
    embedding = embedder.embed(chips)[0]
    return conflict(name, embedding, people, match_options, options) or Accepted(chosen, embedding, chips[0])


def largest_face(detections: Detections, options: EnrollmentOptions) -> int | Refusal:
    """Index of the one large face in an image, or why there is none."""
    if not len(detections):
        return Refusal("no_face", "no face was found; look at the camera, in good light")
    sides = (detections.boxes[:, 2:] - detections.boxes[:, :2]).min(axis=1)
    largest = int(sides.argmax())
    several = int((sides >= options.other_face_ratio * sides[largest]).sum())
    if several > 1:
        return Refusal("several_faces", f"{several} faces are in the image; it must show one person only")
    if sides[largest] < options.min_face_px:
        return Refusal(
            "too_small",
            f"the face is {sides[largest]:.0f} px wide, at least {options.min_face_px} are needed; come closer",
        )
    return largest


def conflict(
    name: str,
    embedding: np.ndarray,
    people: GallerySnapshot,
    match_options: MatchOptions,
    options: EnrollmentOptions,
) -> Refusal | None:
    """Why an embedding cannot be one of `name`.

    Args:
        name: The person.
        embedding: (D,) float32.
        people: Everybody in the gallery.
        match_options: How close a face of the same person is.
        options: How far it may be from what is known of the person.

    Returns:
        None if it can be.
    """
    found = match(embedding[None], people, match_options)[0]
    if found.name is not None and found.name != name:
        return Refusal(
            "somebody_else",
            f"this is already '{found.name}' (distance {found.distance:.2f}); use that name, or forget it first",
        )
    person = people.index_of(name)
    if person is not None:
        first = people.starts[person]
        theirs = people.embeddings[first : first + people.people[person].looks]
        distance = float(np.linalg.norm(theirs - embedding, axis=1).min())
        if distance >= options.unlike_distance:
            return Refusal(
                "unlike",
                f"this does not look like '{name}' (distance {distance:.2f}); use another image or another name",
            )
    return None


def sharpness(chip: np.ndarray) -> float:
    """Variance of the Laplacian of the face in a (150, 150, 3) uint8 RGB chip.

    Of the gray middle of the chip, smoothed by 1 px against noise and brought to a standard deviation of 50 gray
    levels: the size of the face and the light change it little. A focused face has 20 to 100.
    """
    gray = cv2.cvtColor(np.ascontiguousarray(chip[_MIDDLE, _MIDDLE]), cv2.COLOR_RGB2GRAY).astype(np.float32)
    face = cv2.GaussianBlur(gray, (0, 0), 1.0)
    # at least one level: the noise of a covered lens is not a face
    face *= _SHARPNESS_CONTRAST / max(float(face.std()), 1.0)
    return float(cv2.Laplacian(face, cv2.CV_32F).var())
