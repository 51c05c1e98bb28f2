# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Face verification on pairs of images, as in Labeled Faces in the Wild: each image has one face in its middle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.protocols import DetectOptions, Detector
from face_detect_ros.evaluation.pairs import Pairs
from face_detect_ros.evaluation.verification import rates_at, verification_figures
from face_detect_ros.faces.embedders.catalogue import DLIB_PAIR_DISTANCE, Embedder
from face_detect_ros.faces.options import MatchOptions
from face_detect_ros.images.reading import read_image
from face_detect_ros.images.resizing import for_eyes

_BATCH = 32
_EXAMPLE_PX = 200  # height of an image of a pair that is shown
_FALLBACK_SIDE = 0.42  # of the image's shorter side: LFW's faces


class ImageEmbedder:
    """Embeds the face in the middle of each image.

    That is the best face whose box covers the middle. Where the detector finds none, the middle of the image stands
    in for a face, because leaving the pair out would flatter the embedder.

    Attributes:
        fallbacks: Number of images without a face in the middle.
    """

    def __init__(self, detector: Detector, options: DetectOptions, embedder: Embedder) -> None:
        self.fallbacks = 0
        self._detector = detector
        self._options = options
        self._embedder = embedder

    def embed(self, paths: tuple[Path, ...], advance: Callable[[], None] = lambda: None) -> np.ndarray:
        """Embed image files.

        Args:
            paths: The files.
            advance: Called after each image.

        Returns:
            (N, D) float32, one row per image.

        Raises:
            SourceError: An image cannot be read.
            DetectorError: The detector failed.
            ImageError: The detector's landmarks are not those of a face.
        """
        rows = []
        for start in range(0, len(paths), _BATCH):
            chips = []
            for path in paths[start : start + _BATCH]:
                chips.append(self._chip(read_image(path)))
                advance()
            rows.append(self._embedder.embed(np.stack(chips)))
        return np.concatenate(rows) if rows else np.empty((0, 128), np.float32)

    def _chip(self, image: np.ndarray) -> np.ndarray:
        """(S, S, 3) uint8 RGB."""
        (found,) = self._detector.detect([image], self._options)
        middle = np.array([image.shape[1], image.shape[0]], np.float32) / 2
        covers = (found.boxes[:, :2] <= middle).all(axis=1) & (found.boxes[:, 2:] >= middle).all(axis=1)
        if covers.any():
            face = found.select(np.flatnonzero(covers)[:1])
        else:
            self.fallbacks += 1
            half = _FALLBACK_SIDE * min(image.shape[:2]) / 2
            face = Detections(np.concatenate([middle - half, middle + half])[None], np.ones(1), np.zeros(1))
        chip: np.ndarray = self._embedder.chips(image, face)[0]
        return chip


def evaluate_pairs(
    pairs: Pairs,
    images: ImageEmbedder,
    advance: Callable[[], None] = lambda: None,
    *,
    accept_distance: float = MatchOptions.accept_distance,
    pair_distance: float = DLIB_PAIR_DISTANCE,
    on_distances: Callable[[np.ndarray], None] = lambda _: None,
) -> dict[str, Any]:
    """Embed every image once and judge the pairs by the distance of their embeddings.

    Args:
        pairs: Which images show one person and which do not.
        images: Embeds them.
        advance: Called after each image.
        accept_distance: Below which recognition may give a name, with this embedder.
        pair_distance: Below which its makers take two faces for one person.
        on_distances: Called with the distance of each pair, (P,) float64.

    Returns:
        Ready for JSON. What `verification_figures` gives; own_threshold: {accept_distance, and what `rates_at` gives};
        accuracy_at_<pair_distance>; images: how many images; fallbacks: in how many of them no face was found in the
        middle.
    """
    embeddings = images.embed(pairs.images, advance).astype(np.float64)
    distances = np.linalg.norm(embeddings[pairs.first] - embeddings[pairs.second], axis=1)
    on_distances(distances)
    return {
        **verification_figures(distances, pairs.same, pairs.folds),
        "own_threshold": {
            "accept_distance": accept_distance,
            **rates_at(accept_distance, distances, pairs.same),
        },
        f"accuracy_at_{pair_distance}": round(float(((distances < pair_distance) == pairs.same).mean()), 4),
        "images": len(pairs.images),
        "fallbacks": images.fallbacks,
    }


def worst_pairs(
    pairs: Pairs, distances: np.ndarray, accept_distance: float, count: int = 6
) -> list[tuple[np.ndarray, str]]:
    """The pairs of one person that are farthest apart, and those of two people that are nearest.

    Args:
        pairs: The pairs.
        distances: (P,) of their embeddings.
        accept_distance: Only what is on the wrong side of it is a mistake.
        count: Most pairs of each kind.

    Returns:
        (H, W, 3) uint8 RGB, both images side by side, and a caption of each.

    Raises:
        SourceError: An image cannot be read.
    """
    missed = np.flatnonzero(pairs.same & (distances >= accept_distance))
    taken = np.flatnonzero(~pairs.same & (distances < accept_distance))
    chosen = [
        *missed[np.argsort(-distances[missed], kind="stable")][:count],
        *taken[np.argsort(distances[taken], kind="stable")][:count],
    ]
    found = []
    for index in chosen:
        paths = [pairs.images[side[index]] for side in (pairs.first, pairs.second)]
        images = [read_image(path) for path in paths]
        sizes = [(_EXAMPLE_PX, max(1, round(_EXAMPLE_PX * im.shape[1] / im.shape[0]))) for im in images]
        both = np.hstack([for_eyes(image, size) for image, size in zip(images, sizes, strict=True)])
        kind = "one person, far apart" if pairs.same[index] else "two people, near"
        names = " and ".join(path.stem.replace("_", " ") for path in paths)
        found.append((both, f"{kind} ({distances[index]:.2f}): {names}"))
    return found
