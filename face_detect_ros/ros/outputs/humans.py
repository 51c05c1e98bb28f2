# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Faces by the conventions of ROS4HRI (REP 155): `/humans/faces/...` and `/humans/candidate_matches`."""

from __future__ import annotations

import re
import zlib
from typing import Any

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.faces.matching import Match
from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros import qos
from face_detect_ros.ros.cameras import CameraTopics
from face_detect_ros.ros.messages.headers import make_header
from face_detect_ros.ros.outputs.output import Output
from face_detect_ros.tracking.protocol import has_track

_FACES = "/humans/faces"


def hri() -> Any:
    """The module `hri_msgs.msg`.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        from hri_msgs import msg
    except ImportError:
        raise ConfigError(
            "parameter ros4hri needs the package hri_msgs: apt install ros-$ROS_DISTRO-hri-msgs"
        ) from None
    return msg


def person_id(name: str) -> str:
    """A name as an identifier that may be a part of a topic's name. Different names have different ones."""
    if re.fullmatch("[a-z][a-z0-9]*( [a-z0-9]+)*", name):
        return name.replace(" ", "_")
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    readable = name.isascii() and plain[:1].isalpha()
    # what `plain` has lost, such as capitals, still tells people apart
    return f"{plain if readable else 'person'}_{zlib.crc32(name.encode()):08x}"


class HumansOutput(Output):
    """The tracked faces, the region of each, and who they are.

    A face `f7` is the track 7. Its topic exists while the face is in the image.

    Args:
        topics: Of the camera.
        messages: The module `hri_msgs.msg`.
    """

    always = True

    def __init__(self, topics: CameraTopics, messages: Any) -> None:
        super().__init__(topics, messages.IdsList, f"{_FACES}/tracked")
        self._messages = messages
        self._matches: Any = self.node.create_publisher(
            messages.IdsMatch, "/humans/candidate_matches", qos.output()
        )
        self._regions: dict[str, Any] = {}
        self._people: dict[str, str] = {}  # by face

    def wanted(self) -> bool:
        return super().wanted() or bool(self._matches.get_subscription_count() > 0)

    def publish(self, result: Result) -> None:
        """Publish the faces of an image, and remove the topics of those that have gone."""
        found, frame = result.detections, result.frame
        header = make_header(frame.stamp_ns, frame.frame_id)
        faces = {}
        for index in has_track(found).nonzero()[0].tolist():
            faces[f"f{found.track_ids[index]}"] = index  # type: ignore[index]
        for face in set(self._regions) - set(faces):
            self._forget(face)
        self.publisher.publish(self._messages.IdsList(header=header, ids=list(faces)))
        for face, index in faces.items():
            if face not in self._regions:
                self._regions[face] = self.node.create_publisher(
                    self._messages.NormalizedRegionOfInterest2D, f"{_FACES}/{face}/roi", qos.output()
                )
            left, top, right, bottom = found.boxes[index].tolist()
            self._regions[face].publish(
                self._messages.NormalizedRegionOfInterest2D(
                    header=header,
                    xmin=_share(left, frame.width),
                    ymin=_share(top, frame.height),
                    xmax=_share(right, frame.width),
                    ymax=_share(bottom, frame.height),
                    c=float(found.scores[index]),
                )
            )
            self._identify(face, None if result.identities is None else result.identities[index])

    def message(self, result: Result) -> None:
        """A result has several messages: see `publish`."""

    def close(self) -> None:
        for publisher in (self._matches, *self._regions.values()):
            self.node.destroy_publisher(publisher)
        super().close()

    def _forget(self, face: str) -> None:
        self._identify(face, None)
        self.node.destroy_publisher(self._regions.pop(face))

    def _identify(self, face: str, match: Match | None) -> None:
        """Publish who a face is, and withdraw who it was before if that is somebody else."""
        person = "" if match is None or not match.name else person_id(match.name)
        before = self._people.pop(face, person)
        if before != person:
            self._match(face, before, 0.0)
        if match is not None and person:
            self._people[face] = person
            self._match(face, person, match.similarity)

    def _match(self, face: str, person: str, confidence: float) -> None:
        kinds = self._messages.IdsMatch
        self._matches.publish(
            kinds(
                id1=face, id1_type=kinds.FACE, id2=person, id2_type=kinds.PERSON, confidence=float(confidence)
            )
        )


def _share(value: float, whole: int) -> float:
    return min(max(value / whole, 0.0), 1.0)
