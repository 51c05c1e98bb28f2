# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The pipeline: what is published, tracked, named and covered; streams that share nothing; recipes."""

import dataclasses
import multiprocessing
import pickle
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import galleries
from helpers.detectors import picture
from skimage.data import astronaut

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ConfigError, DetectorError
from face_detect_ros.core.frame import Frame
from face_detect_ros.core.protocols import DetectOptions, StageTimes
from face_detect_ros.depth.camera_model import CameraModel
from face_detect_ros.depth.image import DepthImage
from face_detect_ros.depth.scene import Scene
from face_detect_ros.faces.gallery.gallery import Gallery
from face_detect_ros.faces.options import LookOptions
from face_detect_ros.faces.recognizer import KnownPeople
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.recipe import Recipe, Recognition
from face_detect_ros.pipeline.stages.cover import CoverEverything, CoverFaces
from face_detect_ros.pipeline.stages.locate import Locate
from face_detect_ros.pipeline.stages.recognize import Recognize
from face_detect_ros.pipeline.stages.track import Track
from face_detect_ros.tracking import catalogue as trackers
from face_detect_ros.tracking.options import TrackerOptions
from face_detect_ros.viz.anonymize import AnonymizerOptions

SECOND = 10**9
ANY_LOOK = LookOptions(0, 0, 99)
OPTIONS = PipelineOptions(DetectOptions(score_threshold=0.5))
FACE = np.array([184, 60, 262, 168], np.float32)  # of astronaut()
BOXES = np.array([[2, 2, 12, 12], [14, 2, 24, 12], [2, 14, 12, 23]], np.float32)


class Shows:
    """A detector that finds what it is told, and remembers what it was asked for."""

    labels = ("face",)
    device = "test"

    def __init__(self, scores=(0.9, 0.6, 0.4), boxes=BOXES):
        self.found = Detections(boxes[: len(scores)], np.array(scores), np.zeros(len(scores)))
        self.times = StageTimes(network_ms=3.0)
        self.asked = []
        self.batches = []
        self.closed = False

    def detect(self, images, options):
        if self.closed:
            raise DetectorError("the detector is closed")
        self.asked.append(options)
        self.batches.append(len(images))
        keep = self.found.scores >= np.float32(options.score_threshold)
        return [self.found.select(keep) for _ in images]

    def warmup(self):
        pass

    def close(self):
        self.closed = True


class Embeds:
    """An embedder for which every face is the same person."""

    model_id, model_version, device = galleries.MODEL, "1", "test"

    def __init__(self, face):
        self.face, self.looks, self.closed = face, 0, False

    def chips(self, image, faces):
        return np.zeros((len(faces), 1))

    def embed(self, chips):
        self.looks += len(chips)
        return np.repeat(self.face[None], len(chips), axis=0)

    def close(self):
        self.closed = True


def frame(stamp_s=0.0, code=0):
    return Frame(picture(code), round(stamp_s * SECOND) + SECOND, "camera")


def tracked(detector, *stages):
    """Tracks have their ids at once."""
    tracker = partial(trackers.create, options=TrackerOptions(min_hits=1))
    return Pipeline(detector, [Track(tracker), *stages], OPTIONS)


def recognize(embedder, people, **options):
    """Looks at faces of any quality."""
    return Recognize(embedder, people, **{"quality": ANY_LOOK, **options})


def run(pipeline, stream, *stamps_s, options=OPTIONS):
    return [pipeline.process([(stream, frame(stamp))], options)[0] for stamp in stamps_s]


def test_what_scores_less_is_faint_tracked_and_not_published():
    pipeline = tracked(Shows())
    (result,) = run(pipeline, pipeline.open_stream(), 0)
    assert result.detections.scores.tolist() == pytest.approx([0.9, 0.6])
    assert result.faint.scores.tolist() == pytest.approx([0.4])
    assert result.labels == ("face",)
    assert result.times.network_ms == 3.0
    assert (result.identities, result.names, result.covered, result.positions) == (None,) * 4


def test_a_track_survives_images_in_which_the_detector_is_unsure():
    detector = Shows((0.9,))
    pipeline = tracked(detector)
    stream = pipeline.open_stream()
    (first,) = run(pipeline, stream, 0)
    detector.found = dataclasses.replace(detector.found, scores=np.array([0.4]))
    unsure = run(pipeline, stream, 1, 2, 3, 4)
    assert [len(result.detections) for result in unsure] == [0] * 4
    detector.found = dataclasses.replace(detector.found, scores=np.array([0.9]))
    (last,) = run(pipeline, stream, 5)
    assert last.detections.track_ids.tolist() == first.detections.track_ids.tolist()


@pytest.mark.parametrize(
    ("options", "published", "faint"),
    [
        (DetectOptions(score_threshold=0.5, max_detections=1), 1, 2),
        (DetectOptions(score_threshold=0.6), 2, 0),
        (DetectOptions(score_threshold=0.95), 0, 1),
    ],
    ids=["most of one image", "a threshold equal to a score", "a threshold above all"],
)
def test_limits_hold_for_what_is_published(options, published, faint):
    pipeline = tracked(Shows())
    (result,) = run(pipeline, pipeline.open_stream(), 0, options=PipelineOptions(options))
    assert (len(result.detections), len(result.faint)) == (published, faint)


def test_a_batch_of_streams_is_one_call_and_equals_single_calls():
    detector = Shows()
    pipeline = tracked(detector)
    front, left = pipeline.open_stream("front"), pipeline.open_stream("left")
    batch = pipeline.process([(front, frame(0)), (left, frame(0)), (front, frame(1))], OPTIONS)
    assert detector.batches == [3]
    alone = tracked(Shows())
    singles = run(alone, alone.open_stream(), 0, 1)
    for result, single in zip((batch[0], batch[2]), singles, strict=True):
        assert result.detections.track_ids.tolist() == single.detections.track_ids.tolist()
    assert pipeline.process([], OPTIONS) == []


@pytest.mark.parametrize("stage", ["track", "recognize"])
def test_a_stage_that_fails_on_one_stream_does_not_stop_the_others(stage):
    people = KnownPeople(galleries.snapshot({"Ann": galleries.faces(1)[0][None]}))
    pipeline = tracked(Shows(), recognize(Embeds(galleries.faces(1)[0]), people))
    front, left, back = streams = [pipeline.open_stream(name) for name in ("front", "left", "back")]
    left.steps[stage] = lambda result, options: 1 / 0
    seen = []
    batch = [(stream, frame(number)) for number in range(2) for stream in streams]
    answers = pipeline.process_each(batch, OPTIONS, lambda stream, _: seen.append(stream.name))
    for (stream, _), answer in zip(batch, answers, strict=True):
        assert isinstance(answer, ZeroDivisionError) if stream is left else answer.names is not None
    assert {*seen} == ({"front", "back"} if stage == "track" else {"front", "left", "back"})
    with pytest.raises(ZeroDivisionError):
        pipeline.process(batch, OPTIONS)
    assert pipeline.process([(front, frame(2)), (back, frame(2))], OPTIONS)


def test_streams_share_no_state():
    pipeline = tracked(Shows())
    front, left = pipeline.open_stream("front"), pipeline.open_stream("left")
    run(pipeline, front, 0, 1, 2)
    (elsewhere,) = run(pipeline, left, 0)
    assert elsewhere.detections.track_ids.tolist() == [1, 2]
    assert (front.name, left.name) == ("front", "left")
    assert front.statistics is not left.statistics


def test_time_that_starts_again_is_counted_on_its_stream_alone():
    pipeline = tracked(Shows())
    front, left = pipeline.open_stream(), pipeline.open_stream()
    run(pipeline, front, 100, 0)
    run(pipeline, left, 0, 0.04, 0.02)
    assert (front.statistics.time_jumps, left.statistics.time_jumps) == (1, 0)
    assert front.statistics.latest_jump_s == pytest.approx(100)


@pytest.mark.parametrize("kind", ["motion", "iou"])
def test_images_of_another_size_have_other_tracks(kind):
    detector = Shows((0.9,))
    tracker = partial(trackers.create, kind, options=TrackerOptions(min_hits=1))
    pipeline = Pipeline(detector, [Track(tracker)], OPTIONS)
    stream = pipeline.open_stream()
    sizes = [(24, 32), (24, 32), (48, 64), (48, 64), (24, 32)]
    ids = []
    for number, size in enumerate(sizes, 1):
        image = Frame(np.zeros((*size, 3), np.uint8), number * SECOND // 10)
        (result,) = pipeline.process([(stream, image)], OPTIONS)
        ids += result.detections.track_ids.tolist()
    assert ids == [1, 1, 2, 2, 3]


def test_early_results_have_tracks_but_no_names():
    face = galleries.faces(1)[0]
    people = KnownPeople(galleries.snapshot({"Ann": face[None]}))
    pipeline = tracked(Shows(), recognize(Embeds(face), people))
    seen = []
    pipeline.process([(pipeline.open_stream(), frame())], OPTIONS, lambda _, result: seen.append(result))
    assert seen[0].detections.track_ids.tolist() == [1, 2]
    assert seen[0].identities is None


def test_early_results_have_positions():
    pipeline = tracked(Shows(), Locate())
    depth = DepthImage(np.full((24, 32), 2000, np.uint16), 1e-3)
    depth.values[2:12, 2:12] = 1500
    camera = CameraModel.nominal(32, 24)
    stream, asked = pipeline.open_stream("front"), []
    stream.scene_of = lambda frame: asked.append(frame.stamp_ns) or Scene(camera, depth, camera)
    early = []
    result = pipeline.process([(stream, frame())], OPTIONS, lambda _, r: early.append(r))[0]
    assert early == [result]
    assert asked == [result.frame.stamp_ns]
    np.testing.assert_allclose(result.positions.points[:, 2], [1.5, 2.0], rtol=0.01)


@pytest.mark.parametrize("scene_of", [None, lambda frame: None])
def test_without_camera_or_depth_there_are_no_positions(scene_of):
    pipeline = tracked(Shows(), Locate())
    stream = pipeline.open_stream()
    stream.scene_of = scene_of
    assert run(pipeline, stream, 0)[0].positions is None


def test_positions_are_computed_only_where_they_are_needed():
    pipeline = tracked(Shows(), Locate())
    stream = pipeline.open_stream()
    stream.scene_of = lambda frame: pytest.fail("nobody needs it")
    run(pipeline, stream, 0, options=dataclasses.replace(OPTIONS, locate=False))
    pipeline.detector.found = Detections.empty()
    run(pipeline, stream, 1)


def test_names_come_from_several_looks_at_a_track():
    face = galleries.faces(1)[0]
    embedder = Embeds(face)
    pipeline = tracked(Shows(), recognize(embedder, KnownPeople(galleries.snapshot({"Ann": face[None]}))))
    results = run(pipeline, pipeline.open_stream(), 0, 0.1, 0.2, 0.3)
    assert [list(result.names) for result in results] == [[None] * 2, [None] * 2, ["Ann"] * 2, ["Ann"] * 2]
    assert embedder.looks == 6  # settled names are looked at again only after a while


@pytest.mark.parametrize(
    "stamps_s",
    [
        pytest.param([0, 5, 10], id="an image in five seconds"),
        pytest.param([0, 0.99, 2.02], id="one a second"),
        pytest.param([0, 0.04, 0.01], id="out of order"),
        pytest.param([-1, -1, -1], id="no stamps"),
    ],
)
def test_names_come_at_any_rate_and_order(stamps_s):
    face = galleries.faces(1)[0]
    pipeline = tracked(Shows(), recognize(Embeds(face), KnownPeople(galleries.snapshot({"Ann": face[None]}))))
    assert run(pipeline, pipeline.open_stream(), *stamps_s)[-1].names == ["Ann"] * 2


def test_a_name_comes_no_later_for_a_track_that_is_not_confirmed():
    face = galleries.faces(1)[0]
    people = KnownPeople(galleries.snapshot({"Ann": face[None]}))
    pipeline = Pipeline(Shows((0.9,)), [Track(trackers.create), recognize(Embeds(face), people)], OPTIONS)
    results = run(pipeline, pipeline.open_stream(), 0, 0.03, 0.06, 0.09)
    assert [result.detections.track_ids.item() for result in results] == [-1, -1, -1, 1]
    assert results[2].names == ["Ann"]


@pytest.mark.parametrize(
    ("known", "away_s", "ids"),
    [
        pytest.param(True, 3600, [2, 2, 1, 1], id="enrolled"),
        pytest.param(False, 8, [1, 1, 1, 1], id="a stranger"),
        pytest.param(False, 20, [2, 2, 2, 2], id="a stranger, much later"),
    ],
)
def test_a_face_that_comes_back_elsewhere_keeps_its_id(known, away_s, ids):
    ann, other = galleries.faces(2)
    detector = Shows((0.9,))
    people = KnownPeople(galleries.snapshot({"Ann": (ann if known else other)[None]}))
    pipeline = tracked(detector, recognize(Embeds(ann), people))
    stream = pipeline.open_stream()
    before = run(pipeline, stream, 0, 0.1, 0.2)
    detector.found = dataclasses.replace(detector.found, boxes=BOXES[1:2] + 500)
    after = run(pipeline, stream, *(away_s + 0.1 * step for step in range(4)))
    assert [result.detections.track_ids.item() for result in before] == [1, 1, 1]
    assert [result.detections.track_ids.item() for result in after] == ids
    assert [result.renamed for result in after if result.renamed] == ([{2: 1}] if 1 in ids else [])


def test_whoever_is_forgotten_does_not_come_back():
    ann, other = galleries.faces(2)
    detector = Shows((0.9,))
    people = KnownPeople(galleries.snapshot({"Ann": ann[None]}))
    pipeline = tracked(detector, recognize(Embeds(ann), people))
    stream = pipeline.open_stream()
    run(pipeline, stream, 0, 0.1, 0.2)
    people._snapshot = dataclasses.replace(galleries.snapshot({"Bea": other[None]}), revision=99)
    detector.found = dataclasses.replace(detector.found, boxes=BOXES[1:2] + 500)
    (result,) = run(pipeline, stream, 5)
    assert result.detections.track_ids.item() == 2


def test_nobody_is_named_from_a_gallery_that_was_replaced(tmp_path):
    ann, other = galleries.faces(2)
    path, new = tmp_path / "gallery.sqlite3", tmp_path / "new.sqlite3"
    for file, name, face in ((path, "Ann", ann), (new, "Bea", other)):
        with Gallery(file, galleries.MODEL) as made:
            made.enroll(name, face, "x")
    with Gallery(path, galleries.MODEL) as gallery:
        pipeline = tracked(Shows((0.9,)), recognize(Embeds(ann), gallery))
        stream = pipeline.open_stream()
        *_, before = run(pipeline, stream, 0, 0.1, 0.2)
        revision = gallery.revision
        new.replace(path)
        (after,) = run(pipeline, stream, 0.3)
        assert gallery.revision == revision
    assert [match.name for match in (*before.identities, *after.identities)] == ["Ann", None]


def test_a_stranger_rests_until_a_look_names_somebody():
    ann, other = galleries.faces(2)
    embedder = Embeds(other)
    people = KnownPeople(galleries.snapshot({"Ann": ann[None]}))
    pipeline = tracked(Shows((0.9,)), recognize(embedder, people))
    stream = pipeline.open_stream()
    run(pipeline, stream, *np.arange(0, 3, 0.1))
    # ten looks in a row, then one a second
    assert embedder.looks == 12
    embedder.face = ann
    results = run(pipeline, stream, *np.arange(3, 4.5, 0.1))
    assert results[-1].names == ["Ann"]
    named = [result.names != [None] for result in results].index(True)
    assert named <= 12  # a second until the next look, and two more looks


@pytest.mark.parametrize(
    ("box", "scene", "looks"),
    {
        "good": (FACE, astronaut(), 1),
        "small": (
            FACE * np.float32(0.16),
            cv2.resize(astronaut(), (82, 82), interpolation=cv2.INTER_AREA),
            0,
        ),
        "blurred": (FACE, cv2.GaussianBlur(astronaut(), (0, 0), 6), 0),
        "moved": (FACE, cv2.blur(astronaut(), (31, 1)), 0),
    }.values(),
)
def test_a_poor_look_at_a_face_is_no_vote(box, scene, looks):
    ann = galleries.faces(1)[0]
    embedder = Embeds(ann)
    people = KnownPeople(galleries.snapshot({"Ann": ann[None]}))
    pipeline = tracked(Shows((0.9,), boxes=box[None]), Recognize(embedder, people))
    pipeline.process([(pipeline.open_stream(), Frame(scene, SECOND, "camera"))], OPTIONS)
    assert embedder.looks == looks


def test_a_name_that_only_poor_looks_follow_is_lost():
    ann = galleries.faces(1)[0]
    people = KnownPeople(galleries.snapshot({"Ann": ann[None]}))
    detector = Shows((0.9,), boxes=FACE[None])
    pipeline = tracked(detector, Recognize(Embeds(ann), people))
    stream = pipeline.open_stream()
    blurred = cv2.GaussianBlur(astronaut(), (0, 0), 6)

    def names(scene, *stamps_s):
        return [
            pipeline.process([(stream, Frame(scene, round((1 + s) * SECOND), "camera"))], OPTIONS)[0].names[0]
            for s in stamps_s
        ]

    assert names(astronaut(), 0, 0.1, 0.2) == [None, None, "Ann"]
    after = names(blurred, *range(1, 15))
    assert after[:8] == ["Ann"] * 8
    assert after[-1] is None


@pytest.mark.parametrize(("most", "looks"), [(1, 1), (None, 3)])
def test_looks_per_image(most, looks):
    face = galleries.faces(1)[0]
    embedder = Embeds(face)
    people = KnownPeople(galleries.snapshot({"Ann": face[None]}))
    pipeline = tracked(Shows((0.9, 0.8, 0.7)), recognize(embedder, people, looks_per_image=most))
    run(pipeline, pipeline.open_stream(), 0)
    assert embedder.looks == looks


COVER = dataclasses.replace(OPTIONS, cover=True)
UNCOVERING = {
    "as usual": {},
    "few detections": {"max_detections": 1},
    "large faces only": {"min_size_px": 10_000},
    "a high threshold": {"score_threshold": 0.57},
}


@pytest.mark.parametrize("limits", UNCOVERING.values(), ids=UNCOVERING)
def test_every_face_found_is_covered_whatever_is_published(limits):
    detector = Shows()
    pipeline = tracked(detector, CoverFaces(AnonymizerOptions(style="box", margin=0.0)))
    options = dataclasses.replace(COVER, detect=dataclasses.replace(COVER.detect, **limits))
    (result,) = run(pipeline, pipeline.open_stream(), 0, options=options)
    for left, top, right, bottom in BOXES.astype(int):
        assert not result.covered[top:bottom, left:right].any()
    assert detector.asked[0].min_size_px <= 24
    assert result.frame.image.any(axis=2).all()  # the frame itself is untouched


def test_nothing_is_covered_unless_somebody_asks():
    pipeline = tracked(Shows(), CoverFaces(AnonymizerOptions()), CoverEverything())
    (result,) = run(pipeline, pipeline.open_stream(), 0)
    assert result.covered is None


def test_covering_everything_leaves_no_pixel():
    pipeline = tracked(Shows(), CoverEverything())
    (result,) = run(pipeline, pipeline.open_stream(), 0, options=COVER)
    assert result.covered.shape == result.frame.image.shape
    assert not result.covered.any()


def test_closing_releases_detector_and_stages():
    embedder = Embeds(galleries.faces(1)[0])
    detector = Shows()
    pipeline = tracked(detector, recognize(embedder, KnownPeople(galleries.snapshot({}))))
    stream = pipeline.open_stream()
    with pipeline:
        run(pipeline, stream, 0)
    pipeline.close()
    assert detector.closed
    assert embedder.closed
    with pytest.raises(DetectorError, match="closed"):
        run(pipeline, stream, 1)


# recipes


def test_a_recipe_gives_what_the_detector_finds(tmp_path):
    with Recipe(task="faces", model="dlib_hog").build() as pipeline:
        stream = pipeline.open_stream()
        result = pipeline.process([(stream, Frame(astronaut()))], pipeline.default_options)[0]
        found = pipeline.detector.detect([astronaut()], pipeline.default_options.detect)[0]
    assert result.detections.boxes.tolist() == found.boxes.tolist()
    assert result.detections.track_ids.tolist() == [
        -1 - index for index in range(len(found))
    ]  # not confirmed yet


def test_the_paths_of_a_recipe_hold_in_any_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recognition = Recognition(Path("people.sqlite3"), "arcface:models/arcface.onnx")
    assert recognition.gallery == tmp_path / "people.sqlite3"
    assert recognition.embedder == f"arcface:{tmp_path}/models/arcface.onnx"
    assert Recipe(task="faces", model="yunet:~/yunet.onnx").model == f"yunet:{Path.home()}/yunet.onnx"
    assert Recipe(task="faces", model="kserve-faces:http://robot:8000/faces").model.endswith(
        ":http://robot:8000/faces"
    )
    assert Recipe(task="faces", model="dlib_hog").model == "dlib_hog"


def _count_faces(recipe):
    with recipe.build() as pipeline:
        result = pipeline.process([(pipeline.open_stream(), Frame(astronaut()))], pipeline.default_options)[0]
    return result.detections.boxes.tolist(), list(result.names)


def test_a_recipe_builds_the_same_pipeline_in_another_process(tmp_path):
    path = tmp_path / "gallery.sqlite3"
    Gallery(path).close()
    recipe = Recipe(task="faces", model="dlib_hog", recognition=Recognition(path, frozen=True))
    assert pickle.loads(pickle.dumps(recipe)) == recipe
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        there = pool.apply(_count_faces, (recipe,))
    assert there == _count_faces(recipe)
    assert there[1] == [None]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"task": "plants"}, "task 'plants'"),
        ({"task": "faces", "model": "nonsense"}, "'nonsense'"),
        ({"task": "faces", "tracker": "nonsense"}, "tracker 'nonsense'"),
        ({"task": "faces", "recognition": Recognition(embedder="nonsense")}, "embedder 'nonsense'"),
    ],
    ids=["task", "model", "tracker", "embedder"],
)
def test_a_recipe_with_an_unknown_name_is_refused(wrong, words):
    with pytest.raises(ConfigError, match=words):
        Recipe(**wrong).build()
