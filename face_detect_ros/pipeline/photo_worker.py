# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Enrolls people from photos that are named on stdin: `python -m face_detect_ros.pipeline.photo_worker`.

Its arguments are the gallery's file, the embedder and the face detector. A line {"person": name, "file": path} is
answered with a line as `face_detect_ros enroll --json` prints it, or {"error": text}. It ends with its stdin.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from face_detect_ros.core.errors import PerceptionError
from face_detect_ros.faces.embedders import catalogue as embedders
from face_detect_ros.faces.options import EnrollmentOptions
from face_detect_ros.images.quiet import silence_opencv
from face_detect_ros.pipeline.enroller import Enroller
from face_detect_ros.pipeline.recipe import Recipe, Recognition


def main() -> None:
    """Answer until stdin ends."""
    # answers are lines on stdout: what a library prints must not come between them
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    silence_opencv()
    gallery, embedder, model = sys.argv[1:4]
    enroller: Enroller | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if enroller is None:
                options = EnrollmentOptions(unlike_distance=embedders.find(embedder).unlike_distance)
                recognition = Recognition(Path(gallery), embedder)
                recipe = Recipe(task="faces", model=model, tracker=None, recognition=recognition)
                enroller = Enroller(recipe.build(), options)
            answer = enroller.enroll(request["person"], Path(request["file"]))
            enroller.records.clear()
        except PerceptionError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
