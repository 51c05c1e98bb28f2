# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Who is in the gallery: enrolling, renaming, forgetting, versions, names."""

from datetime import datetime, timezone

import cv2
import numpy as np
import pytest
from helpers.galleries import MODEL, at_distance, faces
from hypothesis import given
from hypothesis import strategies as st

from face_detect_ros.core.errors import GalleryError
from face_detect_ros.faces.gallery.gallery import Gallery, default_path
from face_detect_ros.faces.gallery.looks import StoredLook, as_bytes
from face_detect_ros.faces.gallery.people import LONGEST_NAME, GallerySnapshot, check_name
from face_detect_ros.faces.matching import MatchOptions, match


@pytest.fixture
def path(tmp_path):
    return tmp_path / "gallery.sqlite3"


def test_nobody(path):
    with Gallery(path, MODEL) as gallery:
        assert gallery.people() == ()
        matrix, index = gallery.embeddings()
        assert len(matrix) == 0
        assert matrix.dtype == np.float32
        assert index.shape == (0,)
        assert gallery.models == ()
        assert gallery.set_aside is None


def test_one(path):
    look = faces(1)
    moment = datetime(2026, 11, 1, 12, 30, tzinfo=timezone.utc)
    with Gallery(path, MODEL, clock=lambda: moment) as gallery:
        assert gallery.enroll("Zoë", look, "a.jpg") == 1
    with Gallery(path, MODEL) as gallery:
        (person,) = gallery.people()
        assert (person.name, person.looks, person.since, person.sources) == ("Zoë", 1, moment, ("a.jpg",))
        np.testing.assert_array_equal(gallery.embeddings()[0], look)
        assert gallery.models == ((MODEL, "1"),)


def test_many_with_several_looks(path):
    looks = faces(12)
    with Gallery(path, MODEL) as gallery:
        for number in (2, 0, 1):
            gallery.enroll(f"person {number}", looks[number * 4 : number * 4 + 3], "one")
        gallery.enroll("person 1", looks[7], "two")  # a single look, (128,)
        people = gallery.people()
        matrix, index = gallery.embeddings()
    assert [(p.name, p.looks) for p in people] == [("person 0", 3), ("person 1", 4), ("person 2", 3)]
    assert people[1].sources == ("one", "two")
    assert index.tolist() == [0] * 3 + [1] * 4 + [2] * 3
    np.testing.assert_array_equal(matrix[index == 1], looks[4:8])


def test_the_same_look_again_adds_nothing(path):
    looks = faces(3)
    with Gallery(path, MODEL) as gallery:
        assert gallery.enroll("A", looks[:2], "x") == 2
        assert gallery.enroll("A", looks, "x") == 1
        assert gallery.enroll("A", np.stack([looks[0], looks[0]]), "x") == 0
        assert gallery.people()[0].looks == 3


def test_revision_and_snapshot(path):
    looks = faces(3)
    with Gallery(path, MODEL) as gallery, Gallery(path, MODEL) as other:
        before = gallery.snapshot()
        assert gallery.snapshot() is before
        other.enroll("A", looks[0], "x")
        after = gallery.snapshot()
        assert after is not before
        assert after.revision > before.revision
        assert gallery.revision == after.revision
        assert gallery.snapshot() is after
        other.enroll("A", looks[1], "x")
        other.rename("A", "B")
        assert gallery.people()[0].name == "B"
        other.forget("B")
        assert gallery.people() == ()
        assert len(after.people) == 1, "a snapshot never changes"
        assert gallery.revision > after.revision


def test_two_galleries_share_nothing(tmp_path):
    with Gallery(tmp_path / "a", MODEL) as one, Gallery(tmp_path / "b", MODEL) as two:
        one.enroll("A", faces(1), "x")
        assert two.people() == ()


def test_rename(path):
    with Gallery(path, MODEL) as gallery:
        gallery.enroll("A", faces(2)[0], "x")
        gallery.enroll("B", faces(2)[1], "x")
        with pytest.raises(GalleryError, match="'B' already exists; remove one"):
            gallery.rename("A", "B")
        with pytest.raises(GalleryError, match="nobody in the gallery is called 'C'"):
            gallery.rename("C", "D")
        with pytest.raises(GalleryError, match="unknown"):
            gallery.rename("A", "unknown")
        gallery.rename("A", "A")
        gallery.rename("A", "Ä")
        assert [person.name for person in gallery.people()] == ["B", "Ä"]


def test_forget_nobody(path):
    with Gallery(path, MODEL) as gallery, pytest.raises(GalleryError, match="'A'"):
        gallery.forget("A")


def test_chips_are_kept_only_if_given(path):
    look = faces(2)
    chip = np.random.default_rng(0).integers(0, 255, (150, 150, 3), np.uint8)
    with Gallery(path, MODEL) as gallery:
        gallery.enroll("A", look[0], "x")
        assert gallery.chips("A") == []
        gallery.enroll("A", look[1], "x", [chip])
        (png,) = gallery.chips("A")
        decoded = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        np.testing.assert_array_equal(decoded, chip)
        with pytest.raises(GalleryError, match="one for each"):
            gallery.enroll("A", faces(3, 5), "x", [chip])
        assert gallery.people()[0].looks == 2


@pytest.mark.parametrize(
    "embeddings",
    [
        np.zeros((1, 128)),
        np.full((1, 128), np.nan),
        np.full((1, 128), 3e38),
        np.full((1, 128), 1e-40),
        np.ones((1, 16)),
        np.empty((0, 128)),
        np.ones((1, 1, 128)),
    ],
    ids=["zeros", "nan", "huge", "tiny", "16", "none", "3 axes"],
)
def test_embeddings_that_cannot_be(path, embeddings):
    with Gallery(path, MODEL) as gallery:
        with pytest.raises(GalleryError):
            gallery.enroll("A", embeddings, "x")
        assert gallery.people() == ()


def test_a_stored_look_that_cannot_be_compared_is_named(path):
    good = faces(1)[0]
    huge = StoredLook(as_bytes(np.sign(good) * np.float32(3e38)), "2026-11-01T12:00:00Z", "x")
    with Gallery(path, MODEL) as gallery:
        gallery.enroll("Ann", good, "x")
        gallery.add({(MODEL, "1"): {"Zed": [huge]}})  # what `check_embeddings` refuses
        with pytest.raises(GalleryError, match=r"'Zed'.*forget"):
            gallery.snapshot()
        gallery.forget("Zed")
        assert match(good[None], gallery.snapshot(), MatchOptions())[0].name == "Ann"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Anna", "Anna"),
        ("  Anna B.  ", "Anna B."),
        ("Zoe\u0308", "Zo\u00eb"),  # decomposed, as some file systems give it
        ("王芳", "王芳"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),  # Persian needs the joiner
        ("O'Brien; DROP TABLE people", "O'Brien; DROP TABLE people"),
        ("x" * LONGEST_NAME, "x" * LONGEST_NAME),
    ],
)
def test_names(path, name, kept):
    with Gallery(path, MODEL) as gallery:
        gallery.enroll(name, faces(1), "x")
        assert gallery.people()[0].name == kept
        gallery.forget(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        "a\nb",
        "a\x00b",
        "\u202eanna",
        "\ud800",
        "unknown",
        "Unknown ",
        "x" * (LONGEST_NAME + 1),
        "\u200d",
    ],
)
def test_names_that_cannot_be(path, name):
    with Gallery(path, MODEL) as gallery:
        with pytest.raises(GalleryError, match="name"):
            gallery.enroll(name, faces(1), "x")
        assert gallery.people() == ()


@given(st.text())
def test_a_name_is_kept_as_it_is_or_refused(name):
    try:
        clean = check_name(name)
    except GalleryError:
        return
    assert check_name(clean) == clean
    assert clean
    assert "\n" not in clean


def test_a_source_may_be_any_file_name(path):
    with Gallery(path, MODEL) as gallery:
        gallery.enroll("A", faces(2)[0], "\udcff.png")
        gallery.enroll("A", faces(2)[1], "x" * 5000)
        assert [len(source) for source in gallery.people()[0].sources] == [1000, len("\\udcff.png")]


def test_embedders_see_their_own_looks(path):
    with Gallery(path, MODEL) as gallery:
        gallery.enroll("A", faces(2), "x")
        gallery.enroll("B", faces(1, seed=2), "x")
    for model in (("other", "1"), (MODEL, "2")):
        with Gallery(path, *model) as gallery:
            assert gallery.people() == ()
            assert [person.name for person in gallery.people_without_looks()] == ["A", "B"]
    with Gallery(path, "other") as gallery:
        assert gallery.enroll("B", np.eye(2, 512, dtype=np.float32), "y") == 2
        assert [(person.name, person.looks) for person in gallery.people()] == [("B", 2)]
        assert gallery.snapshot().embeddings.shape == (2, 512)
        assert [person.name for person in gallery.people_without_looks()] == ["A"]
        with pytest.raises(GalleryError, match="differ in length"):
            gallery.enroll("C", faces(1), "x")
        assert gallery.models == (("other", "1"), (MODEL, "1"))
    with Gallery(path, MODEL) as gallery:
        assert [(person.name, person.looks) for person in gallery.people()] == [("A", 2), ("B", 1)]
        assert gallery.people_without_looks() == ()


def test_without_a_model_everybody_is_listed(path):
    with Gallery(path, MODEL) as one, Gallery(path, "other") as two:
        one.enroll("A", faces(2), "x")
        two.enroll("A", faces(1), "y")
        two.enroll("B", faces(1), "y")
    with Gallery(path) as gallery:
        people = {person.name: person for person in gallery.people()}
        assert people["A"].looks == 3
        assert people["A"].models == ("other (version 1)", f"{MODEL} (version 1)")
        assert people["A"].sources == ("x", "y")
        assert people["B"].models == ("other (version 1)",)
        with pytest.raises(GalleryError, match="without a model"):
            gallery.enroll("B", faces(1), "x")
        with pytest.raises(GalleryError, match="cannot be compared with each other"):
            gallery.snapshot()
        gallery.forget("A")
        assert [person.name for person in gallery.people()] == ["B"]
        assert gallery.models == (("other", "1"),)


def test_closed(path):
    gallery = Gallery(path, MODEL)
    gallery.close()
    gallery.close()
    with pytest.raises(GalleryError, match="closed"):
        gallery.people()


def test_default_path(monkeypatch, tmp_path):
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    assert default_path() == tmp_path / "face_detect_ros" / "gallery.sqlite3"
    monkeypatch.delenv("ROS_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert str(default_path()) == "/home/somebody/.ros/face_detect_ros/gallery.sqlite3"


def test_a_snapshot_must_fit_together():
    with pytest.raises(ValueError, match="person by person"):
        GallerySnapshot((), faces(1), np.zeros(1))
    assert len(GallerySnapshot.empty().people) == 0
    assert at_distance(faces(1)[0], 0.5).shape == (128,)
