# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Covers of faces that only later images show."""

import numpy as np

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.frame import Frame
from face_detect_ros.fleet.one_bag.look_ahead import LookAhead
from face_detect_ros.pipeline.result import Result
from face_detect_ros.viz.anonymize import AnonymizerOptions


def test_a_face_that_is_first_found_in_images_of_another_size():
    ahead = LookAhead(AnonymizerOptions(style="box", margin=0))
    emitted = []
    for number, (side, box) in enumerate([(100, None), (200, (100, 100, 140, 140))]):
        image = np.full((side, side, 3), 200, np.uint8)
        found = Detections.empty() if box is None else Detections(np.array([box]), [0.9], [0])
        result = Result(Frame(image, number * 10**8 + 1), ("face",), found, Detections.empty(), covered=image)
        ahead.image("/camera", number * 10**8, result, emitted.append)
    ahead.finish()
    black = (emitted[0].covered == 0).all(axis=2)
    assert black[50:70, 50:70].all()
    assert not black[:40].any()
    assert not black[80:].any()
