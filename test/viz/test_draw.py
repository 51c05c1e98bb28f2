# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Painted detections: where, how large, in which color, and what must never break it."""

import itertools

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ImageError
from face_detect_ros.viz.colors import KNOWN_FACE, class_color, detection_color, ink_on
from face_detect_ros.viz.draw import draw_detections
from face_detect_ros.viz.transliteration import to_ascii

LABELS = ("face", "person", "cat")


def detections(*boxes: tuple[float, ...], landmarks: np.ndarray | None = None, **more) -> Detections:
    count = len(boxes)
    return Detections(
        np.array(boxes).reshape(-1, 4), np.full(count, 0.9), np.arange(count) % 3, landmarks=landmarks, **more
    )


def gray(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 128, np.uint8)


def bounds_of_change(before: np.ndarray, after: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero((before != after).any(axis=2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def caption_above(box: tuple[int, ...], name: str | None = None) -> np.ndarray:
    """The caption of a face in the middle of a 640 x 480 image, without its round corners."""
    image = gray(480, 640)
    painted = draw_detections(image, detections(box), LABELS, names=[name])
    color = np.array(detection_color("face", name))
    rows, columns = np.nonzero((painted[: box[1] - 5] == color).all(axis=2))
    assert 12 <= rows.max() + 1 - rows.min() <= 24
    return painted[rows.min() : rows.max() + 1, columns.min() + 4 : columns.max() - 3]


def test_input_is_untouched_and_output_is_new() -> None:
    image = astronaut()
    before = image.copy()
    painted = draw_detections(image, detections((50, 60, 150, 180)), LABELS)
    assert np.array_equal(image, before)
    assert painted.shape == image.shape
    assert painted.dtype == np.uint8
    assert painted.flags.c_contiguous
    assert painted.flags.writeable
    assert not np.shares_memory(painted, image)


def test_nothing_found_changes_nothing() -> None:
    image = astronaut()
    painted = draw_detections(image, Detections.empty(), LABELS)
    assert np.array_equal(painted, image)
    assert not np.shares_memory(painted, image)


@pytest.mark.parametrize(
    ("width", "height"), [(160, 120), (320, 240), (640, 480), (1920, 1080), (3840, 2160)]
)
def test_the_box_is_where_it_should_be_at_any_resolution(width: int, height: int) -> None:
    image = gray(height, width)
    box = (width * 0.25, height * 0.5, width * 0.75, height * 0.75)
    painted = draw_detections(image, detections(box), LABELS)
    color = np.array(class_color("face"))
    middle = height * 5 // 8
    row = painted[middle]
    columns = np.nonzero((row == color).all(axis=1))[0]
    assert abs(columns.min() - box[0]) <= width / 150 + 2
    assert abs(columns.max() - box[2]) <= width / 150 + 2
    assert np.array_equal(painted[middle, width // 2], (128, 128, 128))  # not filled


def test_lines_and_text_grow_with_the_image() -> None:
    heights = []
    for scale in (1, 3, 9):
        image = gray(240 * scale, 320 * scale)
        box = tuple(scale * v for v in (100, 150, 200, 230))
        painted = draw_detections(image, detections(box), LABELS)
        heights.append(box[1] - bounds_of_change(image, painted)[1])
    assert heights[0] >= 9  # readable
    assert heights[2] > 2 * heights[1] > 3 * heights[0] * 0.9


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((0, 0, 40, 40), id="left upper corner"),
        pytest.param((600, 440, 640, 480), id="right lower corner"),
        pytest.param((0, 0, 640, 480), id="whole image"),
        pytest.param((630, 0, 640, 10), id="right upper corner"),
        pytest.param((300, 470, 900, 900), id="reaches outside"),
        pytest.param((-50, -50, 700, 500), id="around the image"),
    ],
)
@pytest.mark.parametrize("name", [None, "Eileen Collins-Young"])
def test_the_whole_caption_is_inside(box: tuple[int, ...], name: str | None) -> None:
    large = min(box[2] - box[0], box[3] - box[1]) > 100
    with_room = (200, 150, 440, 330) if large else (300, 220, 340, 260)
    caption = caption_above(with_room, name)
    painted = draw_detections(gray(480, 640), detections(box), LABELS, names=[name])
    assert cv2.matchTemplate(painted, caption, cv2.TM_SQDIFF).min() == 0


@pytest.mark.parametrize(
    "box",
    [
        (-1e9, -1e9, 1e9, 1e9),
        (10, 10, 10, 10),
        (50, 50, 20, 20),
        (-500, -500, -400, -400),
        (1e7, 1e7, 2e7, 2e7),
        (3e38, 0, 3.4e38, 5),
        (10.4, 10.6, 10.7, 10.9),
    ],
    ids=str,
)
def test_huge_degenerate_and_outside_boxes(box: tuple[float, ...]) -> None:
    points = np.full((1, 5, 2), 1e30)
    painted = draw_detections(gray(60, 80), detections(box, landmarks=points), LABELS)
    assert painted.shape == (60, 80, 3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (3, 3), (4320, 7680)])
def test_any_image_size(shape: tuple[int, int]) -> None:
    box = (0, 0, shape[1], shape[0])
    painted = draw_detections(gray(*shape), detections(box, (-1, -1, 2, 2)), LABELS, names=["x" * 80, None])
    assert painted.shape == (*shape, 3)


def test_read_only_and_strided_images() -> None:
    image = astronaut()[::2, ::-1]
    image.flags.writeable = False
    found = detections((20, 60, 120, 160))
    assert np.array_equal(
        draw_detections(image, found, LABELS), draw_detections(np.array(image, order="C"), found, LABELS)
    )


def test_landmarks_are_marked() -> None:
    image = gray(480, 640)
    points = np.array([[[220, 200], [240, 200], [280, 200], [260, 200], [250, 230]]], np.float32)
    painted = draw_detections(image, detections((200, 160, 300, 260), landmarks=points), LABELS)
    for x, y in points[0].astype(int):
        assert painted[y, x].tolist() == [255, 255, 255]


def test_names_and_tracks_replace_and_extend_the_label() -> None:
    image = gray(480, 640)
    boxes = [(100, 100, 200, 200), (350, 300, 450, 400)]
    plain = draw_detections(image, detections(*boxes), LABELS)
    named = draw_detections(image, detections(*boxes), LABELS, names=["Ada", None])
    tracked = draw_detections(image, detections(*boxes, track_ids=[5, 6]), LABELS)
    assert not np.array_equal(plain[:250], named[:250])
    assert np.array_equal(plain[250:], named[250:])
    assert not np.array_equal(plain, tracked)
    unconfirmed = draw_detections(image, detections(*boxes, track_ids=[-5, 0]), LABELS)
    assert np.array_equal(plain, unconfirmed)
    with pytest.raises(ValueError, match="1 names for 2 detections"):
        draw_detections(image, detections(*boxes), LABELS, names=["Ada"])


def test_a_class_without_a_label_is_shown_by_its_number() -> None:
    found = Detections([[10, 40, 60, 80]], [0.5], [17])
    image = gray(100, 100)
    numbered = draw_detections(image, found, [str(n) for n in range(18)])
    assert np.array_equal(draw_detections(image, found, LABELS), numbered)


def test_colors_are_stable_and_differ() -> None:
    assert class_color("face") == class_color("face")
    assert len({class_color(label) for label in LABELS}) == 3
    reordered = Detections([[10, 40, 60, 80]], [0.9], [2])
    image = gray(100, 100)
    a = draw_detections(image, detections((10, 40, 60, 80)), ("face", "b", "c"))
    assert np.array_equal(a, draw_detections(image, reordered, ("b", "c", "face")))


def test_known_and_unknown_faces_have_different_colors() -> None:
    boxes = [(100, 100, 200, 200), (350, 300, 450, 400)]
    faces = Detections(boxes, [0.9, 0.8], [0, 0])
    painted = draw_detections(gray(480, 640), faces, LABELS, names=["Ada", None])
    assert painted[150, 100].tolist() == list(KNOWN_FACE)
    assert painted[350, 350].tolist() == list(class_color("face"))
    without_gallery = draw_detections(gray(480, 640), faces, LABELS)
    assert np.array_equal(painted[250:], without_gallery[250:])


def seen_with(cones: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    """What is left of a color for somebody who lacks a kind of cones: linear RGB (Vienot, Brettel, Mollon 1999)."""
    return cones @ (np.array(color) / 255) ** 2.2


@pytest.mark.parametrize(
    "cones",
    [
        pytest.param(np.eye(3), id="normal"),
        pytest.param(
            np.array([[0.1121, 0.8853, 0.0005], [0.1127, 0.8897, -0.0001], [0.0045, 0, 1.0019]]),
            id="protanopia",
        ),
        pytest.param(
            np.array([[0.2920, 0.7054, -0.0003], [0.2934, 0.7089, 0], [-0.0210, 0.0256, 1.0]]),
            id="deuteranopia",
        ),
    ],
)
def test_faces_and_people_differ_with_color_blindness(cones: np.ndarray) -> None:
    colors = [seen_with(cones, color) for color in (KNOWN_FACE, class_color("face"), class_color("person"))]
    for one, other in itertools.combinations(colors, 2):
        assert np.abs(one - other).max() > 0.2


@pytest.mark.parametrize(
    "color", [KNOWN_FACE, *map(class_color, ("face", "person", "cat", "car", "dog", "tie"))]
)
def test_captions_are_readable_on_their_ground(color: tuple[int, int, int]) -> None:
    weights = np.array([0.2126, 0.7152, 0.0722])
    ground, ink = (weights @ (np.array(each) / 255) ** 2.2 for each in (color, ink_on(color)))
    # WCAG 2 asks for 4.5
    assert (max(ground, ink) + 0.05) / (min(ground, ink) + 0.05) > 6


def test_other_arrays_are_refused() -> None:
    with pytest.raises(ImageError):
        draw_detections(np.zeros((5, 5), np.uint8), Detections.empty(), LABELS)


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("face 0.93", "face 0.93"),
        ("José Ångström", "Jose Angstrom"),
        ("Jose\u0301", "Jose"),
        ("Øyvind Łukasz Weiß", "Oyvind Lukasz Weiss"),
        ("Иван Щукин", "Ivan Shchukin"),
        ("Αλέξανδρος", "Alexandros"),
        ("Nguyễn", "Nguyen"),
        ("王小明", "???"),
        ("a\nb\x00c", "a b c"),
        ("O\u2019Neil \U0001f600", "O'Neil ?"),
        ("", ""),
    ],
)
def test_text_is_put_into_ascii(text: str, drawn: str) -> None:
    assert to_ascii(text) == drawn


def test_distances_are_in_the_captions() -> None:
    found = detections((100, 100, 300, 300))
    plain = draw_detections(gray(480, 640), found, LABELS)
    near, far = (
        draw_detections(gray(480, 640), found, LABELS, distances_m=np.array([z])) for z in (0.75, 2.0)
    )
    assert not np.array_equal(near, plain)
    assert not np.array_equal(near, far)
    unknown = draw_detections(gray(480, 640), found, LABELS, distances_m=np.array([np.nan]))
    assert np.array_equal(unknown, plain)
