# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Covered faces: that they are, how strongly, for how long, and whose."""

import numpy as np
import pytest
from skimage.data import astronaut

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, ImageError
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors import catalogue
from face_detect_ros.viz.anonymize import Anonymizer, AnonymizerOptions

STYLES = ("blur", "pixelate", "box")
FACE = (179, 83, 267, 171)  # of astronaut()
STEP_NS = 100_000_000


def at(*boxes: tuple[float, ...], tracks: list[int] | None = None) -> Detections:
    count = len(boxes)
    return Detections(np.array(boxes).reshape(-1, 4), np.full(count, 0.9), np.zeros(count), track_ids=tracks)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def changed(before: np.ndarray, after: np.ndarray, box: tuple[float, ...]) -> float:
    """Part of the pixels in `box` (cut at the border) that differ."""
    left, top, right, bottom = (max(0, int(v)) for v in box)
    difference = (before != after).any(axis=2)[top:bottom, left:right]
    return float(difference.mean()) if difference.size else 0.0


class Stream:
    """Images of noise, a tenth of a second apart; which boxes are covered in each."""

    def __init__(self, **options: object) -> None:
        self.anonymizer = Anonymizer(AnonymizerOptions(style="box", **options))
        self.image = noise(240, 320)
        self.stamp_ns = 5_000_000_000

    def covers(
        self,
        faces: Detections,
        *places: tuple[float, ...],
        names: list[str | None] | None = None,
        faint: tuple[tuple[float, ...], ...] = (),
    ) -> list[bool]:
        self.stamp_ns += STEP_NS
        after = self.anonymizer.apply(self.image, faces, self.stamp_ns, names, np.reshape(faint, (-1, 4)))
        return [changed(self.image, after, place) > 0.99 for place in places]


A, B = (40, 60, 80, 110), (200, 60, 240, 110)


@pytest.mark.parametrize("style", STYLES)
def test_the_detector_no_longer_finds_the_face(style: str) -> None:
    detector = catalogue.create("dlib_hog", task="faces")
    options = DetectOptions(min_size_px=40)
    photo = astronaut()[:280, 80:360]
    (found,) = detector.detect([photo], options)
    assert len(found) == 1
    anonymizer = Anonymizer(AnonymizerOptions(style=style))
    covered = anonymizer.apply(photo, found, 0)
    assert len(detector.detect([covered], options)[0]) == 0
    # the next image, in which the detector has missed it
    held = anonymizer.apply(photo, Detections.empty(), STEP_NS)
    assert len(detector.detect([held], options)[0]) == 0
    # without the cover it is still there
    assert len(detector.detect([Anonymizer().apply(photo, Detections.empty(), 0)], options)[0]) == 1


@pytest.mark.parametrize("tracks", [None, [1]], ids=["without tracks", "with tracks"])
def test_a_held_cover_stays_on_the_face_when_the_images_get_another_size(tracks: list[int] | None) -> None:
    stream = Stream()
    assert stream.covers(at(A, tracks=tracks), A) == [True]
    stream.image = noise(480, 960)
    assert stream.covers(at(), (120, 120, 240, 220), A) == [True, False]
    stream.image = noise(120, 160)
    assert stream.covers(at(), (20, 30, 40, 55)) == [True]


@pytest.mark.parametrize("style", STYLES)
def test_only_the_face_and_its_margin_change_in_a_new_image(style: str) -> None:
    image = noise(480, 640)
    before = image.copy()
    after = Anonymizer(AnonymizerOptions(style=style, margin=0.25)).apply(image, at((200, 100, 280, 200)), 0)
    assert np.array_equal(image, before)
    assert not np.shares_memory(image, after)
    assert (after.shape, after.dtype) == (image.shape, np.uint8)
    assert changed(before, after, (180, 75, 300, 225)) > 0.98
    outside = (before != after).any(axis=2)
    outside[75:225, 180:300] = False
    assert not outside.any()


@pytest.mark.parametrize("side", [12, 40, 200, 500])
def test_strength_follows_the_size_of_the_face(side: int) -> None:
    image = noise(600, 600)
    face = at((20, 20, 20 + side, 20 + side))
    inside = (slice(20, 20 + side), slice(20, 20 + side))
    pixelated = Anonymizer(AnonymizerOptions(style="pixelate", margin=0)).apply(image, face, 0)[inside]
    assert len(np.unique(pixelated.reshape(-1, 3), axis=0)) <= 36
    # a pattern of stripes, four to a face, is gone
    stripes = np.where(np.arange(600) * 8 // side % 2, 255, 0).astype(np.uint8)
    image = np.broadcast_to(stripes[None, :, None], (600, 600, 3))
    blurred = Anonymizer(AnonymizerOptions(style="blur", margin=0)).apply(image, face, 0)[inside]
    middle = blurred[:, side // 4 : side - side // 4]
    assert np.ptp(middle.astype(int)) < 40
    assert np.abs(np.fft.rfft(blurred[side // 2, :, 0].astype(float)))[4] / side < 8


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (3, 3), (4320, 7680)], ids=str)
def test_any_image_size(style: str, shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 200, np.uint8)
    whole = (0, 0, shape[1], shape[0])
    after = Anonymizer(AnonymizerOptions(style=style)).apply(image, at(whole, (-1, -1, 2, 2)), 0)
    assert after.shape == image.shape
    if style == "box":
        assert not after.any()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "box",
    [
        (-20, -30, 30, 40),
        (300, 200, 360, 300),
        (-50, -50, 500, 500),
        (-500, -500, -400, -400),
        (10, 10, 10, 10),
        (50, 50, 20, 20),
        (-1e9, -1e9, 1e9, 1e9),
        (3e38, 0, 3.4e38, 5),
        (10.4, 10.6, 10.7, 10.9),
    ],
    ids=str,
)
def test_faces_cut_by_the_border_and_degenerate_boxes(style: str, box: tuple[float, ...]) -> None:
    image = noise(240, 320)
    after = Anonymizer(AnonymizerOptions(style=style, margin=0)).apply(image, at(box), 0)
    visible = tuple(np.clip(box, 0, (320, 240, 320, 240)))
    if visible[2] - visible[0] >= 1 and visible[3] - visible[1] >= 1:
        assert changed(image, after, visible) > 0.95


def test_read_only_and_strided_images() -> None:
    image = astronaut()[::2, ::-1]
    image.flags.writeable = False
    plain = np.array(image, order="C")
    found = at((20, 60, 120, 160))
    assert np.array_equal(Anonymizer().apply(image, found, 0), Anonymizer().apply(plain, found, 0))


def test_nobody_there() -> None:
    image = noise(50, 60)
    after = Anonymizer().apply(image, Detections.empty(), 0)
    assert np.array_equal(image, after)
    assert not np.shares_memory(image, after)


@pytest.mark.parametrize("tracks", [[7], None], ids=["track", "plain box"])
def test_a_missed_face_stays_covered_for_the_time_and_the_images(tracks: list[int] | None) -> None:
    stream = Stream(hold_s=0.35, hold_images=1)
    assert stream.covers(at(A, tracks=tracks), A) == [True]
    assert [stream.covers(at(), A)[0] for _ in range(5)] == [True, True, True, False, False]
    stream = Stream(hold_s=0.0, hold_images=2)
    stream.covers(at(A, tracks=tracks), A)
    assert [stream.covers(at(), A)[0] for _ in range(4)] == [True, True, False, False]
    stream = Stream(hold_s=0.0, hold_images=0)
    stream.covers(at(A, tracks=tracks), A)
    assert stream.covers(at(), A) == [False]


def test_the_cover_of_a_missed_face_grows() -> None:
    stream = Stream(margin=0.0)
    beyond = (A[0] - 6, A[1], A[2] + 6, A[3])
    assert stream.covers(at(A), A, beyond) == [True, False]
    stream.covers(at())
    assert stream.covers(at(), A, beyond) == [True, True]


@pytest.mark.parametrize("tracks", [[7], None], ids=["track", "plain box"])
def test_a_face_that_moves_on_leaves_no_trail(tracks: list[int] | None) -> None:
    stream = Stream(margin=0.0)
    for step in range(6):
        place = tuple(v + 15 * (step if i % 2 == 0 else 0) for i, v in enumerate(A))
        assert stream.covers(at(place, tracks=tracks), place, A) == [True, step == 0]


def test_a_track_carries_its_cover_along_however_far_it_jumps() -> None:
    stream = Stream()
    stream.covers(at(A, tracks=[7]))
    assert stream.covers(at(B, tracks=[7]), A, B) == [False, True]


def test_one_missed_beside_one_found() -> None:
    stream = Stream()
    stream.covers(at(A, B, tracks=[1, 2]))
    assert stream.covers(at(B, tracks=[2]), A, B) == [True, True]
    stream = Stream()
    stream.covers(at(A, B))
    assert stream.covers(at(B), A, B) == [True, True]


@pytest.mark.parametrize("tracks", [[1, 2], None], ids=["tracks", "plain boxes"])
def test_one_missed_behind_one_found(tracks: list[int] | None) -> None:
    behind = (A[0] + 16, A[1], A[2] + 16, A[3])  # IoU with A: 0.43
    rest = (A[2], A[1], behind[2], A[3])
    stream = Stream(margin=0.0)
    stream.covers(at(A, behind, tracks=tracks))
    assert stream.covers(at(A, tracks=tracks and tracks[:1]), A, rest) == [True, True]


@pytest.mark.parametrize("style", ["blur", "pixelate"])
def test_a_face_cut_by_the_border_keeps_the_strength_of_a_whole_one(style: str) -> None:
    image = noise(240, 320)
    after = Anonymizer(AnonymizerOptions(style=style, margin=0)).apply(image, at((-280, 0, 40, 320)), 0)
    corner = after[:40, :40]
    if style == "pixelate":
        assert len(np.unique(corner.reshape(-1, 3), axis=0)) == 1
    assert corner.std(axis=(0, 1)).max() < 8


@pytest.mark.parametrize(
    ("whom", "expected"), [("everybody", [True, True]), ("unknown", [False, True]), ("known", [True, False])]
)
@pytest.mark.parametrize("tracks", [[1, 2], None], ids=["tracks", "plain boxes"])
def test_whom(whom: str, expected: list[bool], tracks: list[int] | None) -> None:
    stream = Stream(whom=whom)
    for _ in range(2):
        assert stream.covers(at(A, B, tracks=tracks), A, B, names=["Ada", None]) == expected


@pytest.mark.parametrize("tracks", [[1], None], ids=["track", "plain box"])
def test_what_may_be_a_face_is_covered_and_held_too(tracks: list[int] | None) -> None:
    stream = Stream(hold_s=0.15, hold_images=0)
    assert stream.covers(at(A, tracks=tracks), A, B, faint=(B,)) == [True, True]
    assert stream.covers(at(A, tracks=tracks), A, B) == [True, True]
    assert stream.covers(at(A, tracks=tracks), A, B) == [True, False]
    # a face that becomes faint, and one that was
    assert stream.covers(at(B, tracks=tracks), A, B, faint=(A,)) == [True, True]
    near = (B[0] + 10, B[1], B[2] + 10, B[3])
    stream = Stream(margin=0.0)
    stream.covers(at(tracks=tracks and []), faint=(B,))
    assert stream.covers(at(tracks=tracks and []), near, B, faint=(near,)) == [True, False]


@pytest.mark.parametrize(("whom", "expected"), [("everybody", True), ("unknown", True), ("known", False)])
def test_what_may_be_a_face_is_nobody_known(whom: str, expected: bool) -> None:
    assert Stream(whom=whom).covers(at(A), B, names=["Ada"], faint=(B,)) == [expected]


def test_without_names_everybody_is_unknown() -> None:
    assert Stream(whom="unknown").covers(at(A), A) == [True]
    assert Stream(whom="known").covers(at(A), A) == [False]


@pytest.mark.parametrize(("whom", "covered", "bare"), [("unknown", None, "Ada"), ("known", "Ada", None)])
def test_a_name_that_comes_or_goes_uncovers_after_the_hold_only(
    whom: str, covered: str | None, bare: str | None
) -> None:
    stream = Stream(whom=whom, hold_s=0.25, hold_images=0)
    stream.covers(at(A, tracks=[1]), names=[covered])
    # it walks on meanwhile, and its cover with it
    places = [tuple(v + 50 * (step if i % 2 == 0 else 0) for i, v in enumerate(A)) for step in (1, 2, 3, 4)]
    seen = [stream.covers(at(place, tracks=[1]), place, names=[bare])[0] for place in places]
    assert seen == [True, True, False, False]
    assert stream.covers(at(A, tracks=[1]), A, names=[covered]) == [True]


def test_a_known_person_in_front_does_not_uncover_a_missed_one() -> None:
    stream = Stream(whom="unknown")
    stream.covers(at(A), names=[None])
    assert stream.covers(at(A), A, names=["Ada"]) == [True]


def test_time_that_jumps_back_and_reset_forget_the_held_faces() -> None:
    stream = Stream()
    stream.covers(at(A))
    stream.stamp_ns = 0
    assert stream.covers(at(), A) == [False]
    stream.covers(at(A))
    stream.anonymizer.reset()
    assert stream.covers(at(), A) == [False]


def test_images_without_stamps() -> None:
    anonymizer = Anonymizer(AnonymizerOptions(style="box", hold_s=0.5))
    image = noise(240, 320)
    anonymizer.apply(image, at(A), 0)
    seen = [changed(image, anonymizer.apply(image, at(), 0), A) > 0.9 for _ in range(30)]
    assert seen[:10] == [True] * 10
    assert not any(seen[20:])


def test_two_streams_do_not_share_faces() -> None:
    one, other = Stream(), Stream()
    one.covers(at(A))
    assert other.covers(at(), A) == [False]


@pytest.mark.parametrize(
    "wrong",
    [
        {"style": "mosaic"},
        {"whom": "strangers"},
        {"margin": -0.1},
        {"hold_s": float("nan")},
        {"hold_images": -1},
    ],
    ids=str,
)
def test_bad_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        AnonymizerOptions(**wrong)


def test_other_arrays_and_names_are_refused() -> None:
    with pytest.raises(ImageError):
        Anonymizer().apply(np.zeros((5, 5), np.uint8), at(), 0)
    with pytest.raises(ValueError, match="1 names for 2 faces"):
        Anonymizer().apply(noise(9, 9), at(A, B), 0, ["Ada"])
