"""Picture files of every sort."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.sources import level, quarters, read_all, write

from face_detect_ros.core.errors import SourceError
from face_detect_ros.images.reading import decode_picture, read_picture
from face_detect_ros.sources import SourceOptions, open_source
from face_detect_ros.sources.fit import fit
from face_detect_ros.sources.stills import STILLS_RATE_HZ


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """The JPEG with an EXIF segment that holds nothing but an orientation (1 to 8)."""
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".ppm", ".tif"])
def test_lossless_files_come_back_exactly(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"picture{suffix}", quarters())
    np.testing.assert_array_equal(read_picture(path), quarters())


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_files_come_back_nearly(tmp_path: Path, suffix: str) -> None:
    found = read_picture(write(tmp_path / f"picture{suffix}", level(77)))
    np.testing.assert_allclose(found.astype(int), 77, atol=2)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_the_picture_upright(orientation: int) -> None:
    upright = quarters()
    # as the camera stores it: the inverse of what the orientation asks a viewer to do
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    stored_bgr = np.ascontiguousarray(stored[..., ::-1])
    jpeg = cv2.imencode(".jpg", stored_bgr, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    found = decode_picture(with_orientation(jpeg, orientation), "photo.jpg")
    assert found.shape == upright.shape
    for y, x in ((5, 5), (5, 50), (35, 5), (35, 50)):
        np.testing.assert_allclose(found[y, x].astype(int), upright[y, x], atol=12)


def test_gray_becomes_three_equal_channels(tmp_path: Path) -> None:
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    cv2.imwrite(str(tmp_path / "gray.png"), gray)
    found = read_picture(tmp_path / "gray.png")
    for channel in range(3):
        np.testing.assert_array_equal(found[..., channel], gray)


def test_16_bits_are_scaled_over_their_full_range(tmp_path: Path) -> None:
    deep = np.array([[0, 256, 257, 32768, 65535]], np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    assert read_picture(tmp_path / "deep.png")[0, :, 0].tolist() == [0, 1, 1, 128, 255]


def test_16_bit_colors_keep_their_order(tmp_path: Path) -> None:
    deep = np.zeros((2, 2, 3), np.uint16)
    deep[...] = (0, 32768, 65535)  # BGR
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    assert read_picture(tmp_path / "deep.png")[0, 0].tolist() == [255, 128, 0]


def test_float_files_run_from_0_to_1(tmp_path: Path) -> None:
    values = np.array([[-1.0, 0.0, 0.5, 1.0, 7.0]], np.float32)
    path = tmp_path / "float.tiff"
    cv2.imwrite(str(path), np.repeat(values[..., None], 3, axis=2))
    # older OpenCV writes it with a lossy logarithm
    np.testing.assert_allclose(read_picture(path)[0, :, 0].astype(int), [0, 0, 128, 255, 255], atol=2)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16], ids=["8 bits", "16 bits"])
def test_transparent_parts_show_white(tmp_path: Path, dtype: type) -> None:
    full = np.iinfo(dtype).max
    bgra = np.zeros((1, 3, 4), dtype)
    bgra[0, 0] = (0, 0, full, full)
    bgra[0, 1] = (0, 0, full, 0)
    bgra[0, 2] = (0, 0, 0, full // 2)
    cv2.imwrite(str(tmp_path / "alpha.png"), bgra)
    found = read_picture(tmp_path / "alpha.png").astype(int)
    np.testing.assert_allclose(found[0], [(255, 0, 0), (255, 255, 255), (128, 128, 128)], atol=1)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"not a picture at all", "not a picture"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "broken.png"),
    ],
    ids=["empty", "text", "broken header"],
)
def test_broken_files_say_so(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=says):
        read_picture(path)


def test_other_pixel_types_are_refused() -> None:
    signed = cv2.imencode(".tiff", np.zeros((4, 4), np.int16))[1].tobytes()
    try:
        found = decode_picture(signed, "signed.tiff")
    except SourceError as error:
        assert "signed.tiff" in str(error)  # noqa: PT017 - OpenCV versions differ in whether they read it
    else:
        assert found.shape == (4, 4, 3)


def test_decoder_errors_become_source_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> None:
        raise cv2.error("too many pixels")

    monkeypatch.setattr(cv2, "imdecode", explode)
    with pytest.raises(SourceError, match=r"huge\.jpg: cannot be decoded"):
        decode_picture(b"\xff\xd8", "huge.jpg")


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        read_picture(tmp_path / "missing.jpg")


@pytest.mark.parametrize(
    ("width", "height", "shape"),
    [
        (0, 0, (40, 60)),
        (30, 0, (20, 30)),
        (0, 80, (80, 120)),
        (60, 60, (60, 60)),
        (90, 40, (40, 90)),
        (1, 0, (1, 1)),
        (0, 1, (1, 2)),
    ],
    ids=["native", "width", "height", "bars above", "bars beside", "tiny width", "tiny height"],
)
def test_fit_gives_the_size_asked_for(width: int, height: int, shape: tuple[int, int]) -> None:
    assert fit(quarters(40, 60), width, height).shape[:2] == shape


def test_fit_without_distortion_between_black_borders() -> None:
    found = fit(level(200, 40, 60), 60, 60)
    assert (found[:10] == 0).all()
    assert (found[10:50] == 200).all()
    assert (found[50:] == 0).all()


def test_a_picture_repeats(tmp_path: Path) -> None:
    path = write(tmp_path / "one.png", quarters())
    source = open_source(SourceOptions(str(path)))
    before_s = time.monotonic()
    for _ in range(3):
        capture = source.read()
        assert capture is not None
        np.testing.assert_array_equal(capture.image, quarters())
        assert before_s <= capture.captured_s <= time.monotonic()
    assert (source.live, source.rate_hz, source.description) == (False, STILLS_RATE_HZ, str(path))
    source.close()
    source.close()
    assert source.read() is None


@pytest.mark.parametrize(("hold", "count"), [(1, 1), (4, 4)], ids=["once", "held"])
def test_a_picture_without_loop_ends(tmp_path: Path, hold: int, count: int) -> None:
    path = write(tmp_path / "one.png", quarters())
    source = open_source(SourceOptions(str(path), loop=False, hold_frames=hold))
    assert [source.read() is not None for _ in range(count + 2)] == [True] * count + [False] * 2


def test_a_picture_without_its_suffix_is_recognised_by_its_content(tmp_path: Path) -> None:
    path = write(tmp_path / "one.png", quarters()).rename(tmp_path / "upload")
    assert len(read_all(SourceOptions(str(path), loop=False))) == 1
