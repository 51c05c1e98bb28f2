# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is covered besides the faces that were found, and that settings for publishing do not weaken covers."""

import numpy as np
import pytest

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, DetectorError
from face_detect_ros.core.frame import Frame
from face_detect_ros.core.protocols import DetectOptions, StageTimes
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.stages.cover import CoverFaces, heads
from face_detect_ros.pipeline.stages.track import Track
from face_detect_ros.viz.anonymize import AnonymizerOptions

WHITE = np.full((400, 300, 3), 255, np.uint8)
STANDING = (100, 50, 180, 350)  # a person
BOX = AnonymizerOptions(style="box", margin=0.0)
COVERING = PipelineOptions(DetectOptions(score_threshold=0.5), cover=True)


class Finds:
    """A detector that finds boxes with scores, as asked."""

    device, times = "test", StageTimes()

    def __init__(self, *boxes, scores=None, labels=("face",), fails=False):
        self.labels = labels
        self.found = Detections(
            np.array(boxes, np.float32).reshape(-1, 4), scores or [0.9] * len(boxes), [0] * len(boxes)
        )
        self.fails, self.closed, self.asked = fails, False, None

    def detect(self, images, options):
        if self.fails:
            raise DetectorError("out of order")
        self.asked = options
        return [self.found.select(self.found.scores >= options.score_threshold) for _ in images]

    def warmup(self):
        pass

    def close(self):
        self.closed = True


def persons(*boxes, **more):
    return Finds(*boxes, labels=("person", "dog"), **more)


def covered(cover, faces, people, options=COVERING):
    pipeline = Pipeline(faces, [Track(None), CoverFaces(BOX, cover, people, faces)], options)
    (result,) = pipeline.process([(pipeline.open_stream(), Frame(WHITE, 1, "camera"))], options)
    return result.covered[..., 0] == 0


@pytest.mark.parametrize(
    ("cover", "head", "feet"),
    [("faces", False, False), ("heads", True, False), ("persons", True, True)],
)
def test_a_person_whose_face_is_missed(cover, head, feet):
    black = covered(cover, Finds(), persons(STANDING))
    assert black[52:130, 102:178].all() == head
    assert black[340, 140] == feet
    assert not black[:, :90].any()


def test_a_person_with_a_face_keeps_the_rest_of_the_head_uncovered_with_heads():
    face = (125, 60, 155, 95)
    assert not covered("heads", Finds(face), persons(STANDING))[52, 102]
    assert covered("heads", Finds(face), persons(STANDING))[62:93, 127:153].all()
    assert covered("persons", Finds(face), persons(STANDING))[52, 102]


class Upright(Finds):
    """Finds the bright square of an image if it is in the upper half."""

    def detect(self, images, options):
        found = []
        for image in images:
            rows, columns = np.nonzero(image[: len(image) // 2, :, 0] == 255)
            box = [(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)] if len(rows) else []
            found.append(Detections(np.reshape(box, (-1, 4)), [0.9] * len(box), [0] * len(box)))
        return found


@pytest.mark.parametrize(("cover", "black"), [("faces", False), ("heads", True), ("persons", True)])
def test_a_face_that_is_found_only_in_the_image_turned_upside_down(cover, black):
    image = np.full((400, 300, 3), 100, np.uint8)
    image[300:340, 20:50] = 255
    faces = Upright()
    pipeline = Pipeline(faces, [Track(None), CoverFaces(BOX, cover, persons(), faces)], COVERING)
    (result,) = pipeline.process([(pipeline.open_stream(), Frame(image, 1, "camera"))], COVERING)
    hidden = (result.covered == 0).all(axis=2)
    assert hidden[300:340, 20:50].all() == black
    assert hidden.sum() == (1200 if black else 0)
    assert len(result.detections) == 0


def test_a_faint_person_is_covered_too():
    assert covered("persons", Finds(), persons(STANDING, scores=[0.12]))[200, 140]


@pytest.mark.parametrize(
    ("person", "head"),
    [
        ((100, 50, 180, 350), (100, 50, 180, 155)),  # standing
        ((100, 50, 300, 300), (100, 50, 300, 250)),  # from the chest up
        ((0, 100, 300, 180), (0, 100, 300, 180)),  # lying
    ],
    ids=["standing", "bust", "lying"],
)
def test_where_the_head_is(person, head):
    (box,) = heads(persons(person).found, np.empty((0, 4)))
    assert box.tolist() == pytest.approx(head)


def test_one_face_spares_one_person():
    behind = (60, 40, 260, 390)
    face = np.array([[125, 60, 155, 95]], np.float32)
    left = heads(persons(STANDING, behind).found, face)
    assert left.tolist() == [[60, 40, 260, 240]]


@pytest.mark.parametrize("cover", ["heads", "persons"])
def test_when_the_persons_cannot_be_found_there_is_no_image(cover):
    with pytest.raises(DetectorError, match="out of order"):
        covered(cover, Finds(), persons(fails=True))


def test_what_cannot_be_covered_is_refused():
    with pytest.raises(ConfigError, match="no detector that knows persons"):
        CoverFaces(BOX, "heads", Finds())
    with pytest.raises(ConfigError, match="cover everybody, or faces only"):
        CoverFaces(AnonymizerOptions(whom="unknown"), "persons", persons())
    with pytest.raises(ConfigError, match="cover is 'feet'; choose one of: faces, heads, persons"):
        CoverFaces(BOX, "feet", persons())


def test_the_detector_of_persons_is_closed():
    people = persons()
    CoverFaces(BOX, "heads", people).close()
    assert people.closed


@pytest.mark.parametrize(
    "settings",
    [
        {"score_threshold": 1.0},
        {"max_detections": 1},
        {"min_size_px": 10_000},
        {"iou_threshold": 0.0},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_for_publishing_do_not_weaken_covers(settings):
    faces = Finds((10, 10, 40, 50), (60, 10, 90, 50), scores=[0.6, 0.4])
    options = PipelineOptions(DetectOptions(**{"score_threshold": 0.5, **settings}), cover=True)
    black = covered("faces", faces, None, options)
    assert black[12:48, 12:38].all()
    assert black[12:48, 62:88].all()
    assert faces.asked.iou_threshold >= 0.4
    assert faces.asked.min_size_px in (0, 1)
