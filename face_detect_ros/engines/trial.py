# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The first run of a network from a file of others: in a process that can be ended.

A file of a few kilobytes may ask ONNX Runtime for a loop without end, for all memory, or find a fault in native code
that ends the process. No reader can tell without running it, so a process of its own tries first: with a deadline,
bounded memory, and nothing of value in it.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from face_detect_ros.core.child_process import decode_error, die_with_owner, encode_error
from face_detect_ros.core.errors import PerceptionError, WeightsError
from face_detect_ros.files.looking import is_file

_START = "from face_detect_ros.engines.trial import main"
DEADLINE_S = 60.0
_BYTES_PER_S = 2e6  # of a large file, on a small robot
_MEMORY_BYTES = 4 << 30
_MEMORY_PER_BYTE = 10
_PASSED: set[tuple] = set()
_ADVICE = "it may be damaged or malicious; get it again from a source that you trust"


def run(function: str, file: Path, arguments: Mapping[str, Any], *, deadline_s: float | None = None) -> None:
    """Calls `function(file, **arguments)` in another process and forgets what it returns.

    Args:
        function: "module:function"; should use the file as it will be used later, on the CPU.
        file: of weights.
        arguments: further ones, as JSON has them.
        deadline_s: for an empty file, `DEADLINE_S` if omitted; larger files get more.

    Raises:
        WeightsError: it did not end in time, or ended the process.
        PerceptionError: what the function raised.
    """
    if not is_file(file):
        return  # which the caller says in better words
    status = file.stat()
    size = status.st_size
    further = json.dumps(arguments)
    passed = (function, str(file), further, size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    if passed in _PASSED:
        return
    deadline_s = (DEADLINE_S if deadline_s is None else deadline_s) + size / _BYTES_PER_S
    # the same import path as here, and neither this process's main module nor its working directory first
    path = [entry for entry in sys.path if isinstance(entry, str)]
    code = f"import sys; sys.path[:] = {path!r}; {_START}; main(sys.argv[1:])"
    memory = _MEMORY_BYTES + _MEMORY_PER_BYTE * size
    lifeline, ours = os.pipe()
    command = [sys.executable, "-c", code, str(lifeline), str(memory), function, str(file), further]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            pass_fds=(lifeline,),
            timeout=deadline_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise WeightsError(f"{file}: its first run was ended after {deadline_s:.0f} s; {_ADVICE}") from error
    except OSError as error:
        raise WeightsError(f"{file}: no process can be started to try it in: {error}") from error
    finally:
        os.close(lifeline)
        os.close(ours)
    if done.returncode:
        raise WeightsError(
            f"{file}: its first run ended the process that it was tried in ({_end(done)}); {_ADVICE}"
        )
    name, message, reason = json.loads(done.stdout or b'["", "", ""]')
    if name:
        raise decode_error((name, message, reason))
    _PASSED.add(passed)


def _end(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-done.returncode).name
            return f"{name}, out of memory?" if name == "SIGKILL" else name
    return f"exit code {done.returncode}: {done.stderr.decode(errors='replace').strip()[-200:]!r}"


def main(arguments: list[str]) -> None:
    """The process: tries, and prints class, message and reason of the error, if any, as JSON.

    Args:
        arguments: file number of the lifeline, bytes of memory, function, file, further arguments as JSON.
    """
    lifeline, memory, function, file, further = arguments
    die_with_owner(int(lifeline))
    result = os.dup(1)
    os.dup2(2, 1)  # what a library prints is not the result
    with contextlib.suppress(OSError, ValueError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # if memory ends, this process goes first
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (int(memory), int(memory)))
    encoded = ("", "", "")
    try:
        module, _, name = function.partition(":")
        getattr(importlib.import_module(module), name)(Path(file), **json.loads(further))
    except PerceptionError as error:
        encoded = encode_error(error)
    except MemoryError:
        encoded = encode_error(
            WeightsError(f"{file}: needs more than {int(memory) / 1e9:.0f} GB of memory; {_ADVICE}")
        )
    with open(result, "w", encoding="utf-8") as stdout:
        json.dump(encoded, stdout)
    sys.stderr.flush()
    os._exit(0)  # threads of a network may still run
