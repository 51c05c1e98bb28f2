# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How a command ends: one line on stderr and a documented exit code instead of a traceback."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

import typer

from face_detect_ros.core.errors import ConfigError, PerceptionError
from face_detect_ros.core.text import printable, without_credentials
from face_detect_ros.engines import torch as torch_engine

FAILED = 1  # something could not be read, written or computed
BAD_ARGUMENTS = 2
INTERRUPTED = 128 + 2  # as a shell reports SIGINT
READER_GONE = 128 + 13  # as a shell reports SIGPIPE


@contextlib.contextmanager
def exit_codes() -> Iterator[None]:
    """Turn the errors of a verb's body into exit codes.

    ConfigError, or PyTorch is not installed: 2. Any other PerceptionError: 1. Ctrl-C: 130. Nobody reads stdout any
    more: 141, silently.
    """
    try:
        with torch_engine.required_by("this command"):
            yield
        sys.stdout.flush()
    except ConfigError as error:
        report(error)
        raise typer.Exit(BAD_ARGUMENTS) from error
    except PerceptionError as error:
        report(error)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(INTERRUPTED) from error
    except BrokenPipeError as error:
        # the interpreter flushes stdout once more at its end and would complain then
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(READER_GONE) from error


def report(error: object) -> None:
    """One line on stderr."""
    typer.echo(f"face_detect_ros: {printable(without_credentials(str(error)))}", err=True)
