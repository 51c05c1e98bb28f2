# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What recognition and enrollment can be told, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass

from face_detect_ros.core.errors import ConfigError


@dataclass(frozen=True)
class MatchOptions:
    """When a face has a name. Distances are between embeddings.

    Attributes:
        accept_distance: The nearest look must be nearer than this; above 0, at most 2.
        margin: By how much further the nearest look of the next person must be; 0 to 1.
        separation_factor: Of the distance between a person and the nearest other one, above 0; nearer than this
            share of it a look must be. 0 switches it off.
        looks_needed: Agreeing looks on a track before it gets a name; at least 1.
        looks_to_lose: Looks in a row that do not confirm a track's name before it is taken away; at least 1.
        even_distance: Distance at which two looks are as likely of one person as of two, were there as many
            pairs of each.
        even_slope: How fast that likelihood falls there, per unit of distance: that of a logistic function.

    The defaults are for dlib's descriptor; each embedder has its own in `embedders.catalogue`.

    Raises ConfigError for a value outside its range.
    """

    # below every wrong pair of 3,600 from LFW; the nearest, between two men with East Asian faces, is at 0.46
    accept_distance: float = 0.46
    margin: float = 0.07
    separation_factor: float = 0.95
    looks_needed: int = 3
    looks_to_lose: int = 10
    even_distance: float = 0.616
    even_slope: float = 47.8

    def __post_init__(self) -> None:
        if not 0.0 < self.accept_distance <= 2.0:
            raise ConfigError(
                f"accept_distance is {self.accept_distance}; give a number above 0 and at most 2"
            )
        if not 0.0 <= self.margin <= 1.0:
            raise ConfigError(f"margin is {self.margin}; give a number from 0 to 1")
        if not 0.0 <= self.separation_factor <= 2.0:
            raise ConfigError(f"separation_factor is {self.separation_factor}; give a number from 0 to 2")
        for name in ("looks_needed", "looks_to_lose"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a whole number of at least 1")


@dataclass(frozen=True)
class LookOptions:
    """What a face in an image must be like for a look at it to count.

    Beyond these limits next to no pair of LFW is accepted any more: docs/recognition.md has the table.

    Attributes:
        min_face_px: Shorter side of its box, in pixels; at least 0.
        min_sharpness: See `quality.sharpness`; at least 0.
        max_turn: See `quality.turn`; at least 0.

    Raises ConfigError for a value outside its range.
    """

    min_face_px: int = 16
    min_sharpness: float = 6.0
    max_turn: float = 0.5

    def __post_init__(self) -> None:
        for name in ("min_face_px", "min_sharpness", "max_turn"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a number of at least 0")


@dataclass(frozen=True)
class EnrollmentOptions:
    """What an image must be like to be enrolled from.

    Attributes:
        min_face_px: Shortest side of the face's box, in pixels; at least 1.
        min_sharpness: See enrollment.sharpness. 99 % of 150 LFW images have more than 11; blurred with a sigma of 2 %
            of the face's width their median is 5.5, and their embeddings have moved by about 0.26 (strangers are at
            0.6 and more).
        other_face_ratio: Another face counts as a second one if its shorter side has at least this share of the
            largest's; 0 to 1. Smaller ones are people in the background.
        unlike_distance: A look of somebody known must be nearer than this to one of theirs; LFW's pairs of one
            person are within 0.65 in 99.5 % of the cases.

    Raises ConfigError for a value outside its range.
    """

    min_face_px: int = 60
    min_sharpness: float = 10.0
    other_face_ratio: float = 0.5
    unlike_distance: float = 0.8

    def __post_init__(self) -> None:
        if self.min_face_px < 1:
            raise ConfigError(f"min_face_px is {self.min_face_px}; give a whole number of at least 1")
        if not self.min_sharpness >= 0.0:
            raise ConfigError(f"min_sharpness is {self.min_sharpness}; give a number of at least 0")
        if not 0.0 <= self.other_face_ratio <= 1.0:
            raise ConfigError(f"other_face_ratio is {self.other_face_ratio}; give a number from 0 to 1")
        if not self.unlike_distance > 0.0:
            raise ConfigError(f"unlike_distance is {self.unlike_distance}; give a number above 0")
