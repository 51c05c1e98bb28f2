# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A network that looks at each image twice: in full, and once more at a size where what fills the image looks small.

A network that was trained on few close-ups finds a face that fills a third of an image only if the image is made
smaller. The second look costs little: at 128 px instead of 448 a tenth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from face_detect_ros.core import boxes as box_geometry
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors.objects.attentive import AttentiveNetwork
from face_detect_ros.detectors.objects.detector import Candidates

if TYPE_CHECKING:
    from face_detect_ros.detectors.export.parts import ExportParts

SMALLEST_SHARE = 0.2
"""Least share of the input's longer side that a box of the second look has: smaller things are the first one's."""
_SAME = 0.5  # overlap


@dataclass(frozen=True, eq=False)
class Looks:
    """What both looks are given, or what they gave.

    Attributes:
        full: Of the whole batch.
        small: Of each image: itself, or the output.
        places: (in the full input, in the small input) of each image.
    """

    full: Any
    small: list[Any]
    places: list[tuple[Letterbox, Letterbox]]


class SizedNetwork(AttentiveNetwork, Protocol):
    """A network whose weights say at what size it should look at close-ups.

    Attributes:
        longest_px: Longest side of its input.
        close_up_px: That of the second look; 0: there is none.
        close_up_classes: Names of the classes that it looks for.
    """

    longest_px: int
    close_up_px: int
    close_up_classes: tuple[str, ...]

    def at(self, longest_px: int) -> AttentiveNetwork:
        """The same network for another input size."""
        ...


def looking_twice(network: SizedNetwork) -> AttentiveNetwork:
    """The network with the second look that its weights ask for, if it is much smaller than the first."""
    if 0 < 2 * network.close_up_px <= network.longest_px:
        return TwoLooks(network, network.at(network.close_up_px), network.close_up_classes)
    return network


class TwoLooks:
    """An `AttentiveNetwork` around one network at two input sizes. Candidates have the full input's pixels.

    Args:
        full: The network at its full size.
        small: The same at a smaller size, for what fills the image.
        classes: Names of those that the second look is for.
    """

    def __init__(self, full: AttentiveNetwork, small: AttentiveNetwork, classes: Sequence[str]) -> None:
        self.labels = full.labels
        self.device = full.device
        self.overlapping = full.overlapping
        self.overlap_factor: float = getattr(full, "overlap_factor", 1.0)
        self._full, self._small = full, small
        self._class_ids = tuple(index for index, name in enumerate(self.labels) if name in classes)

    def place(self, height: int, width: int) -> Letterbox:
        return self._full.place(height, width)

    def prepare(self, images: Sequence[np.ndarray], places: Sequence[Letterbox]) -> Looks:
        small = [self._small.place(*image.shape[:2]) for image in images]
        return Looks(
            self._full.prepare(images, places),
            list(images),
            list(zip(places, small, strict=True)),
        )

    def run(self, batch: Looks) -> Looks:
        full = self._full.run(batch.full)
        # one by one, as what is prepared may be painted over by the next
        small = [
            self._small.run(self._small.prepare([image], [place]))
            for image, (_, place) in zip(batch.small, batch.places, strict=True)
        ]
        return Looks(full, small, batch.places)

    def decode(self, output: Looks, options: DetectOptions) -> list[Candidates]:
        found = self._full.decode(output.full, options)
        wanted = tuple(each for each in self._class_ids if not options.class_ids or each in options.class_ids)
        if not wanted:
            return found
        close = replace(options, class_ids=wanted)
        return [
            _together(full, self._small.decode(one, close)[0], *places)
            for full, one, places in zip(found, output.small, output.places, strict=True)
        ]

    def attend(
        self, batch: Looks, box: np.ndarray, place: Letterbox, class_id: int | None = None
    ) -> np.ndarray:
        return self._full.attend(batch.full, box, place, class_id)

    def export_parts(self) -> ExportParts:
        """Of the full look alone."""
        parts: ExportParts = self._full.export_parts()  # type: ignore[attr-defined]
        return parts


def _together(full: Candidates, small: Candidates, place: Letterbox, small_place: Letterbox) -> Candidates:
    sides = (small.boxes[:, 2:] - small.boxes[:, :2]).max(axis=1, initial=0)
    # numbers that are not finite are passed on, to be reported
    large = ~(sides < SMALLEST_SHARE * max(small_place.resized))
    boxes = place.boxes_to_input(small_place.boxes_to_image(small.boxes[large]))
    scores, class_ids = small.scores[large], small.class_ids[large]
    of_one_class = class_ids[:, None] == full.class_ids
    meet = of_one_class & (box_geometry.share_of_smaller(boxes, full.boxes) >= _SAME)
    # the first look draws the finer box; where it saw only a part, the second is surer
    alike = box_geometry.iou(boxes, full.boxes) >= _SAME
    same = meet & alike & (full.scores >= scores[:, None] / 2)
    adds = ~(same | (meet & (full.scores >= scores[:, None]))).any(axis=1)
    # what both looks see whole is no place for its parts, unless they are far surer of a part
    whole = np.where(same, full.scores, 0).max(axis=1, initial=0)[:, None]
    surer = 2 * np.minimum(whole, scores[:, None]) >= full.scores
    part = meet & ~alike & surer & (box_geometry.area(full.boxes) < box_geometry.area(boxes)[:, None])
    stays = ~(meet[adds].any(axis=0) | part.any(axis=0))
    return Candidates(
        np.concatenate([full.boxes[stays], boxes[adds]]).astype(np.float32),
        np.concatenate([full.scores[stays], scores[adds]]),
        np.concatenate([full.class_ids[stays], class_ids[adds]]),
    )
