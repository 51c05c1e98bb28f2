# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Image files of every sort."""

from __future__ import annotations

import base64
import importlib.util
import io
import struct
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.paths import FIELD
from helpers.sources import level, quarters, read_all, write
from PIL import Image

from face_detect_ros.core.errors import SourceError
from face_detect_ros.images import formats
from face_detect_ros.images.reading import (
    decode_image,
    image_files,
    other_files,
    read_image,
    tell_others,
)
from face_detect_ros.sources.fit import fit
from face_detect_ros.sources.opening import open_source
from face_detect_ros.sources.options import SourceOptions
from face_detect_ros.sources.stills import STILLS_RATE_HZ


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """The JPEG with an EXIF segment that holds nothing but an orientation (1 to 8)."""
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".ppm", ".tif"])
def test_lossless_files_come_back_exactly(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"picture{suffix}", quarters())
    np.testing.assert_array_equal(read_image(path), quarters())


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_files_come_back_nearly(tmp_path: Path, suffix: str) -> None:
    found = read_image(write(tmp_path / f"picture{suffix}", level(77)))
    np.testing.assert_allclose(found.astype(int), 77, atol=2)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_the_image_upright(orientation: int) -> None:
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
    found = decode_image(with_orientation(jpeg, orientation), "photo.jpg")
    assert found.shape == upright.shape
    for y, x in ((5, 5), (5, 50), (35, 5), (35, 50)):
        np.testing.assert_allclose(found[y, x].astype(int), upright[y, x], atol=12)


def test_gray_becomes_three_equal_channels(tmp_path: Path) -> None:
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    cv2.imwrite(str(tmp_path / "gray.png"), gray)
    found = read_image(tmp_path / "gray.png")
    for channel in range(3):
        np.testing.assert_array_equal(found[..., channel], gray)


def test_16_bits_are_scaled_over_their_full_range(tmp_path: Path) -> None:
    deep = np.array([[0, 256, 257, 32768, 65535]], np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    assert read_image(tmp_path / "deep.png")[0, :, 0].tolist() == [0, 1, 1, 128, 255]


def test_16_bit_colors_keep_their_order(tmp_path: Path) -> None:
    deep = np.zeros((2, 2, 3), np.uint16)
    deep[...] = (0, 32768, 65535)  # BGR
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    assert read_image(tmp_path / "deep.png")[0, 0].tolist() == [255, 128, 0]


def test_float_files_run_from_0_to_1(tmp_path: Path) -> None:
    values = np.array([[-1.0, 0.0, 0.5, 1.0, 7.0]], np.float32)
    path = tmp_path / "float.tiff"
    cv2.imwrite(str(path), np.repeat(values[..., None], 3, axis=2))
    # older OpenCV writes it with a lossy logarithm
    np.testing.assert_allclose(read_image(path)[0, :, 0].astype(int), [0, 0, 128, 255, 255], atol=2)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16], ids=["8 bits", "16 bits"])
def test_transparent_parts_show_white(tmp_path: Path, dtype: type) -> None:
    full = np.iinfo(dtype).max
    bgra = np.zeros((1, 3, 4), dtype)
    bgra[0, 0] = (0, 0, full, full)
    bgra[0, 1] = (0, 0, full, 0)
    bgra[0, 2] = (0, 0, 0, full // 2)
    cv2.imwrite(str(tmp_path / "alpha.png"), bgra)
    found = read_image(tmp_path / "alpha.png").astype(int)
    np.testing.assert_allclose(found[0], [(255, 0, 0), (255, 255, 255), (128, 128, 128)], atol=1)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"not an image at all", "not an image, or damaged"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "broken.png"),
    ],
    ids=["empty", "text", "broken header"],
)
def test_broken_files_say_so(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=says):
        read_image(path)


def test_other_pixel_types_are_refused() -> None:
    signed = cv2.imencode(".tiff", np.zeros((4, 4), np.int16))[1].tobytes()
    try:
        found = decode_image(signed, "signed.tiff")
    except SourceError as error:
        assert "signed.tiff" in str(error)  # noqa: PT017 - OpenCV versions differ in whether they read it
    else:
        assert found.shape == (4, 4, 3)


# read as Pillow reads them


def saved(image: np.ndarray | Image.Image, kind: str, **options) -> bytes:
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("orientation", [1, 3, 5, 6, 8])
@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "PNG", "TIFF"])
def test_orientation_of_every_format(kind: str, orientation: int) -> None:
    Image.init()
    if kind not in Image.SAVE:
        pytest.skip(f"this Pillow does not write {kind}")
    upright = quarters()
    stored = {
        1: upright,
        3: upright[::-1, ::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    # AVIF turns it into rotation and mirroring of its own
    found = decode_image(saved(np.ascontiguousarray(stored), kind, exif=exif), "photo")
    assert found.shape == upright.shape
    for y, x in ((5, 5), (5, 50), (35, 5), (35, 50)):
        np.testing.assert_allclose(found[y, x].astype(int), upright[y, x], atol=50)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "CMYK", "YCbCr", "I;16"])
def test_every_kind_of_pixel(mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.full((6, 8), 257 * 200, np.uint16))
    else:
        image = Image.fromarray(np.full((6, 8, 3), 255 if mode == "1" else 200, np.uint8))
        image = image.quantize(2) if mode == "P" else image.convert(mode)
    kind = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    found = decode_image(saved(image, kind), "image")
    assert found.shape == (6, 8, 3)
    assert np.abs(found.astype(int) - (255 if mode == "1" else 200)).max() <= 1


def test_a_color_that_is_transparent_shows_white() -> None:
    image = Image.fromarray(np.zeros((2, 2, 3), np.uint8))
    assert (decode_image(saved(image, "PNG", transparency=(0, 0, 0)), "image") == 255).all()


def pfm(values: np.ndarray, scale: str = "-1.0") -> bytes:
    kind = "PF" if values.ndim == 3 else "Pf"
    rows = values[::-1].astype("<f4" if scale.startswith("-") else ">f4")
    return f"{kind}\n{values.shape[1]} {values.shape[0]}\n{scale}\n".encode() + rows.tobytes()


@pytest.mark.parametrize("scale", ["-1.0", "1.0"], ids=["little endian", "big endian"])
def test_portable_float_maps(scale: str) -> None:
    color = quarters()
    assert (decode_image(pfm(color / 255, scale), "a.pfm") == color).all()
    assert (decode_image(pfm(color[..., 0].astype(float), scale), "a.pfm") == color[..., :1]).all()


def test_radiance_hdr() -> None:
    data = cv2.imencode(".hdr", quarters()[..., ::-1].astype(np.float32) / 255)[1].tobytes()
    np.testing.assert_allclose(decode_image(data, "a.hdr").astype(int), quarters(), atol=2)


def planar_tiff(bits: int) -> bytes:
    """2 x 1 pixels, uncompressed, red, green and blue in planes."""
    size = bits // 8
    entries = [
        (256, 3, 1, 2),
        (257, 3, 1, 1),
        (258, 3, 3, 134),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 3, 140),
        (277, 3, 1, 3),
        (278, 3, 1, 1),
        (279, 4, 3, 152),
        (284, 3, 1, 2),
    ]
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    head += b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    starts = [164 + number * 2 * size for number in range(3)]
    head += (
        struct.pack("<3H", *[bits] * 3) + struct.pack("<3I", *starts) + struct.pack("<3I", *[2 * size] * 3)
    )
    planes = [(10, 20), (30, 40), (50, 60)]
    return head + b"".join(
        struct.pack(f"<2{'BH'[size - 1]}", *(v * 257 ** (size - 1) for v in p)) for p in planes
    )


def test_planes_of_16_bits_are_refused() -> None:
    assert decode_image(planar_tiff(8), "a.tif").tolist() == [[[10, 30, 50], [20, 40, 60]]]
    with pytest.raises(SourceError, match=r"a\.tif: TIFF with 16 bits in separate planes"):
        decode_image(planar_tiff(16), "a.tif")  # Pillow and OpenCV both mix the planes up


# what quarters() is in HEIC
HEIC = base64.b64decode(
    """
AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAVZtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAA
AAAERAAAEAAQAAAAABegABAAAAAAAAASUAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA1mlwcnAA
AAC3aXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkA
AAAwAAAwAeoDCBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABgAAAA
QAAAABBwaXhpAAAAAAMICAgAAAAXaXBtYQAAAAAAAAABAAEEgQIDBAAAAS1tZGF0AAABISgBrwa48ihWG5/6rkf//+AtH0P97A+gvk9e/9sP//
+/kj//2YFuQ8LefyHUkNwM70xpEF5nBo+po8DgKVd+aAfe9sJJQMoZ4UArtZjROxITjSF3P7157vAAGmhhqROwQSVEOAvJoABqXATsD70NcQSi
LBi40plf6qUqQ/yjUP//elqORof7B09wp2D5/0yRB/36+EXD/2WPt6mMGb/WXTlPecwtuiTpIF8/hdPIGM6JQt6yAa6U5dhD6e+n/4LvrH3TOf
X5Cj2twmukgao6OeYkEiDzH/MB3UYhCtIsY8xbimEoOtTQwDEf+keR2MTadOiX3HQyxUHIBXWvsMSiYz/k46uyTd3IEk4Bhhd8BvF8d8p6+DrS
AToSPB3daOP0/aM=
"""
)


def test_heic(tmp_path: Path) -> None:
    if importlib.util.find_spec("pi_heif") or importlib.util.find_spec("pillow_heif"):
        found = decode_image(HEIC, "a.heic")
        assert found.shape == (64, 96, 3)
        assert found[5, 5, 0] > 250 > 5 > found[5, 5, 1]
    else:
        with pytest.raises(
            SourceError, match=r"a\.heic: HEIC is read where pi-heif is installed: pip install pi-heif"
        ):
            decode_image(HEIC, "a.heic")


def test_an_image_that_ffmpeg_would_take_for_a_video_is_an_image(tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(HEIC)
    if importlib.util.find_spec("pi_heif") or importlib.util.find_spec("pillow_heif"):
        assert open_source(SourceOptions(str(tmp_path / "upload"))).read().image.shape == (64, 96, 3)
    else:
        with pytest.raises(SourceError, match="HEIC is read where"):
            open_source(SourceOptions(str(tmp_path / "upload")))


# and what is not read


JPEG = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8))[1].tobytes()


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.jpg", JPEG[: len(JPEG) // 2], "damaged or incomplete"),
        ("a.jpg", JPEG[:-400] + b"\xff\xd9", None),
        ("a.png", cv2.imencode(".png", quarters())[1].tobytes()[:90], "damaged or incomplete"),
        (
            "a.webp",
            cv2.imencode(".webp", quarters())[1].tobytes()[:60],
            "not an image, or damaged|damaged or incomplete",
        ),
        ("a.jxl", b"\xff\x0a" + bytes(50), "JPEG XL is not read; convert it"),
        ("a.NEF", b"MM\0*" + bytes(50), "camera raw files are not read"),
        ("a.cr3", b"\0\0\0\x18ftypcrx " + bytes(50), "camera raw files are not read"),
        ("a.svg", b'<?xml version="1.0"?><svg xmlns="x"/>', "drawings are not read"),
        ("a.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n", "a document, not an image"),
        ("a.jpg", b"\n<!DOCTYPE html><html>", "a web page, not the image itself"),
        ("a.jpg", b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        ("a.jpg", b"\0\0\0\x18ftypisom" + bytes(50), "a video, not an image"),
        ("a.exr", b"\x76\x2f\x31\x01" + bytes(50), "OpenEXR is not read"),
        ("a.pfm", b"Pf\n100000 100000\n-1\n" + bytes(50), "100000x100000 pixels; more than 100 megapixels"),
        ("a.pfm", b"Pf\n10 10\n-1\n" + bytes(50), "damaged or incomplete"),
        ("a.pfm", b"Pf\nx", "damaged or incomplete"),
        ("a.hdr", b"#?RADIANCE\n\n-Y 100000 +X 100000\n", "more than 100 megapixels"),
        ("a.ppm", b"P6 20000 20000 255\n" + bytes(50), "more than 100 megapixels"),
        ("a.tif", planar_tiff(8)[:100], "not an image, or damaged|damaged or incomplete"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 10 else "",
)
@pytest.mark.filterwarnings("ignore:Truncated File Read")
def test_what_is_not_read_is_called_what_it_is(name: str, data: bytes, says: str | None) -> None:
    if says is None:  # whole by its end, though not in the middle
        assert decode_image(data, name).shape == (48, 64, 3)
        return
    with pytest.raises(SourceError, match=f"{name}: .*({says})"):
        decode_image(data, name)


def test_a_list_of_brands_that_claims_gigabytes_ends_with_the_file() -> None:
    assert formats.kind(b"\xff\xff\xff\xffftypabcd\0\0\0\0mif1avif") == "AVIF"


def test_the_limit_is_an_argument(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", quarters())
    assert read_image(path, max_image_mpx=0.0024).shape == (40, 60, 3)
    with pytest.raises(SourceError, match="60x40 pixels; more than"):
        read_image(path, max_image_mpx=0.0023)


def test_devices_are_not_read() -> None:
    with pytest.raises(SourceError, match="a device, not a file"):
        read_image("/dev/zero")


def test_folders_name_what_they_leave_out(tmp_path: Path) -> None:
    for name in ("a.png", "b.HEIC", "c.avif"):
        (tmp_path / name).write_bytes(b"x")
    for name in (".hidden.cr2", "labels.json", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "d.cr2").write_bytes(b"II*\0")
    (tmp_path / "e.docx").write_bytes(b"PK")
    assert [path.name for path in image_files(tmp_path)] == ["a.png", "b.HEIC", "c.avif"]
    assert [path.name for path in other_files(tmp_path)] == ["d.cr2", "e.docx"]
    told: list[str] = []
    tell_others(tmp_path, told.append)
    assert [text.split(": ", 1)[1] for text in told] == [
        "camera raw files are not read; develop it to JPEG or TIFF; skipped",
        "not an image that is read; skipped",
    ]


FIELD_IMAGES = {
    "hopper_orientation_3.webp": ((128, 128), 255),
    "hopper_orientation_6.webp": ((128, 128), 255),
    "rot1mir0.avif": ((427, 640), 255),
    "seine_hdr_srgb.avif": ((300, 400), 182),
    "hopper.pfm": ((128, 128), 255),
}


@pytest.mark.skipif(not FIELD.is_dir(), reason="no files from the field beside the repository")
@pytest.mark.parametrize("name", FIELD_IMAGES)
def test_files_from_the_field(name: str) -> None:
    size, brightest = FIELD_IMAGES[name]
    found = read_image(FIELD / name)
    assert found.shape[:2] == size
    assert found.max() == brightest
    if "orientation" in name:
        upright = read_image(FIELD / "hopper_orientation_6.jpg").astype(int)
        assert np.abs(found - upright).mean() < 8
        assert np.abs(found - upright[::-1, ::-1]).mean() > 30


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        read_image(tmp_path / "missing.jpg")


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


def test_an_image_repeats(tmp_path: Path) -> None:
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
def test_an_image_without_loop_ends(tmp_path: Path, hold: int, count: int) -> None:
    path = write(tmp_path / "one.png", quarters())
    source = open_source(SourceOptions(str(path), loop=False, hold_frames=hold))
    assert [source.read() is not None for _ in range(count + 2)] == [True] * count + [False] * 2


def test_an_image_without_its_suffix_is_recognised_by_its_content(tmp_path: Path) -> None:
    path = write(tmp_path / "one.png", quarters()).rename(tmp_path / "upload")
    assert len(read_all(SourceOptions(str(path), loop=False))) == 1
