# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What every tracker promises."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from face_detect_ros.core.detections import Detections

NO_TRACK = 0
"""Track id of a detection that belongs to no track."""


class Tracker(Protocol):
    """Gives each thing the same id in every image of one stream. One thread at a time may use an instance.

    An id is a positive number. It is given to one thing only in the life of an instance, restarts of time and `reset`
    included. Instances share nothing: the ids of two cameras are independent. Until a thing was seen often enough to be
    sure of it, it has the negative of its id: enough to count looks at it, but not to be published.

    Give it all detections of an image, also those below the threshold for publishing: they keep a track alive while a
    detector is unsure of it. Apply that threshold to what `update` returns::

        tracked = tracker.update(found, frame.stamp_ns, score_threshold=0.5, arrival_s=arrival_s)
        published = tracked.select(tracked.scores >= 0.5)
    """

    def update(
        self,
        detections: Detections,
        stamp_ns: int,
        *,
        score_threshold: float = 0.0,
        arrival_s: float | None = None,
    ) -> Detections:
        """Track the detections of the next image.

        Args:
            detections: Everything found in it. Existing track_ids are ignored.
            stamp_ns: The image's stamp, 0 if it has none. One that is a little older than the latest is answered
                without aging any track; one that is more than seconds older starts a new set of tracks.
            score_threshold: Lowest score that starts a track; lower ones only continue tracks.
            arrival_s: When the image arrived, in seconds of a monotonic clock. Ages follow it where stamps are
                constant or 0.

        Returns:
            The same detections, in the same order, with track_ids: positive for a confirmed track, negative for one
            that is not confirmed yet, `NO_TRACK` for none.
        """
        ...

    def rename(self, track_id: int, earlier_id: int) -> None:
        """A track turned out to be a thing that had another track before: it goes on under that id, confirmed.

        Args:
            track_id: Id of a track, as `update` gave it; the sign does not matter. Nothing happens if it has ended.
            earlier_id: An id that `update` gave before. A track that has it now ends.
        """
        ...

    def reset(self) -> None:
        """Forget every track. Ids are not used again."""
        ...


def has_track(detections: Detections) -> np.ndarray:
    """(N,) bool: which detections belong to a confirmed track."""
    if detections.track_ids is None:
        return np.zeros(len(detections), bool)
    tracked: np.ndarray = detections.track_ids > 0
    return tracked
