# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros models`: which detectors there are, and their weights on this machine."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from face_detect_ros.cli.common.exits import FAILED, exit_codes, report
from face_detect_ros.cli.quantize import quantize
from face_detect_ros.core.errors import OutputError, WeightsError

app = typer.Typer(
    help="List detectors; fetch, check, convert, export and quantize their weights.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, nothing else.")]


@app.command("list")
def list_models(json: Json = False) -> None:
    """Every detector and face embedder: name, task, license, input size, published COCO AP, weights here or not.

    Here: yes, no, partly (some files are missing), or yours (the name takes a file of yours).

    With --json: an array of {"name": n, "task": t, "description": d, "license": l, "input_size": pixels or
    null, "ap": percent or null, "here": "yes" | "no" | "partly" | "yours", "checkpoint": c or null}.

    Exit code: 0.
    """
    with exit_codes():
        from face_detect_ros.cli.common.model_records import entries, row

        rows = [row(entry) for entry in entries().values()]
        if json:
            typer.echo(json_format.dumps(rows))
            return
        table = [("name", "task", "license", "input", "AP", "here")]
        for each in rows:
            ap = "" if each["ap"] is None else f"{each['ap']:.1f}"
            size = str(each["input_size"] or "")
            table.append((each["name"], each["task"], each["license"], size, ap, each["here"]))
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for line in table:
            cells = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
            typer.echo("  ".join(cells).rstrip())
        typer.echo("AP: published, COCO val2017, percent; where from: face_detect_ros models info NAME")


@app.command()
def info(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A detector, as `list` shows it.")],
    json: Json = False,
) -> None:
    """All that is known of one detector: source, license, accuracy, files and where they lie.

    With --json: what `list` has, and {"source": page, "license_stated": page, "classes": text, "reference": page,
    "folder": path, "files": [{"name": n, "url": u, "sha256": published digest or "recorded on first fetch",
    "state": "ok" | "missing" | "altered" | "unreadable"}, ...]}.

    Exit code: 0; 2 for an unknown name.
    """
    with exit_codes():
        from face_detect_ros.cli.common.model_records import details, find, packaged_details, row
        from face_detect_ros.zoo.published import checkpoints

        entry = find(name)
        record = row(entry)
        if entry.packaged:
            record |= packaged_details(entry.packaged)
        if entry.checkpoint:
            record |= details(checkpoints.find(entry.checkpoint))
        if json:
            typer.echo(json_format.dumps(record))
            return
        files = record.pop("files", ())
        width = max(map(len, record))
        for key, value in record.items():
            typer.echo(f"{key.replace('_', ' '):<{width}}  {'-' if value in (None, '') else value}")
        for file in files:
            typer.echo(f"{file['name']}: {file['state']}\n  {file['url']}\n  sha256 {file['sha256']}")


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Detectors, as `list` shows them.")],
) -> None:
    """Fetch published weights that are not here yet, and check their digests.

    They go to $FACE_DETECT_ROS_MODELS, or $ROS_HOME (~/.ros)/face_detect_ros/models. An interrupted download is
    resumed the next time. Proxies are taken from https_proxy and no_proxy, certificates from the system or
    SSL_CERT_FILE. HF_ENDPOINT names another server for the files of the Hugging Face hub. With
    $FACE_DETECT_ROS_MIRROR, a folder laid out like that of the models, the network is not used.

    Exit code: 0; 1 if a file cannot be fetched or written (the others are still fetched); 2 for a name that has
    nothing to fetch; 130 after Ctrl-C.
    """
    with exit_codes():
        from face_detect_ros.cli.common.model_records import with_weights
        from face_detect_ros.cli.common.progress import download_bar
        from face_detect_ros.zoo.published import download

        failed = False
        for checkpoint in with_weights(names):
            stated = f"{checkpoint.license} ({checkpoint.license_stated})"
            typer.echo(f"{checkpoint.name}: {checkpoint.source}; license: {stated}")
            try:
                with download_bar() as progress:
                    path = download.fetch(checkpoint, progress=progress, notify=report)
            except (WeightsError, OutputError) as error:
                report(error)
                failed = True
            except KeyboardInterrupt:
                report(f"{checkpoint.name}: interrupted; the same command continues where it stopped")
                raise
            else:
                typer.echo(f"{checkpoint.name}: {path}")
        if failed:
            raise typer.Exit(FAILED)


@app.command()
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME...]", help="Detectors; default: all whose files are here."),
    ] = None,
) -> None:
    """Read every file and compare its SHA-256 with the published one, or the one recorded when it came here.

    Exit code: 0 if all is right, 1 if a file is missing, altered or unreadable; 2 for an unknown name.
    """
    with exit_codes():
        from face_detect_ros.cli.common.model_records import with_weights
        from face_detect_ros.zoo.published import cache
        from face_detect_ros.zoo.published.checkpoints import CHECKPOINTS

        here = [each for each in CHECKPOINTS.values() if cache.presence(each) != "no"]
        chosen = with_weights(names) if names else here
        wrong = 0
        for checkpoint in chosen:
            for state in cache.verify(checkpoint):
                typer.echo(f"{state.path}: {state.detail or state.state}")
                wrong += state.state != "ok"
        counted = f"{len(chosen)} model{'s' * (len(chosen) != 1)}, {wrong} file{'s' * (wrong != 1)} wrong"
        typer.echo(counted if chosen else f"no models in {cache.root()}")
        if wrong:
            raise typer.Exit(FAILED)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="YOLOv9 weights in any published format.")],
    destination: Annotated[
        Path, typer.Argument(metavar="DESTINATION", help="The .safetensors file to write.")
    ],
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Class names, one a line, where SOURCE has none and they are not COCO's."
        ),
    ] = None,
    license: Annotated[
        str, typer.Option(metavar="SPDX", help="License of the weights, where SOURCE does not say it.")
    ] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace DESTINATION.")] = False,
) -> None:
    """Convert YOLOv9 weights, once, to a file that holds numbers only; pickles are read without running them.

    Exit code: 0; 1 if SOURCE cannot be read or is something else, or DESTINATION exists or cannot be written; 2 for
    labels that do not fit.
    """
    with exit_codes():
        from face_detect_ros.zoo.yolov9 import weights as yolov9_weights

        names = None if labels is None else _lines(labels)
        yolov9_weights.convert(source, destination, license=license, labels=names, overwrite=overwrite)
        typer.echo(f"{destination}: written")


@app.command()
def export(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A detector of objects, as `list` shows it.")],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.onnx", help="The file to write, or with --triton a folder; none is replaced."
        ),
    ],
    input_size: Annotated[
        int, typer.Option(help="Longest side of the input in pixels; 0: the model's own.")
    ] = 0,
    opset: Annotated[int | None, typer.Option(help="ONNX operator set, 16 to 20; default: 17.")] = None,
    triton: Annotated[
        bool, typer.Option("--triton", help="Write into a model repository for Triton, for kserve:URL/NAME.")
    ] = False,
) -> None:
    """Write a detector as ONNX, for any number of images at once, and compare it with PyTorch.

    Use the result as onnx:FILE.onnx wherever a detector name is accepted.

    Exit code: 0; 1 if the weights are not here, the results differ, or FILE.onnx exists or cannot be written; 2 for a
    name or a setting that cannot be used.
    """
    with exit_codes():
        from face_detect_ros.detectors.export.onnx_file import export_onnx
        from face_detect_ros.detectors.export.triton import export_triton

        if triton:
            typer.echo(f"{file}: {export_triton(name, file, input_size=input_size, opset=opset)}")
            return
        typer.echo(f"{file}: {export_onnx(name, file, input_size=input_size, opset=opset)}")


app.command()(quantize)


@app.command()
def clean() -> None:
    """Remove the exported and compiled graphs of the engines; they are made again when they are needed.

    They are in the folder engines below that of the models. Weights stay.

    Exit code: 0; 1 if they cannot be removed.
    """
    with exit_codes():
        from face_detect_ros.engines import graphs

        size = graphs.clean()
        typer.echo(f"{graphs.folder()}: {size / 1e6:.0f} MB removed" if size else "nothing to remove")


def _lines(file: Path) -> list[str]:
    from face_detect_ros.files.reading import read_text

    hint = "give a text file with a class name on each line as --labels"
    return [line.strip() for line in read_text(file, hint=hint).splitlines() if line.strip()]
