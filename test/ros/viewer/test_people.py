# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""People that the viewer's page adds from photos."""

import pytest
from helpers.ros_tools import PATIENCE_S

from face_detect_ros.core.errors import GalleryError
from face_detect_ros.ros.nodes.viewer import Viewer


@pytest.mark.parametrize(
    ("gallery", "embedder", "model", "words"),
    [
        ("people.sqlite3", "dlib", "yunet", "uses people.sqlite3, "),
        ("/tmp/people.sqlite3", "arcface:arcface.onnx", "yunet", "uses arcface.onnx, "),
        ("/tmp/people.sqlite3", "dlib", "yunet:models/yunet.onnx", "uses models/yunet.onnx, "),
        ("/nowhere/people.sqlite3", "dlib", "yunet", "not on this computer"),
        ("", "", "yunet", "not on this computer"),
    ],
    ids=["relative-gallery", "relative-embedder", "relative-model", "another-computer", "no-gallery"],
)
def test_photos_are_refused_where_the_files_of_the_detector_cannot_be_found(
    start, probe, gallery, embedder, model, words
):
    detector = start(Viewer, node_name="face_detector", parameters={"autostart": False}).node
    detector.declare_parameter("model", model)
    people = start(Viewer, parameters={"autostart": False}).node._people
    people.gallery, people.embedder = gallery, embedder
    error = people.add_photo("Ada", "ada.jpg", b"").exception(PATIENCE_S)
    assert isinstance(error, GalleryError)
    assert words in str(error)
