# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The gallery's file: durable, private, shared, and never overwritten."""

import fcntl
import os
import random
import resource
import socket
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.galleries import MODEL, faces

from face_detect_ros.core.errors import GalleryError
from face_detect_ros.faces.gallery import file as gallery_file
from face_detect_ros.faces.gallery.gallery import Gallery

HEAD = """
import sys, time
import numpy as np
from face_detect_ros.faces.gallery.gallery import Gallery
from face_detect_ros.core.errors import GalleryError
from pathlib import Path
path = Path(sys.argv[1])
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "gallery.sqlite3"


def start(script: str, *arguments: object, **more) -> subprocess.Popen:
    code = HEAD + textwrap.dedent(script)
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **more)


def files_of(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}*"))


def test_kill_during_enrollment_loses_nothing_acknowledged(path):
    script = """
        seed = int(sys.argv[2])
        with Gallery(path, "test_model") as gallery:
            for number in range(100000):
                look = np.random.default_rng([seed, number]).normal(size=(2, 128))
                gallery.enroll(f"person {seed}", look, "x")
                print(number, flush=True)
    """
    chance = random.Random(5)
    acknowledged = {}
    for seed in range(5):
        process = start(script, path, seed)
        lines = [process.stdout.readline()]  # it is running
        killer = threading.Timer(chance.uniform(0.0, 0.15), process.kill)
        killer.start()
        lines += process.stdout.readlines()
        process.wait(20)
        acknowledged[seed] = sum(line.endswith("\n") for line in lines)
        with Gallery(path, MODEL) as gallery:
            assert gallery.set_aside is None
            people = gallery.snapshot()
            for done_seed, done in acknowledged.items():
                index = people.index_of(f"person {done_seed}")
                looks = people.embeddings[people.person_index == index]
                # both looks of a call or none; what was in hand when the process ended may be there as well
                assert len(looks) in (2 * done, 2 * done + 2)
                last = np.random.default_rng([done_seed, done - 1]).normal(size=(2, 128))
                np.testing.assert_array_equal(looks[2 * done - 2 : 2 * done], last.astype(np.float32))
    assert sum(acknowledged.values()) > 5


def test_readers_in_other_processes_while_one_writes(path):
    script = """
        with Gallery(path, "test_model") as gallery:
            last, changes = None, 0
            while True:
                people = gallery.snapshot()
                counts = [person.looks for person in people.people]
                assert all(count % 2 == 0 for count in counts), counts  # never half an enrollment
                assert len(people.embeddings) == sum(counts)
                if people is not last:
                    assert last is None or people.revision > last.revision
                    last, changes = people, changes + 1
                    if changes == 1:
                        print("ready", flush=True)
                if sum(counts) == 120:
                    break
                time.sleep(0.002)
            print(changes, flush=True)
    """
    Gallery(path, MODEL).close()
    readers = [start(script, path) for _ in range(3)]
    for reader in readers:
        assert reader.stdout.readline() == "ready\n"
    looks = faces(120)
    with Gallery(path, MODEL) as gallery:
        for number in range(60):
            gallery.enroll(f"person {number % 7}", looks[2 * number : 2 * number + 2], "x")
            time.sleep(0.002)
        for reader in readers:
            assert int(reader.communicate(timeout=100)[0]) > 1
            assert reader.returncode == 0


def test_several_processes_may_start_with_no_file_and_write(path):
    script = """
        with Gallery(path, "test_model") as gallery:
            for number in range(10):
                gallery.enroll(sys.argv[2], np.random.default_rng(number).normal(size=128), "x")
    """
    writers = [start(script, path, f"person {number}") for number in range(4)]
    for writer in writers:
        assert writer.wait(40) == 0
    with Gallery(path, MODEL) as gallery:
        assert [person.looks for person in gallery.people()] == [10] * 4
        assert gallery.revision == 40


@pytest.mark.parametrize("after", [1, 2], ids=["first query", "second query"])
def test_another_process_makes_the_tables_while_this_one_looks(path, monkeypatch, after):
    connect = sqlite3.connect
    done = []

    class Watched(sqlite3.Connection):
        def execute(self, sql, *values):
            if len(done) == after:
                other = connect(path, isolation_level=None)
                other.execute("PRAGMA journal_mode=WAL")
                gallery_file._make_tables(other)
                other.close()
            done.append(sql)
            return super().execute(sql, *values)

    monkeypatch.setattr(sqlite3, "connect", lambda *a, **more: connect(*a, factory=Watched, **more))
    with Gallery(path, MODEL) as gallery:
        assert gallery.set_aside is None
        assert gallery.enroll("Ann", faces(1), "x") == 1


def test_threads_may_share_an_instance(path):
    looks = faces(40)
    with Gallery(path, MODEL) as gallery:

        def work(number):
            for index in range(10):
                gallery.enroll(f"person {number}", looks[number * 10 + index], "x")
                gallery.snapshot()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [person.looks for person in gallery.people()] == [10] * 4


def test_modes(tmp_path):
    path = tmp_path / "new" / "deeper" / "gallery.sqlite3"
    before = os.umask(0)
    try:
        with Gallery(path, MODEL) as gallery:
            gallery.enroll("A", faces(1), "x")
            names = {file.name: file.stat().st_mode & 0o777 for file in files_of(path)}
    finally:
        os.umask(before)
    assert names == {f"gallery.sqlite3{suffix}": 0o600 for suffix in ("", "-wal", "-shm")}
    assert [folder.stat().st_mode & 0o777 for folder in (path.parent, path.parent.parent)] == [0o700, 0o700]


def test_a_file_that_others_may_read_is_made_private(path):
    Gallery(path, MODEL).close()
    path.chmod(0o644)
    Gallery(path, MODEL).close()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("keep_reading", [False, True], ids=["alone", "with a reader"])
def test_forget_erases_every_byte(path, keep_reading):
    rng = np.random.default_rng(1)
    chip = rng.integers(0, 255, (150, 150, 3), np.uint8)
    looks = faces(90)
    with Gallery(path, MODEL) as gallery:
        reader = Gallery(path, MODEL) if keep_reading else None
        for number in range(30):
            name = "Rumpelstiltskin" if number == 15 else f"person {number:02d}"
            source = "secret place" if number == 15 else "x"
            gallery.enroll(
                name, looks[3 * number : 3 * number + 3], source, [chip if number == 15 else chip * 0] * 3
            )
            if reader:
                reader.snapshot()
        png = gallery.chips("Rumpelstiltskin")[0]
        traces = [
            b"Rumpelstiltskin",
            b"secret place",
            png[200:264],
            *(look.tobytes()[64:128] for look in looks[45:48]),
        ]
        assert all(any(trace in file.read_bytes() for file in files_of(path)) for trace in traces)
        assert gallery.forget("Rumpelstiltskin") == 3
        left = {file.name: file.read_bytes() for file in files_of(path)}
        assert not any(trace in content for content in left.values() for trace in traces)
        if reader:
            assert len(reader.people()) == 29
            reader.close()
        assert len(gallery.people()) == 29


def test_rename_erases_the_old_name(path):
    with Gallery(path, MODEL) as gallery:
        gallery.enroll("Rumpelstiltskin", faces(1), "x")
        gallery.rename("Rumpelstiltskin", "A")
        assert not any(b"Rumpelstiltskin" in file.read_bytes() for file in files_of(path))


def test_an_erasure_that_a_reader_holds_up_is_reported_and_made_up_for(path):
    with Gallery(path, MODEL, busy_timeout_s=0.2) as gallery:
        gallery.enroll("Rumpelstiltskin", faces(1), "x")
        blocking = sqlite3.connect(path, isolation_level=None)
        blocking.execute("BEGIN")
        blocking.execute("SELECT count(*) FROM looks").fetchone()
        with pytest.raises(GalleryError, match="traces"):
            gallery.forget("Rumpelstiltskin")
        assert gallery.people() == ()
        blocking.execute("COMMIT")
        blocking.close()
    Gallery(path, MODEL).close()
    assert not any(b"Rumpelstiltskin" in file.read_bytes() for file in files_of(path))


def filled(path: Path) -> None:
    with Gallery(path, MODEL) as gallery:
        for number, look in enumerate(faces(50)):
            gallery.enroll(f"person {number}", look, "x")


def overwrite(path: Path, start: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(content)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:9000]),
        lambda path: overwrite(path, 100, b"\0" * 3996),
        lambda path: overwrite(path, 4096, os.urandom(12000)),
        lambda path: sqlite3.connect(path, isolation_level=None).execute("DROP TABLE looks"),
        lambda path: sqlite3.connect(path, isolation_level=None).execute(
            "UPDATE looks SET embedding = x'00'"
        ),
    ],
    ids=["cut off", "no first page", "pages", "no table", "short embedding"],
)
def test_a_damaged_file_is_set_aside(path, damage):
    filled(path)
    damage(path)
    content = path.read_bytes()
    with Gallery(path, MODEL) as gallery:
        assert gallery.set_aside is not None
        assert gallery.set_aside.parent == path.parent
        assert gallery.set_aside.name.startswith("gallery.sqlite3.damaged-2")
        assert gallery.set_aside.read_bytes() == content
        assert gallery.people() == ()
        gallery.enroll("new", faces(1), "x")
    with Gallery(path, MODEL) as gallery:
        assert gallery.set_aside is None
        assert len(gallery.people()) == 1


def test_two_damaged_files_within_a_second(path):
    contents = set()
    for number in range(2):
        filled(path)
        overwrite(path, 4096, bytes([number]) * 12000)
        contents.add(path.read_bytes())
        Gallery(path, MODEL).close()
        path.unlink()
    assert {
        file.read_bytes() for file in path.parent.glob("*.damaged-*Z*") if file.suffix[:8] != ".sqlite3-"
    } >= contents


def test_several_processes_meet_a_damaged_file(path):
    filled(path)
    overwrite(path, 4096, b"x" * 12000)
    damaged = path.read_bytes()
    script = """
        with Gallery(path, "test_model") as gallery:
            gallery.enroll(sys.argv[2], np.random.default_rng(1).normal(size=128), "x")
    """
    processes = [start(script, path, f"person {number}") for number in range(4)]
    for process in processes:
        assert process.wait(40) == 0
    # what belongs to it may have come along: another process may have had it open
    aside = [file for file in path.parent.glob("*.damaged-*") if not file.name.endswith(("-wal", "-shm"))]
    assert [file.read_bytes() for file in aside] == [damaged]
    with Gallery(path, MODEL) as gallery:
        assert len(gallery.people()) == 4


def test_the_second_to_find_the_damage_leaves_the_new_file_alone(path):
    filled(path)
    overwrite(path, 4096, b"x" * 12000)
    damaged = path.read_bytes()
    aside = [gallery_file._set_aside(path, 1.0) for _ in range(2)]
    assert aside[0].read_bytes() == damaged
    assert aside[1] is None
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("read_only", [False, True], ids=["to_write", "to_read"])
def test_a_file_is_not_set_aside_while_another_process_opens_it(path, monkeypatch, read_only):
    filled(path)
    identity = gallery_file.file_identity(path)
    check = gallery_file._check_content
    others, in_place = [], []

    def slow_check(connection: sqlite3.Connection) -> None:
        if not others:
            overwrite(path, 4096, b"x" * 12000)
            others.append(threading.Thread(target=gallery_file._set_aside, args=(path, 5.0)))
            others[0].start()
            others[0].join(0.2)
            in_place.append(gallery_file.file_identity(path) == identity)
        check(connection)

    monkeypatch.setattr(gallery_file, "_check_content", slow_check)
    if read_only:
        with pytest.raises(GalleryError, match="is damaged"):
            Gallery(path, MODEL, read_only=True)
    else:
        with Gallery(path, MODEL) as gallery:
            gallery.enroll("Ann", faces(1), "x")
    others[0].join()
    assert in_place == [True]
    with Gallery(path, MODEL) as gallery:
        assert [person.name for person in gallery.people()] == ([] if read_only else ["Ann"])


def test_a_folder_that_stays_locked_is_opened_all_the_same(path):
    filled(path)
    folder = os.open(path.parent, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        with Gallery(path, MODEL, busy_timeout_s=0.05) as gallery:
            assert len(gallery.people()) == 50
    finally:
        os.close(folder)


def test_a_newer_schema_is_refused_and_left_alone(path):
    filled(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=2")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(GalleryError, match=r"newer.*schema 2.*update face_detect_ros"):
        Gallery(path, MODEL)
    assert path.read_bytes() == before
    assert files_of(path) == [path]


def test_a_database_of_another_program_is_refused_and_left_alone(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (name TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(GalleryError, match="another program"):
        Gallery(path, MODEL)
    assert path.read_bytes() == before


@pytest.mark.parametrize("place", ["folder", "file/gallery", "missing/\0"])
def test_places_that_cannot_be(tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(GalleryError, match=r"gallery .*(folder|path)"):
        Gallery(tmp_path / place, MODEL)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_may_not_be_written(path):
    filled(path)
    for mode in (0o500, 0o000):
        path.parent.chmod(mode)
        try:
            with pytest.raises(GalleryError, match="writable"):
                Gallery(path, MODEL)
        finally:
            path.parent.chmod(0o700)


def test_a_place_nobody_may_write():
    with pytest.raises(GalleryError, match="/proc/1/gallery"):
        Gallery(Path("/proc/1/gallery"), MODEL)


def test_a_full_disk_changes_nothing(path):
    script = """
        with Gallery(path, "test_model") as gallery:
            gallery.enroll("first", np.ones(128), "x")
            print("first", flush=True)
            for number in range(1000):
                try:
                    gallery.enroll("more", np.random.default_rng(number).normal(size=(20, 128)), "x")
                except GalleryError as error:
                    print(f"{number} {error}", flush=True)
                    break
            assert sum(person.looks for person in gallery.people()) == 1 + 20 * number
    """
    limit = 200_000

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    process = start(script, path, preexec_fn=limited)
    output = process.communicate(timeout=100)[0].splitlines()
    assert process.returncode == 0
    assert output[0] == "first"
    number, message = output[1].split(" ", 1)
    assert int(number) > 0
    assert "disk" in message
    with Gallery(path, MODEL) as gallery:
        assert sum(person.looks for person in gallery.people()) == 1 + 20 * int(number)


def test_sqlite_says_full(path):
    with Gallery(path, MODEL) as gallery:
        gallery._file.connection.execute("PRAGMA max_page_count=10")
        with pytest.raises(GalleryError, match=r"full.*make room"):
            gallery.enroll("A", faces(200), "x")
        assert gallery.people() == ()


def test_a_writer_that_holds_the_lock_is_waited_for_and_then_named(path):
    with Gallery(path, MODEL, busy_timeout_s=0.2) as gallery:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(GalleryError, match="another program"):
            gallery.enroll("A", faces(1), "x")
        assert gallery.people() == ()  # reading goes on
        other.execute("ROLLBACK")
        gallery.enroll("A", faces(1), "x")
        other.close()


@pytest.mark.parametrize("read_only", [False, True], ids=["to_write", "to_read"])
def test_opening_it_twice_in_a_process_leaves_the_first_ones_locks(path, read_only):
    def of_another_process(query: str) -> str:
        code = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(c.execute(sys.argv[2]).fetchall())"
        )
        return subprocess.check_output([sys.executable, "-S", "-c", code, path, query], text=True)

    with Gallery(path, MODEL) as first:
        first.enroll("Ann", faces(1), "x")
        Gallery(path, MODEL, read_only=read_only).close()
        of_another_process("SELECT 1 FROM people")  # without locks here it deletes the log at its end
        first.enroll("Ben", faces(1), "x")
        assert of_another_process("SELECT name FROM people ORDER BY name") == "[('Ann',), ('Ben',)]\n"
    path.unlink()
    path.write_text("of another program")  # the record of what was open has ended
    with pytest.raises(GalleryError, match="is not a gallery"):
        Gallery(path, MODEL)


def test_a_file_removed_behind_its_back_is_made_anew(path):
    with Gallery(path, MODEL) as gallery:
        gallery.enroll("A", faces(1), "x")
        for file in files_of(path):
            file.unlink()
        assert gallery.people() == ()
        gallery.enroll("B", faces(1), "x")
    with Gallery(path, MODEL) as gallery:
        assert [person.name for person in gallery.people()] == ["B"]


@pytest.mark.parametrize("read_only", [False, True], ids=["to_write", "to_read"])
def test_a_file_that_was_away_for_a_while_is_used_again(path, read_only):
    Gallery(path, MODEL).close()
    with Gallery(path, MODEL, read_only=read_only) as gallery:
        assert gallery.people() == ()
        aside = path.rename(path.with_name("aside"))
        path.write_text("of another program")
        with pytest.raises(GalleryError, match="is not a gallery"):
            gallery.people()
        aside.replace(path)
        assert gallery.people() == ()


@pytest.mark.parametrize("read_only", [False, True], ids=["to_write", "to_read"])
def test_a_file_that_is_replaced_while_it_is_opened(path, monkeypatch, read_only):
    new = path.with_name("new.sqlite3")
    for file, name in ((path, "Ann"), (new, "Ben")):
        with Gallery(file, MODEL) as made:
            made.enroll(name, faces(1), "x")
    check = gallery_file._check_content

    def slow_check(connection: sqlite3.Connection) -> None:
        check(connection)
        if new.exists():
            new.replace(path)

    monkeypatch.setattr(gallery_file, "_check_content", slow_check)
    with Gallery(path, MODEL, read_only=read_only) as gallery:
        assert [person.name for person in gallery.people()] == ["Ben"]


def symbolic_link(path: Path) -> None:
    target = path.with_name("target")
    target.write_text("somebody's")
    target.chmod(0o644)
    path.symlink_to(target)


def link_to_a_gallery(path: Path) -> None:
    filled(path.with_name("target"))
    path.with_name("target").chmod(0o644)
    path.symlink_to(path.with_name("target"))


def other_database(path: Path, application: int = 0) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA application_id={application}")
    connection.execute("CREATE TABLE songs (name TEXT)")
    connection.close()


def damaged_other_database(path: Path) -> None:
    other_database(path, 7)
    overwrite(path, 100, b"\xff" * 4000)


def header_in_wal_mode(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0\x10\0\2\2" + bytes(80) + np.random.default_rng(0).bytes(4000))


FOREIGN = {
    "damaged database with a log": header_in_wal_mode,
    "text": lambda path: path.write_text("this is somebody's file"),
    "noise": lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
    "zeros": lambda path: path.write_bytes(bytes(8192)),
    "database of another program": other_database,
    "database with another mark": lambda path: other_database(path, 7),
    "damaged database of another program": damaged_other_database,
    "link": symbolic_link,
    "link to a gallery": link_to_a_gallery,
    "dangling link": lambda path: path.symlink_to(path.with_name("nowhere")),
    "pipe": os.mkfifo,
    "socket": lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
    "folder": lambda path: path.mkdir(),
}


def state_of(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Mode, number of links and content of everything in a folder."""
    return {
        file.name: (
            file.lstat().st_mode,
            file.lstat().st_nlink,
            file.read_bytes() if stat.S_ISREG(file.lstat().st_mode) else b"",
        )
        for file in folder.iterdir()
    }


@pytest.mark.parametrize("read_only", [False, True], ids=["writing", "reading"])
@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
def test_what_is_not_ours_is_never_touched(tmp_path, make, read_only):
    path = tmp_path / "g"
    make(path)
    if stat.S_ISREG(path.lstat().st_mode):
        path.chmod(0o644)
    before = state_of(tmp_path)
    with pytest.raises(GalleryError, match="gallery"):
        Gallery(path, MODEL, read_only=read_only)
    assert state_of(tmp_path) == before


def test_reading_changes_nothing_and_works_in_a_folder_that_cannot_be_written_to(path):
    filled(path)
    path.chmod(0o644)
    before = state_of(path.parent)
    with Gallery(path, MODEL, read_only=True) as gallery:
        assert len(gallery.people()) == 50
        with pytest.raises(GalleryError, match="read only"):
            gallery.enroll("Ann", faces(1), "x")
    after = state_of(path.parent)
    assert after["gallery.sqlite3"] == before["gallery.sqlite3"]
    assert set(after) <= {"gallery.sqlite3", "gallery.sqlite3-wal", "gallery.sqlite3-shm"}


def test_reading_makes_no_gallery_and_sets_none_aside(path):
    with pytest.raises(GalleryError, match="there is none"):
        Gallery(path, read_only=True)
    assert not path.exists()
    filled(path)
    overwrite(path, 4096, b"x" * 12000)
    damaged = path.read_bytes()
    with pytest.raises(GalleryError, match="is damaged; nothing was changed"):
        Gallery(path, read_only=True)
    assert path.read_bytes() == damaged
    assert not list(path.parent.glob("*.damaged-*"))


def test_a_reader_sees_what_a_writer_adds(path):
    with Gallery(path, MODEL) as writer:
        writer.enroll("Ann", faces(1), "x")
        with Gallery(path, MODEL, read_only=True) as reader:
            assert [person.name for person in reader.people()] == ["Ann"]
            writer.enroll("Ben", faces(1, seed=5), "x")
            assert [person.name for person in reader.people()] == ["Ann", "Ben"]
