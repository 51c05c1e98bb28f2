# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Positions in scenes whose geometry is known: the thing, never what is behind, before or beside it."""

import json

import cv2
import numpy as np
import pytest
from helpers.paths import ROOT

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.core.masks import Masks
from face_detect_ros.depth.calibration import Calibration, Roi
from face_detect_ros.depth.camera_model import CameraModel
from face_detect_ros.depth.ground import GroundPlane, parse_ground_plane
from face_detect_ros.depth.image import DepthImage, depth_of_disparity
from face_detect_ros.depth.positions import locate
from face_detect_ros.depth.scene import Scene
from face_detect_ros.evaluation.positions.constructed import (
    HEIGHT,
    WIDTH,
    board,
    level,
    person,
    render,
    scenes,
    together,
    wall,
)

RGBD = ROOT.parent / "shared" / "data" / "rgbd"
K = (260.0, 0.0, 165.0, 0.0, 257.0, 117.0, 0.0, 0.0, 1.0)
LENSES = {
    "pinhole": ("plumb_bob", ()),
    "plumb_bob": ("plumb_bob", (0.1, -0.15, 0.001, -0.002, 0.0)),
    "rational": ("rational_polynomial", (0.3, -0.1, 0.001, 0.002, 0.02, 0.3, -0.05, 0.01)),
    "fisheye": ("equidistant", (0.02, -0.005, 0.003, -0.001)),
}


def calibration(lens: str = "pinhole", **changes) -> Calibration:
    model, d = LENSES[lens]
    values = dict(width=320, height=240, distortion_model=model, d=d, k=K, r=(1, 0, 0, 0, 1, 0, 0, 0, 1))
    return Calibration(**{**values, **changes})


def tolerance(distance_m: float) -> float:
    return max(0.01, 0.01 * distance_m)


@pytest.fixture(scope="module")
def constructed():
    return scenes((0.5, 5.0))


def test_positions_are_within_a_centimeter_or_one_percent(constructed) -> None:
    random = np.random.default_rng(0)
    wrong = {}
    for scene in constructed:
        found = locate(Scene(scene.camera, scene.seen(random), scene.camera), scene.box[None])
        error = np.linalg.norm(found.points[0] - scene.point)
        if not error <= tolerance(scene.depth_m):
            wrong[scene.name] = found.points[0]
    assert not wrong


def test_boxes_may_be_loose_and_half_of_the_depths_missing(constructed) -> None:
    random = np.random.default_rng(1)
    wrong = {}
    for scene in constructed:
        width, height = scene.box[2:] - scene.box[:2]
        box = scene.box + random.uniform(-0.06, 0.06, 4) * (width, height, width, height)
        found = locate(Scene(scene.camera, scene.seen(random, holes=0.5), scene.camera), box[None])
        if found.known[0] and not abs(found.points[0, 2] - scene.depth_m) <= 1.5 * tolerance(scene.depth_m):
            wrong[scene.name] = found.points[0]
    assert not wrong


def test_what_gives_no_depth_is_nowhere_rather_than_in_the_background(constructed) -> None:
    random = np.random.default_rng(2)
    for scene in constructed:
        if "a person," in scene.name:
            continue  # the other person fills much of the box
        seen = scene.seen(random)
        seen.values[scene.mine] = 0
        assert not locate(Scene(scene.camera, seen, scene.camera), scene.box[None]).known[0], scene.name


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize(
    ("own", "depths", "size"),
    [
        (calibration, calibration, (320, 240)),
        (calibration, calibration, (160, 120)),
        (calibration, lambda lens: None, (160, 120)),
        (lambda lens: None, calibration, (320, 240)),
        (lambda lens: calibration(lens, roi=Roi(40, 30, 200, 260)), calibration, (320, 240)),
        (lambda lens: calibration(lens, binning_x=2, binning_y=2), calibration, (320, 240)),
        (
            calibration,
            lambda lens: calibration("pinhole", width=424, k=(215, 0, 212, 0, 215, 120, 0, 0, 1)),
            (424, 240),
        ),
    ],
    ids=["same", "half", "half, no depth info", "no camera info", "roi", "binning", "another lens"],
)
def test_every_kind_of_camera(lens, own, depths, size) -> None:
    image_calibration, depth_calibration = own(lens), depths(lens)
    width, height = (image_calibration or depth_calibration).image_size
    scene = Scene.of(
        width, height, image_calibration, DepthImage(np.zeros(size[::-1], np.uint16), 1e-3), depth_calibration
    )
    thing, around = board(0.25, 0.1, 1.5, 0.3, 0.2), [wall(2.5)]
    image = render("", thing, around, scene.camera)
    seen = render("", thing, around, scene.depth_camera).seen(np.random.default_rng(4))
    found = locate(Scene(scene.camera, seen, scene.depth_camera), image.box[None])
    # the box ends at whole pixels, and a lens turns the flat outline into a curved one
    np.testing.assert_allclose(found.points[0], [0.25, 0.1, 1.5], atol=0.015)
    np.testing.assert_allclose(found.sizes[0, :2], [0.3, 0.2], atol=0.03)


def test_a_mask_says_which_of_two_things_it_is() -> None:
    """A mesh of bars before somebody: the box alone cannot tell which of them it is about."""
    bars = together(*(board(x, 0, 1.2, 0.05, 0.8) for x in np.linspace(-0.4, 0.4, 9)))
    scene = render("", board(0, 0, 2.0, 0.8, 0.6), [bars, wall(3)])
    left, top, right, bottom = scene.box.astype(int)
    region = scene.mine[top:bottom, left:right].astype(np.float32) * 2 - 1
    whole = np.full((HEIGHT, WIDTH), -1, np.float32)
    whole[top:bottom, left:right] = region
    place = Letterbox.stretch((HEIGHT, WIDTH), (HEIGHT, WIDTH))
    space = Scene(scene.camera, scene.seen(np.random.default_rng(0)), scene.camera)
    for sign, truth in ((1, 2.0), (-1, 1.2)):
        masks = Masks(sign * whole[None], None, scene.box[None].astype(np.float32), place)
        found = locate(space, scene.box[None], masks=masks)
        assert found.points[0, 2] == pytest.approx(truth, abs=tolerance(truth))


def test_sides_front_and_back() -> None:
    thing = board(0.0, 0.0, 1.0, 0.3, 0.4, yaw_deg=45)
    scene = render("", thing, [wall(3)])
    found = locate(Scene(scene.camera, scene.seen(np.random.default_rng(0)), scene.camera), scene.box[None])
    side = 0.3 * np.sqrt(0.5)
    assert found.sizes[0, 0] == pytest.approx(side, abs=0.02)
    assert found.sizes[0, 2] == pytest.approx(side, abs=0.03)
    assert found.centers[0, 2] == pytest.approx(1.0, abs=0.02)


def test_covariances_hold_the_errors() -> None:
    random = np.random.default_rng(5)
    distances, camera = [], CameraModel.nominal(320, 240)
    for _ in range(20):
        z = random.uniform(0.6, 4.0)
        scene = render("", board(random.uniform(-0.2, 0.2) * z, 0, z, 0.3, 0.3), [wall(z + 1)], camera)
        box = scene.box + random.normal(0, 0.03, 4) * (scene.box[2:] - scene.box[:2]).mean()
        found = locate(Scene(scene.camera, scene.seen(random), scene.camera), box[None])
        covariance = found.covariances[0]
        assert np.linalg.eigvalsh(covariance).min() > 0
        error = found.points[0] - scene.point
        distances.append(error @ np.linalg.solve(covariance, error))
    assert np.mean(np.array(distances) < 11.3) > 0.9  # 99 % of a normal distribution


def test_none_one_and_many_and_boxes_outside(constructed) -> None:
    scene = constructed[0]
    space = Scene(scene.camera, scene.seen(np.random.default_rng(0)), scene.camera)
    assert len(locate(space, np.empty((0, 4)))) == 0
    boxes = np.array([scene.box, [-500, -500, -400, -400], [1e7, 0, 2e7, 5], [5, 5, 5, 5], scene.box])
    many = locate(space, boxes)
    assert many.known.tolist() == [True, False, False, many.known[3], True]
    np.testing.assert_array_equal(many.points[0], locate(space, scene.box[None]).points[0])
    np.testing.assert_array_equal(many.points[0], many.points[4])
    for values in (many.points, many.centers, many.sizes, many.covariances):
        assert np.isfinite(values[many.known]).all()


@pytest.mark.parametrize(
    ("own", "others", "what"),
    [
        (None, None, "no calibration"),
        (Calibration(640, 480), None, "no calibration"),
        (calibration(), calibration(width=100, height=100), "not 160x120"),
        (calibration("plumb_bob", d=(0.1,)), None, "1 coefficients"),
    ],
)
def test_a_scene_needs_a_calibration_that_fits(own, others, what) -> None:
    depth = DepthImage(np.zeros((120, 160), np.uint16))
    with pytest.raises(ConfigError, match=what):
        Scene.of(320, 240, own, depth, others)


# without depth: people on the ground


@pytest.mark.parametrize(("pitch", "x", "z"), [(0, 0.0, 3.5), (10, 1.0, 4.0), (25, -0.5, 2.5), (0, 1.5, 6.0)])
def test_people_on_the_ground(pitch: float, x: float, z: float) -> None:
    camera, height_m = CameraModel.nominal(640, 480), 1.3
    ground = GroundPlane.of_camera(height_m, pitch)
    down = ground.down
    forward = np.array([0, -down[2], down[1]])
    feet = height_m * down + z * forward + np.array([x, 0, 0])
    corners = [feet + np.array([side, 0, 0]) - up * down for side in (-0.2, 0.2) for up in (0, 1.7)]
    outline = camera.project(np.array(corners))
    box = np.concatenate([outline.min(axis=0), outline.max(axis=0)])
    found = locate(Scene(camera, ground=ground), np.array([box, box]), np.array([True, False]))
    assert found.known.tolist() == [True, False]
    away = found.points[0] - (found.points[0] @ down) * down
    np.testing.assert_allclose(away, z * forward + np.array([x, 0, 0]), atol=0.02 * z)
    assert found.covariances[0, 2, 2] > 0


def test_feet_that_are_not_seen_tell_nothing() -> None:
    scene = Scene(CameraModel.nominal(640, 480), ground=GroundPlane.of_camera(1.2, 0))
    cut, above = [100, 100, 200, 480], [100, 50, 200, 235]
    assert not locate(scene, np.array([cut, above]), np.array([True, True])).known.any()


def test_depth_goes_before_the_ground() -> None:
    seen = render("", person(0, 3.0), [level(1.0), wall(5)])
    scene = Scene(
        seen.camera, seen.seen(np.random.default_rng(0)), seen.camera, GroundPlane.of_camera(2.0, 0)
    )
    assert locate(scene, seen.box[None], np.array([True])).points[0, 2] == pytest.approx(
        seen.depth_m, abs=0.03
    )


def test_a_plane_from_a_transform_is_that_of_the_angles() -> None:
    given = GroundPlane.of_camera(1.5, 20)
    pitch = np.radians(20)
    # base x forward, y left, z up
    rotation = np.array([[0, -np.sin(pitch), np.cos(pitch)], [-1, 0, 0], [0, -np.cos(pitch), -np.sin(pitch)]])
    found = GroundPlane.of_transform(rotation, np.array([0.2, 0.0, 1.5]))
    np.testing.assert_allclose(found.down, given.down, atol=1e-12)
    assert found.height_m == 1.5


def test_ground_planes_in_words() -> None:
    assert parse_ground_plane("1.2, 0").height_m == 1.2
    np.testing.assert_allclose(parse_ground_plane("1,90").down, [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(parse_ground_plane("1,0,90").down, [1, 0, 0], atol=1e-12)
    for text in ("1", "a, b", "-1, 0", "1, 100", "nan, 0", "1,2,3,4", "1,,2"):
        with pytest.raises(ConfigError, match="give the camera's height"):
            parse_ground_plane(text)


# real cameras


def recorded(name: str):
    folder = RGBD / name
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    about = json.loads((folder / "camera.json").read_text())
    k = np.array([[about["fx"], 0, about["cx"]], [0, about["fy"], about["cy"]], [0, 0, 1]])
    camera = CameraModel(about["width"], about["height"], k, np.zeros(0))
    for path in sorted((folder / "depth").glob("*.png")):
        depth = DepthImage(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), about["depth_unit_m"])
        yield Scene(camera, depth, camera)


def test_things_that_stand_still() -> None:
    boxes = {
        (440, 385, 463, 420): 1.628,
        (312, 425, 372, 462): 1.545,
        (122, 350, 228, 400): 1.711,
        (465, 312, 545, 362): 1.942,
    }
    depths = np.array(
        [locate(scene, np.array(list(boxes))).points[:, 2] for scene in recorded("person_sofa")]
    )
    np.testing.assert_allclose(np.median(depths, axis=0), list(boxes.values()), rtol=0.01)
    assert depths.std(axis=0).max() < 0.013


def test_two_people_are_told_apart() -> None:
    boxes = np.array([[182, 170, 350, 480], [390, 40, 512, 480]])
    points = np.array([locate(scene, boxes).points for scene in recorded("two_people")])
    assert np.abs(points[:, 0, 2] - 2.33).max() < 0.1
    assert np.abs(points[:, 1, 2] - 2.18).max() < 0.05
    assert np.linalg.norm(points[:, 0] - points[:, 1], axis=1).min() > 0.5


def test_a_stereo_pair() -> None:
    data = pytest.importorskip("skimage.data", reason="scikit-image is not installed")
    try:
        left, _, disparity = data.stereo_motorcycle()
    except Exception as error:  # noqa: BLE001 - it is downloaded where it is not installed
        pytest.skip(f"no stereo pair: {error}")
    # Middlebury 2014, "Motorcycle": calib.txt at a quarter of its size; doffs is the shift of the principal points
    focal, baseline, offset = 994.978, 0.193001, 31.086
    image = depth_of_disparity(DepthImage(disparity + np.float32(offset)), focal, baseline)
    height, width = left.shape[:2]
    camera = CameraModel(
        width, height, np.array([[focal, 0, 311.193], [0, focal, 254.877], [0, 0, 1]]), np.zeros(0)
    )
    boxes = np.array([[110, 50, 630, 480], [390, 170, 470, 240]])
    whole, part = locate(Scene(camera, image, camera), boxes).points
    truth = image.meters(slice(190, 220), slice(415, 445))
    assert part[2] == pytest.approx(np.nanmedian(truth), rel=0.03)
    assert whole[2] == pytest.approx(part[2], rel=0.1)  # the motorcycle, not the shelf behind


def _k(focal: float, cx: float = 159.5) -> tuple[float, ...]:
    return (focal, 0, cx, 0, focal, 119.5, 0, 0, 1)


@pytest.mark.parametrize(
    ("own", "others"),
    [
        ({}, {"k": _k(250, 1e300)}),
        ({}, {"k": _k(1e20)}),
        ({}, {"lens": "plumb_bob", "d": (1e30, 0, 0, 0, 0)}),
        ({"k": (250, 250, 159.5, 250, 250, 119.5, 0, 0, 1)}, {}),
    ],
    ids=["another middle", "focal length", "distortion", "singular"],
)
def test_a_calibration_with_a_nonsense_number_locates_nothing(own, others) -> None:
    depth = DepthImage(np.full((240, 320), 1500, np.uint16), 1e-3)
    scene = Scene.of(320, 240, calibration(**own), depth, calibration(**others))
    assert not locate(scene, np.array([[100, 100, 200, 200]])).known.any()


def test_whatever_is_known_is_finite() -> None:
    """Calibrations and depths of any value do no harm."""
    random = np.random.default_rng(0)
    strange = [0.0, 1e-300, 1e-3, 1.0, 500.0, 1e6, 1e300, -1.0, -1e300, float("nan"), float("inf")]
    depths = np.array([0, 1e-40, 0.3, 2.0, 59.9, 1e30, np.nan, np.inf, -np.inf, -1], np.float32)
    boxes = np.array(
        [[0, 0, 64, 48], [10, 10, 10, 10], [-1e6, -1e6, 1e6, 1e6], [20, 10, 40, 30], [1e30, 0, 2e30, 5]]
    )
    known = 0
    for number in range(400):
        lens = list(LENSES)[number % 4]
        count = len(LENSES[lens][1])
        k = [float(random.choice(strange[1:] if index in (0, 4) else strange)) for index in range(9)]
        if number % 2:
            k = [60.0, 0.0, 31.5, 0.0, 60.0, 23.5, 0.0, 0.0, 1.0]
        d = tuple(float(random.choice(strange)) for _ in range(count))
        given = calibration(lens, width=64, height=48, k=tuple(k), d=d)
        image = DepthImage(
            random.choice(depths, (48, 64)) if number % 3 else np.full((48, 64), 2.0, np.float32)
        )
        ground = GroundPlane.of_camera(1.0, float(random.uniform(-90, 90)), float(random.uniform(-180, 180)))
        try:
            scene = Scene.of(64, 48, given, image, ground=ground)
        except ConfigError:
            continue
        found = locate(scene, boxes, np.ones(len(boxes), bool))
        known += int(found.known.sum())
        for values in (found.points, found.centers, found.sizes, found.covariances):
            assert np.isfinite(values[found.known]).all()
    assert known > 50
