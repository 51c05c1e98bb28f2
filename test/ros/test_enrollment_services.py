# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whose face `~/enroll` learns, where a node has several cameras."""

from types import SimpleNamespace

import numpy as np
import pytest
from helpers import galleries
from std_srvs.srv import Trigger

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.frame import Frame
from face_detect_ros.faces.gallery.gallery import Gallery
from face_detect_ros.faces.options import EnrollmentOptions, MatchOptions
from face_detect_ros.pipeline.result import Result
from face_detect_ros.ros.enrollment_services import LOOKS, EnrollmentServices

ANN, BOB = galleries.faces(2)
NOISE = np.random.default_rng(0).integers(0, 256, (150, 150, 3), np.uint8)


class Embeds:
    """The level of gray of an image says whose face is in it."""

    def chips(self, image, faces):
        self.face = ANN if image.any() else BOB
        return np.stack([NOISE] * len(faces))

    def embed(self, chips):
        return np.stack([self.face] * len(chips))


def result(face):
    image = np.full((200, 200, 3), 200 if face is ANN else 0, np.uint8)
    found = Detections([[20, 20, 180, 180]], [0.9], [0], track_ids=[1])
    return Result(Frame(image, 1), ("face",), found, Detections.empty())


@pytest.mark.parametrize(
    ("followed", "learned"),
    [({}, BOB), ({"front": 1}, ANN), ({"front": 1, "left": 0}, ANN), ({"front": 0}, None)],
    ids=["nothing", "in front", "in front, and something else is awaited", "not found yet"],
)
def test_all_looks_are_from_one_camera(tmp_path, followed, learned):
    # both may be one person as far as the gallery can tell
    options = dict(match_options=MatchOptions(), enrollment_options=EnrollmentOptions(unlike_distance=9.0))
    services = {}
    with Gallery(tmp_path / "gallery.sqlite3", galleries.MODEL, "1") as gallery:
        node = SimpleNamespace(
            active=True,
            executor=None,
            steady=None,
            wire_topic="/front, /left",
            recognition=SimpleNamespace(gallery=gallery, embedder=Embeds()),
            params=SimpleNamespace(enroll_name="Ann", locked=False, **options),
            announce_people=lambda: None,
            create_service=lambda kind, name, answer, **_: services.update({name: answer}),
            create_timer=lambda *_, **__: None,
            destroy_timer=lambda _: None,
            get_logger=lambda: SimpleNamespace(info=lambda _: None),
        )
        enrollment = EnrollmentServices(node)
        answer = services["~/enroll"](Trigger.Request(), Trigger.Response())
        answer.send(None)
        for _ in range(LOOKS):
            enrollment.offer(result(BOB), "left", followed)
            enrollment.offer(result(ANN), "front", followed)
        enrollment.give_up("")
        with pytest.raises(StopIteration) as end:
            answer.send(None)
        assert end.value.value.success == (learned is not None)
        looks = gallery.snapshot().embeddings
        assert len(looks) == (learned is not None)
        assert learned is None or np.allclose(looks, learned, atol=1e-3)
