# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Options that several `evaluate` commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from face_detect_ros.engines.catalogue import CHOICES

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")]
Images = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the images.")]
Device = Annotated[str, typer.Option(help="Where it computes: auto, cpu, cuda or cuda:N.")]
Precision = Annotated[str, typer.Option(help="Numbers: auto, float32, bfloat16 or float16.")]
Engine = Annotated[str, typer.Option(help=f"What computes the network: {', '.join(CHOICES)}.")]
