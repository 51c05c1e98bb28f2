# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the demonstration shows: an enrolled person beside a stranger."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from face_detect_ros.core.errors import DetectorError, OutputError
from face_detect_ros.faces.options import EnrollmentOptions
from face_detect_ros.files.whole_file import whole_file
from face_detect_ros.images.reading import read_image, sample_file
from face_detect_ros.pipeline.enroller import Enroller
from face_detect_ros.pipeline.recipe import Recipe, Recognition

# two portraits in the public domain that come with scikit-image (NASA) and matplotlib (US Navy)
KNOWN, KNOWN_SAMPLE = "Eileen Collins", "astronaut"
STRANGER_SAMPLE = "grace_hopper"


def enroll_known(gallery: Path) -> None:
    """Enroll one person from one photo. Raises DetectorError if it is refused."""
    with Recipe(task="faces", tracker=None, recognition=Recognition(gallery)).build() as pipeline:
        record = Enroller(pipeline, EnrollmentOptions()).enroll(KNOWN, sample_file(KNOWN_SAMPLE))
    if not record["enrolled"]:
        raise DetectorError(f"{KNOWN} was not enrolled: {record['message']}")


def two_people(path: Path) -> None:
    """Write an image of the enrolled person beside a stranger to `path`. Raises OutputError if it cannot be written."""
    known, stranger = (read_image(sample_file(name)) for name in (KNOWN_SAMPLE, STRANGER_SAMPLE))
    width = round(stranger.shape[1] * known.shape[0] / stranger.shape[0])
    both = np.hstack([known, cv2.resize(stranger, (width, known.shape[0]), interpolation=cv2.INTER_AREA)])
    _, data = cv2.imencode(path.suffix, both[..., ::-1])
    try:
        with whole_file(path) as beside:
            beside.write_bytes(data.tobytes())
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
