# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""SIGKILL while the gallery is written: nothing acknowledged is lost, nothing half written appears, the file is sound.

python test/attack/kills.py [--count 79] [--seed 0]
"""

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from face_detect_ros.faces.gallery.gallery import Gallery

MODEL = "attack"
LOOKS, ENDED_S = 3, 0.5
"""Looks of each person; how long a writer lives at most after its first person."""


def write(path: Path, first: int) -> None:
    """Enroll people, rename and forget some of them, and say each time what is done. Never ends by itself."""
    rng = np.random.default_rng(first)
    with Gallery(path, MODEL) as gallery:
        number = first
        while True:
            gallery.enroll(f"p{number}", rng.normal(size=(LOOKS, 128)).astype(np.float32), "attack")
            print(f"+p{number}", flush=True)
            if number % 3 == 0:
                gallery.rename(f"p{number}", f"q{number}")
                print(f"-p{number} +q{number}", flush=True)
            if number % 5 == 0:
                gallery.forget(f"q{number}" if number % 3 == 0 else f"p{number}")
                print(f"-{'q' if number % 3 == 0 else 'p'}{number}", flush=True)
            number += 1


def one_kill(path: Path, first: int, after_s: float, known: set[str]) -> list[str]:
    """What was wrong after the writer was killed. known: people in the gallery, kept up to date."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--write", str(path), "--first", str(first)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    try:
        process.wait(after_s)
        return [f"the writer ended by itself with {process.returncode}"]
    except subprocess.TimeoutExpired:
        process.kill()
    lines += process.stdout.read().split("\n")[:-1]  # the last may be cut off
    process.wait()
    for change in " ".join(lines).split():
        (known.add if change[0] == "+" else known.discard)(change[1:])
    number = max(int(change[2:]) for change in " ".join(lines).split())
    open_to_change = {f"{letter}{each}" for letter in "pq" for each in (number, number + 1)}
    problems = []
    with Gallery(path, MODEL) as gallery:
        people = {person.name: person.looks for person in gallery.people()}
        if gallery.set_aside is not None:
            problems.append(f"the gallery was set aside to {gallery.set_aside}")
    if lost := known - people.keys() - open_to_change:
        problems.append(f"acknowledged and lost: {sorted(lost)[:5]}")
    if new := people.keys() - known - open_to_change:
        problems.append(f"back again, or from nowhere: {sorted(new)[:5]}")
    if half := {name for name, looks in people.items() if looks != LOOKS}:
        problems.append(f"half written: {sorted(half)[:5]}")
    with sqlite3.connect(path) as database:
        if (verdict := database.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            problems.append(verdict)
    database.close()
    if path.stat().st_mode & 0o077:
        problems.append(f"mode {path.stat().st_mode & 0o777:o}")
    known.clear()
    known.update(people)
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=79)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.write:
        write(asked.write, asked.first)
    chance = random.Random(asked.seed)
    os.umask(0)  # faces are private whatever the user's mask
    known: set[str] = set()
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gallery.db"
        for number in range(asked.count):
            for problem in one_kill(path, 10_000 * number, chance.uniform(0, ENDED_S), known):
                failures += 1
                print(f"kill {number}: {problem}", flush=True)
        left = sorted(each.name for each in Path(folder).iterdir())
    print(f"{asked.count} kills, {len(known)} people, {failures} failures; files: {', '.join(left)}")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
