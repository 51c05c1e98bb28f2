# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The curve of a training: a CSV file, TensorBoard's events, an image."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from face_detect_ros.core.errors import OutputError
from face_detect_ros.files.whole_file import own_folder
from face_detect_ros.training import state

CSV_NAME, PLOT_NAME, EVENTS_NAME = "curve.csv", "curve.png", "tensorboard"
Rows = Sequence[Mapping[str, float]]


def write(folder: Path, rows: Rows) -> None:
    """All rows to the CSV file, and the latest to TensorBoard's events where tensorboardX is installed.

    Raises OutputError.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with (
        state.written_whole(folder / CSV_NAME) as path,
        open(path, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    _write_events(folder / EVENTS_NAME, rows)


def _write_events(folder: Path, rows: Rows) -> None:
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        return
    if len(rows) == 1:  # a new training; the events of an older one in this folder would mix with its own
        shutil.rmtree(folder, ignore_errors=True)
    epoch = int(rows[-1]["epoch"])
    try:
        own_folder(folder)
        # names of event files can be predicted, and their writer follows links: it writes where nobody else can
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as made:
            # named by the second: those of two short epochs would be one
            with SummaryWriter(made, filename_suffix=f".{epoch:06}") as writer:
                for name, value in rows[-1].items():
                    if name != "epoch":
                        writer.add_scalar(name, value, epoch)
            for file in Path(made).iterdir():
                os.replace(file, folder / file.name)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}; make room") from error


def draw(folder: Path, rows: Rows) -> None:
    """Losses and AP over the epochs, where matplotlib is installed. Raises OutputError."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return
    figure = Figure(figsize=(9, 4))
    FigureCanvasAgg(figure)
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.12, top=0.92)
    losses, precision = figure.subplots(1, 2)
    for axes, wanted in ((losses, "loss_"), (precision, "AP")):
        for name in dict.fromkeys(key for row in rows for key in row if key.startswith(wanted)):
            points = [(row["epoch"], row[name]) for row in rows if name in row]
            axes.plot(*zip(*points, strict=True), label=name.removeprefix("loss_"))
        axes.set_xlabel("epoch")
        axes.set_title("loss" if axes is losses else "average precision")
        if axes.lines:
            axes.legend()
    with state.written_whole(folder / PLOT_NAME) as path:
        figure.savefig(path)
