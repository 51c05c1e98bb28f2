# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images on their way into object detectors: what is where, how it is resized, and what comes out as numbers."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.data import astronaut

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.detectors.objects.input import PADDING, Canvas, input_size, planes
from face_detect_ros.images.resizing import ours

torch = pytest.importorskip("torch")
from face_detect_ros.detectors.objects.tensor_input import TensorInput  # noqa: E402

CPU = torch.device("cpu")
DTYPES = [torch.float32, torch.bfloat16, torch.float16]


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("original", "longest", "target", "resized", "offset"),
    [
        ((480, 640), 640, (480, 640), (480, 640), (0, 0)),
        ((480, 640), 320, (256, 320), (240, 320), (8, 0)),
        ((1080, 1920), 640, (384, 640), (360, 640), (12, 0)),
        ((640, 480), 640, (640, 480), (640, 480), (0, 0)),
        ((240, 320), 640, (480, 640), (480, 640), (0, 0)),
        ((375, 500), 640, (480, 640), (480, 640), (0, 0)),
        ((1, 5000), 640, (32, 640), (1, 640), (15, 0)),
        ((1, 1), 64, (64, 64), (64, 64), (0, 0)),
    ],
    ids=["vga", "half", "full HD", "upright", "enlarged", "photo", "thin never vanishes", "one pixel"],
)
def test_padding_is_no_more_than_the_stride_needs(
    original: tuple, longest: int, target: tuple, resized: tuple, offset: tuple
) -> None:
    assert Letterbox.within(original, longest) == Letterbox(original, target, resized, offset)


SIDE = st.integers(1, 3000)


@given(SIDE, SIDE, st.integers(1, 20).map(lambda n: 32 * n))
def test_the_longer_side_fills_the_input(height: int, width: int, longest: int) -> None:
    place = Letterbox.within((height, width), longest)
    assert max(place.resized) == max(place.target) == longest
    for axis in (0, 1):
        assert place.target[axis] % 32 == 0
        assert 0 <= place.target[axis] - place.resized[axis] < 32
        assert 0 <= place.offset[axis] <= place.target[axis] - place.resized[axis]


def test_stretching_is_undone_exactly() -> None:
    place = Letterbox.stretch((333, 517), (640, 640))
    given_boxes = np.array([[0, 0, 517, 333], [10.5, 20, 300, 111.25]], np.float32)
    moved = place.boxes_to_input(given_boxes)
    assert moved[0].tolist() == [0, 0, 640, 640]
    np.testing.assert_allclose(place.boxes_to_image(moved), given_boxes, atol=1e-4)


@pytest.mark.parametrize("size", [0, -3])
def test_sizes_below_one_pixel_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="at least 1 pixel"):
        Letterbox.within((10, 10), size)
    with pytest.raises(ValueError, match="at least 1 pixel"):
        Letterbox.stretch((10, size), (10, 10))


@pytest.mark.parametrize(("asked", "size"), [(0, 640), (32, 32), (480, 480), (4096, 4096)])
def test_input_size(asked: int, size: int) -> None:
    assert input_size(asked, 640) == size


@pytest.mark.parametrize("asked", [-32, 1, 31, 500, 4128])
def test_an_input_size_that_does_not_fit_the_network_is_refused(asked: int) -> None:
    with pytest.raises(ConfigError, match=f"input_size {asked}: give a multiple of 32"):
        input_size(asked, 640)


@pytest.mark.parametrize(
    "size", [(512, 512), (256, 256), (170, 170), (333, 400), (120, 512), (100, 90), (700, 640)], ids=str
)
def test_resizing_looks_at_every_pixel(size: tuple[int, int]) -> None:
    out = np.empty((*size, 3), np.uint8)
    ours(astronaut(), out)
    enlarges = size[0] > 512 or size[1] > 512
    reference = cv2.resize(
        astronaut(), size[::-1], interpolation=cv2.INTER_LINEAR if enlarges else cv2.INTER_AREA
    )
    difference = np.abs(out.astype(int) - reference)
    assert difference.mean() < 2.5
    plain = cv2.resize(astronaut(), size[::-1], interpolation=cv2.INTER_NEAREST)
    assert difference.mean() <= np.abs(plain.astype(int) - reference).mean()


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_halving_is_the_mean(factor: int) -> None:
    image = noise(64, 96)
    out = np.empty((64 // factor, 96 // factor, 3), np.uint8)
    ours(image, out)
    mean = image.reshape(64 // factor, factor, 96 // factor, factor, 3).mean(axis=(1, 3))
    assert np.abs(out - mean).max() <= 1.5  # a rounding at each halving


def test_images_lie_where_their_letterbox_says_on_gray() -> None:
    images = [noise(48, 64), noise(96, 64, 1)]
    places = [Letterbox.fit(image.shape[:2], (96, 64)) for image in images]
    pixels = Canvas().paint(images, places)
    assert pixels.shape == (2, 96, 64, 3)
    np.testing.assert_array_equal(pixels[0, 24:72], images[0])
    assert (pixels[0, :24] == PADDING).all()
    assert (pixels[0, 72:] == PADDING).all()
    np.testing.assert_array_equal(pixels[1], images[1])


def test_nothing_of_an_earlier_image_stays_on_the_canvas() -> None:
    canvas = Canvas()
    shapes = [(48, 64), (64, 48), (64, 64), (10, 64), (48, 64), (48, 64)]
    for seed, shape in enumerate(shapes):
        image = noise(*shape, seed)
        place = Letterbox.fit(shape, (64, 64), center=seed % 2 == 0)
        again = Canvas().paint([image], [place])
        np.testing.assert_array_equal(canvas.paint([image], [place]), again)


def test_the_canvas_is_reused_for_a_batch_of_the_same_size_alone() -> None:
    canvas = Canvas()
    place = Letterbox.within((32, 64), 64)
    first = canvas.paint([noise(32, 64)], [place])
    assert np.shares_memory(first, canvas.paint([noise(32, 64, 1)], [place]))
    assert canvas.paint([noise(32, 64)] * 2, [place] * 2).shape == (2, 32, 64, 3)


@pytest.mark.parametrize("scale", [1.0, 1 / 255])
@pytest.mark.parametrize("bgr", [False, True], ids=["rgb", "bgr"])
def test_planes(scale: float, bgr: bool) -> None:
    pixels = np.stack([noise(5, 7), noise(5, 7, 1)])
    result = planes(pixels, scale=scale, mean=(0.5, 0, 0.1), std=(2, 1, 0.5), bgr=bgr)
    ordered = pixels[..., ::-1] if bgr else pixels
    expected = (ordered.astype(np.float64) * scale - [0.5, 0, 0.1]) / [2, 1, 0.5]
    assert result.dtype == np.float32
    assert result.flags.c_contiguous
    np.testing.assert_allclose(result, expected.transpose(0, 3, 1, 2), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("normal", [{}, {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}])
def test_tensors_hold_the_same_numbers(dtype: torch.dtype, normal: dict) -> None:
    images = [noise(50, 64), noise(64, 30, 1)]
    places = [Letterbox.fit(image.shape[:2], (64, 64)) for image in images]
    result = TensorInput(CPU, dtype, **normal)(images, places)
    assert result.dtype == dtype
    assert result.is_contiguous(memory_format=torch.channels_last)
    expected = torch.from_numpy(planes(Canvas().paint(images, places), **normal))
    # at most the rounding to the dtype
    torch.testing.assert_close(
        result.float(), expected.to(dtype).float(), rtol=2e-2 if normal else 0, atol=1e-7
    )


def test_an_input_outlives_the_next_image() -> None:
    prepare = TensorInput(CPU, torch.float32)
    place = Letterbox.within((32, 32), 32)
    first = prepare([noise(32, 32)], [place])
    kept = first.clone()
    prepare([noise(32, 32, 1)], [place])
    assert torch.equal(first, kept)


@pytest.mark.parametrize("longest", [64, 32, 96], ids=["same size", "smaller", "larger"])
def test_images_that_may_not_be_written_or_are_no_plain_block_of_memory(longest: int) -> None:
    image = noise(32, 64)
    image.flags.writeable = False
    other = noise(64, 128)
    place = Letterbox.within((32, 64), longest)
    for one in (image, image[:, ::-1], image[::-1], image[..., ::-1], other[::2, ::2]):
        result = TensorInput(CPU, torch.float32)([one], [place])
        assert torch.equal(result, TensorInput(CPU, torch.float32)([one.copy()], [place]))


def test_resizing_on_the_device_agrees_with_resizing_here() -> None:
    """The way of a GPU, run on the CPU: only the pinned memory is left out."""

    class There(TensorInput):
        def _upload(self, image: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(image.copy())

    for shape in [(480, 640), (512, 512), (1080, 1920), (100, 60)]:
        image = cv2.resize(astronaut(), shape[::-1], interpolation=cv2.INTER_LINEAR)
        place = Letterbox.within(shape, 320)
        there = There(CPU, torch.float32)
        there_pixels = there._paint_there([image], [place]).mul(1 / 255)
        here = TensorInput(CPU, torch.float32)([image], [place])
        assert there_pixels.shape == here.shape
        (top, left), (height, width) = place.offset, place.resized
        inside = (..., slice(top, top + height), slice(left, left + width))
        assert (there_pixels[inside] - here[inside]).abs().mean() < 0.012  # 3 of 255
        outside = torch.ones(here.shape[2:], dtype=torch.bool)
        outside[inside] = False
        assert torch.equal(there_pixels[..., outside], here[..., outside])
