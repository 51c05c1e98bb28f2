# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros doctor`: is everything there, and what to do where it is not."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from face_detect_ros.cli.common.exits import FAILED, exit_codes
from face_detect_ros.core.errors import ConfigError

# not by rclpy, which may be what is missing
_TOPIC_NAME = re.compile(r"/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")


def doctor(
    topic: Annotated[
        str | None,
        typer.Option(
            metavar="TOPIC", help="Also listen to this image topic: how many images are lost, and why."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")] = False,
) -> None:
    """Check this machine: libraries, ROS 2, models, GPU, network settings.

    Each line is ok, note (works, but something optional is missing) or bad (the package cannot run), with
    what to do. With --json: {"ok": true, "findings": [{"name": n, "state": s, "detail": d, "advice": a},
    ...]}.

    Exit code: 0 if the package can run here, 1 if not; 2 for bad arguments.
    """
    with exit_codes():
        from dataclasses import asdict
        from json import dumps

        from face_detect_ros.cli.doctor.checks import run_checks

        if topic is not None and not _TOPIC_NAME.fullmatch(topic):
            raise ConfigError(f"--topic '{topic}' is not a topic name; `ros2 topic list -t` shows the topics")
        findings = run_checks(topic or "")
        bad = [finding for finding in findings if finding.state == "bad"]
        if json:
            typer.echo(dumps({"ok": not bad, "findings": [asdict(finding) for finding in findings]}))
        else:
            width = max(len(finding.name) for finding in findings)
            for finding in findings:
                typer.echo(f"{finding.state:<4}  {finding.name:<{width}}  {finding.detail}")
                if finding.advice:
                    typer.echo(f"{'':<{6 + width}}  -> {finding.advice}")
            typer.echo(f"cannot run: {len(bad)} bad" if bad else "can run")
        if bad:
            raise typer.Exit(FAILED)
