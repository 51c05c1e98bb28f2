# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The bar on stderr: on a terminal only, and never on stdout."""

import os
import pty
import subprocess
import sys

from helpers.terminals import shown_until_closed

CODE = """
from face_detect_ros.cli.common.progress import progress_bar
with progress_bar("faces [1]", 5) as advance:
    for _ in range(5):
        advance()
print("done")
"""


def test_on_a_terminal_only_and_never_on_stdout() -> None:
    silent = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert (silent.stdout, silent.stderr) == ("done\n", "")
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", CODE],
        stdout=subprocess.PIPE,
        stderr=follower,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(follower)
    shown = shown_until_closed(leader)
    assert process.communicate(timeout=100)[0] == b"done\n"
    assert "5/5" in shown
    assert "faces [1]" in shown
