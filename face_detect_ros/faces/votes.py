# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Names of tracks, from several looks each, so that they do not flicker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from face_detect_ros.faces.matching import Match
from face_detect_ros.faces.options import MatchOptions


@dataclass
class _Track:
    name: str | None = None
    candidate: str | None = None
    agreeing: int = 0
    unconfirmed: int = 0
    confirmation: Match | None = None  # the latest look that spoke for `name`


@dataclass
class TrackVotes:
    """Names of tracks, from several looks each, so that they do not flicker.

    A track gets a name when `looks_needed` looks in a row that name anybody name the same person; unknown
    looks between them do not count. It keeps the name through single contradictions and gets another only by
    the same rule. After `looks_to_lose` looks in a row that do not confirm it, it is unknown again.

    One instance per camera: instances share nothing. Not safe between threads.
    """

    _tracks: dict[int, _Track] = field(default_factory=dict)

    def update(
        self, track_ids: Iterable[int], matches: Sequence[Match], options: MatchOptions
    ) -> list[Match]:
        """Count one look at each track.

        Args:
            track_ids: Of the faces; each counts once.
            matches: Who each face seems to be.
            options: How many looks must agree.

        Returns:
            Each track's identity now. A track with a name has the distances of its latest look that confirmed it.
        """
        return [
            self._count(self._tracks.setdefault(int(track_id), _Track()), look, options)
            for track_id, look in zip(track_ids, matches, strict=True)
        ]

    def keep_only(self, track_ids: Iterable[int]) -> None:
        """Forget the tracks that are not among these: they have ended."""
        alive = {int(track_id) for track_id in track_ids}
        self._tracks = {track_id: track for track_id, track in self._tracks.items() if track_id in alive}

    def clear(self) -> None:
        """Forget every track, as when the gallery changes: nobody who was forgotten is still named."""
        self._tracks.clear()

    def __len__(self) -> int:
        return len(self._tracks)

    def _count(self, track: _Track, look: Match, options: MatchOptions) -> Match:
        if look.name is not None and look.name == track.name:
            track.candidate, track.agreeing, track.unconfirmed = None, 0, 0
            track.confirmation = look
        else:
            track.unconfirmed += 1
            if look.name is not None:
                self._propose(track, look, options)
            if track.unconfirmed >= options.looks_to_lose:
                track.name = track.candidate = track.confirmation = None
                track.agreeing = track.unconfirmed = 0
        if track.name is None or track.confirmation is None:
            return replace(look, name=None)
        return track.confirmation

    def _propose(self, track: _Track, look: Match, options: MatchOptions) -> None:
        track.agreeing = track.agreeing + 1 if look.name == track.candidate else 1
        track.candidate = look.name
        if track.name is None:
            track.unconfirmed = 0
        if track.agreeing >= options.looks_needed:
            track.name, track.confirmation = look.name, look
            track.candidate, track.agreeing, track.unconfirmed = None, 0, 0
