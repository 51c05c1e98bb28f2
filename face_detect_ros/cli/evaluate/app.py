# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The commands of `face_detect_ros evaluate`."""

from __future__ import annotations

import typer

from face_detect_ros.cli.evaluate.attention import attention
from face_detect_ros.cli.evaluate.faces import agreement, faces
from face_detect_ros.cli.evaluate.objects import coco
from face_detect_ros.cli.evaluate.positions import positions
from face_detect_ros.cli.evaluate.recognition import identification, lfw
from face_detect_ros.cli.evaluate.tracking import tracking

app = typer.Typer(
    help="Measure how good models, trackers and positions are.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (faces, coco, tracking, agreement, lfw, identification, attention, positions):
    app.command()(command)
