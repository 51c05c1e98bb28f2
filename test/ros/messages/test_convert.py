"""Messages to pictures and back, against pixels worked out by hand."""

import array
import struct

import cv2
import numpy as np
import pytest
from helpers.ros_tools import compressed, image
from hypothesis import given, settings
from hypothesis import strategies as st
from sensor_msgs.msg import CompressedImage, Image

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import ImageError
from face_detect_ros.faces.matching import Match
from face_detect_ros.ros.messages import convert

RED, GREEN, BLUE, GREY = (200, 30, 40), (20, 180, 60), (10, 50, 220), (90, 90, 90)
HEIGHT, WIDTH = 6, 8


def message(encoding, data, height=HEIGHT, width=WIDTH, step=None, big_endian=False):
    data = bytes(data)
    return Image(
        height=height,
        width=width,
        encoding=encoding,
        step=len(data) // height if step is None else step,
        is_bigendian=int(big_endian),
        data=array.array("B", data),
    )


def reason_of(decode, *arguments):
    with pytest.raises(ImageError) as caught:
        decode(*arguments)
    assert str(caught.value)
    return caught.value.reason


# every pixel another color: a mix-up of rows, columns or channels shows
PICTURE = np.arange(HEIGHT * WIDTH * 3, dtype=np.uint8).reshape(HEIGHT, WIDTH, 3)
ALPHA = np.full((HEIGHT, WIDTH, 1), 77, np.uint8)


def interleaved(order):
    planes = {"r": PICTURE[..., 0:1], "g": PICTURE[..., 1:2], "b": PICTURE[..., 2:3], "a": ALPHA}
    return np.concatenate([planes[channel] for channel in order], axis=2)


def as_16_bit(pixels, byte_order):
    """The 8-bit values as upper bytes; the lower ones must not matter."""
    return (pixels.astype(np.uint16) * 256 + 199).astype(f"{byte_order}u2")


@pytest.mark.parametrize(
    ("encoding", "order"),
    [
        ("rgb8", "rgb"),
        ("bgr8", "bgr"),
        ("rgba8", "rgba"),
        ("bgra8", "bgra"),
        ("8UC3", "bgr"),
        ("8UC4", "bgra"),
    ],
)
def test_8_bit_color(encoding, order):
    assert (convert.decode_image(message(encoding, interleaved(order).tobytes())) == PICTURE).all()


@pytest.mark.parametrize("big_endian", [False, True], ids=["little_endian", "big_endian"])
@pytest.mark.parametrize(
    ("encoding", "order"), [("rgb16", "rgb"), ("bgr16", "bgr"), ("rgba16", "rgba"), ("bgra16", "bgra")]
)
def test_16_bit_color_keeps_the_upper_byte(encoding, order, big_endian):
    data = as_16_bit(interleaved(order), "><"[not big_endian]).tobytes()
    assert (convert.decode_image(message(encoding, data, big_endian=big_endian)) == PICTURE).all()


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_gray_gives_three_equal_channels(encoding):
    decoded = convert.decode_image(message(encoding, PICTURE[..., 0].tobytes()))
    assert (decoded == PICTURE[..., :1]).all()
    assert decoded.shape == PICTURE.shape


@pytest.mark.parametrize("big_endian", [False, True], ids=["little_endian", "big_endian"])
def test_mono16(big_endian):
    data = as_16_bit(PICTURE[..., 0], "><"[not big_endian]).tobytes()
    assert (convert.decode_image(message("mono16", data, big_endian=big_endian)) == PICTURE[..., :1]).all()


def mosaic(pattern, color):
    """What a sensor with this filter gives for one color; the pattern names the upper left 2x2, row by row."""
    values = dict(zip("rgb", color, strict=True))
    cell = np.array([values[letter] for letter in pattern], np.uint8).reshape(2, 2)
    return np.tile(cell, (HEIGHT // 2, WIDTH // 2))


@pytest.mark.parametrize("color", [RED, GREEN, BLUE], ids=["red", "green", "blue"])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("bits", [8, 16])
def test_bayer_gives_the_color_that_was_seen(pattern, bits, color):
    cells = mosaic(pattern, color)
    data = cells if bits == 8 else as_16_bit(cells, "<")
    assert (convert.decode_image(message(f"bayer_{pattern}{bits}", data.tobytes())) == color).all()


def test_big_endian_bayer():
    data = as_16_bit(mosaic("grbg", RED), ">").tobytes()
    assert (convert.decode_image(message("bayer_grbg16", data, big_endian=True)) == RED).all()


def yuv_of(color):
    """BT.601, limited range."""
    red, green, blue = color
    return (
        round(16 + (65.738 * red + 129.057 * green + 25.064 * blue) / 256),
        round(128 + (-37.945 * red - 74.494 * green + 112.439 * blue) / 256),
        round(128 + (112.439 * red - 94.154 * green - 18.285 * blue) / 256),
    )


@pytest.mark.parametrize(
    ("encoding", "order"),
    [("yuv422", "uyvy"), ("uyvy", "uyvy"), ("yuv422_yuy2", "yuyv"), ("yuyv", "yuyv")],
)
def test_yuv422(encoding, order):
    pairs = [RED, GREEN, BLUE, GREY]
    row = []
    for color in pairs:
        y, u, v = yuv_of(color)
        row += {"uyvy": [u, y, v, y], "yuyv": [y, u, y, v]}[order]
    decoded = convert.decode_image(message(encoding, bytes(row) * HEIGHT)).astype(int)
    expected = np.repeat(pairs, 2, axis=0)
    assert np.abs(decoded - expected).max() <= 3


def test_every_encoding_is_tested_above():
    tested = [
        "rgb8",
        "bgr8",
        "rgba8",
        "bgra8",
        "8UC1",
        "8UC3",
        "8UC4",
        "rgb16",
        "bgr16",
        "rgba16",
        "bgra16",
        "mono8",
        "mono16",
    ]
    tested += ["yuv422", "uyvy", "yuv422_yuy2", "yuyv"]
    tested += [f"bayer_{pattern}{bits}" for pattern in ("rggb", "bggr", "gbrg", "grbg") for bits in (8, 16)]
    assert set(tested) == set(convert.ENCODINGS)


@pytest.mark.parametrize("encoding", sorted(convert.ENCODINGS))
def test_padding_at_the_end_of_rows_is_skipped(encoding):
    layout = convert.ENCODINGS[encoding]
    row = WIDTH * layout.channels * layout.bits // 8
    plain = np.random.default_rng(1).integers(0, 256, (HEIGHT, row), np.uint8)
    padded = np.concatenate([plain, np.full((HEIGHT, 5), 255, np.uint8)], axis=1)
    expected = convert.decode_image(message(encoding, plain.tobytes()))
    assert (convert.decode_image(message(encoding, padded.tobytes())) == expected).all()


def test_rgb8_is_not_copied():
    given_message = message("rgb8", PICTURE.tobytes())
    decoded = convert.decode_image(given_message)
    assert np.shares_memory(decoded, np.frombuffer(given_message.data, np.uint8))


@pytest.mark.parametrize("encoding", ["rgb8", "bgra8", "mono8", "mono16", "rgb16"])
def test_a_single_pixel(encoding):
    layout = convert.ENCODINGS[encoding]
    data = bytes([9]) * (layout.channels * layout.bits // 8)
    assert convert.decode_image(message(encoding, data, height=1, width=1)).tolist() == [[[9, 9, 9]]]


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "mono8", "bayer_rggb8", "yuyv"])
def test_8k(encoding):
    width, height = 7680, 4320
    row = width * convert.ENCODINGS[encoding].channels
    big = Image(height=height, width=width, encoding=encoding, step=row)
    big.data = array.array("B", bytes([128])) * (row * height)
    decoded = convert.decode_image(big)
    assert decoded.shape == (height, width, 3)
    assert np.abs(decoded[-1, -1].astype(int) - 130).max() <= 2


BAD = {
    "unknown_encoding": (dict(encoding="hologram8"), "encoding", "rgb8"),
    "no_encoding": (dict(encoding=""), "encoding", "rgb8"),
    "depth_in_millimeters": (dict(encoding="16UC1"), "encoding", "distances"),
    "depth_in_meters": (dict(encoding="32FC1"), "encoding", "distances"),
    "step_below_row": (dict(step=WIDTH * 3 - 1), "step", "takes 24"),
    "step_zero": (dict(step=0), "step", "takes 24"),
    "data_short": (dict(data=array.array("B", bytes(HEIGHT * WIDTH * 3 - 1))), "data", "only 143 bytes"),
    "data_long": (dict(data=array.array("B", bytes(HEIGHT * WIDTH * 3 + 1))), "data", "145 bytes"),
    "no_data": (dict(data=array.array("B")), "data", "only 0 bytes"),
    "zero_width": (dict(width=0), "size", "0x6"),
    "zero_height": (dict(height=0), "size", "8x0"),
    "absurd_size": (dict(width=2**32 - 1, height=2**32 - 1), "size", "refused"),
    "more_rows_than_data": (dict(height=HEIGHT + 1), "data", "only"),
}


@pytest.mark.parametrize(("changes", "reason", "words"), BAD.values(), ids=BAD)
def test_a_bad_image_is_refused_with_its_reason(changes, reason, words):
    bad = message("rgb8", PICTURE.tobytes())
    for name, value in changes.items():
        setattr(bad, name, value)
    with pytest.raises(ImageError, match=words) as caught:
        convert.decode_image(bad)
    assert caught.value.reason == reason


@pytest.mark.parametrize("encoding", ["yuv422", "uyvy", "yuyv", "yuv422_yuy2"])
def test_an_odd_width_has_no_yuv422(encoding):
    assert reason_of(convert.decode_image, message(encoding, bytes(2 * 3 * 2), height=2, width=3)) == "size"


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4), (4, 1)])
def test_a_line_has_no_bayer_cell(height, width):
    line = message("bayer_rggb8", bytes(height * width), height=height, width=width)
    assert reason_of(convert.decode_image, line) == "size"


@pytest.mark.parametrize(("height", "width"), [(2, 2), (2, 5), (3, 2), (3, 3)])
def test_the_smallest_bayer_images_are_read(height, width):
    small = message("bayer_rggb8", bytes([50]) * (height * width), height=height, width=width)
    assert convert.decode_image(small).shape == (height, width, 3)


def test_what_we_do_not_read_is_left_to_cv_bridge(monkeypatch):
    class Bridge:
        def imgmsg_to_cv2(self, given_message, wanted):
            assert (given_message.encoding, wanted) == ("nv99", "rgb8")
            return PICTURE

    monkeypatch.setattr("cv_bridge.CvBridge", Bridge)
    assert (convert.decode_image(message("nv99", b"xxxxxx")) == PICTURE).all()


@pytest.mark.parametrize(
    ("suffix", "tolerance"), [(".png", 0), (".bmp", 0), (".webp", 40), (".jpg", 40)], ids=lambda value: value
)
def test_compressed_pictures(suffix, tolerance):
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:, :24], picture[:, 24:] = RED, BLUE
    decoded = convert.decode_compressed(compressed(picture, suffix)).astype(int)
    assert decoded.shape == picture.shape
    assert np.abs(decoded - picture)[:, 4:20].max() <= tolerance
    assert np.abs(decoded - picture)[:, 28:].max() <= tolerance


def test_a_compressed_gray_picture_gets_three_channels():
    gray = CompressedImage(format="png", data=cv2.imencode(".png", PICTURE[..., 0])[1].tobytes())
    assert (convert.decode_compressed(gray) == PICTURE[..., :1]).all()


def test_an_orientation_tag_does_not_turn_the_picture():
    # boxes must fit the picture as the camera's other subscribers see it
    jpeg = compressed(np.zeros((16, 32, 3), np.uint8), ".jpg").data.tobytes()
    tag = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
    exif = b"Exif\0\0" + tag
    turned = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR).shape[:2] == (32, 16)
    assert convert.decode_compressed(CompressedImage(format="jpeg", data=turned)).shape[:2] == (16, 32)


JPEG = compressed(np.tile(PICTURE, (8, 8, 1)), ".jpg").data.tobytes()
PNG = compressed(np.tile(PICTURE, (8, 8, 1)), ".png").data.tobytes()


@pytest.mark.parametrize(
    ("form", "data", "reason"),
    [
        pytest.param("jpeg", b"", "compressed", id="empty"),
        pytest.param("jpeg", b"not a picture at all", "compressed", id="text"),
        pytest.param("jpeg", JPEG[: len(JPEG) // 2], "compressed", id="jpeg_cut_in_half"),
        pytest.param("jpeg", JPEG[:-2], "compressed", id="jpeg_without_end"),
        pytest.param("jpeg", b"\x00\x00" + JPEG[2:], "compressed", id="jpeg_with_wrong_start"),
        pytest.param("png", PNG[: len(PNG) // 2], "compressed", id="png_cut_in_half"),
        pytest.param("png", PNG[:40] + bytes(100) + PNG[140:], "compressed", id="png_with_a_hole"),
        pytest.param("16UC1; compressedDepth png", b"\0" * 12 + PNG, "encoding", id="depth"),
    ],
)
def test_a_bad_compressed_image_is_refused_with_its_reason(form, data, reason):
    assert reason_of(convert.decode_compressed, CompressedImage(format=form, data=data)) == reason


def test_a_compressed_picture_of_absurd_size_is_refused():
    header = struct.pack(">IIBBBBB", 2**30, 2**30, 8, 2, 0, 0, 0)
    absurd = PNG[:16] + header + PNG[29:]
    assert reason_of(convert.decode_compressed, CompressedImage(format="png", data=absurd)) == "compressed"


def test_a_lazy_frame_is_decoded_once_and_keeps_the_header():
    lazy = convert.lazy_frame(image(PICTURE, stamp_ns=5_000_000_007, frame_id="left_eye"))
    frame = lazy.frame()
    assert (frame.stamp_ns, frame.frame_id) == (5_000_000_007, "left_eye")
    assert (frame.image == PICTURE).all()
    assert lazy.frame() is frame


def test_a_lazy_frame_of_a_compressed_image():
    assert (convert.lazy_frame(compressed(PICTURE, ".png")).frame().image == PICTURE).all()


def test_a_lazy_frame_that_cannot_be_decoded_says_so_each_time():
    lazy = convert.lazy_frame(image(PICTURE, step=1))
    assert [reason_of(lazy.frame), reason_of(lazy.frame)] == ["step", "step"]


@pytest.mark.parametrize("view", ["whole", "cut_out", "mirrored"])
def test_an_image_message_gives_the_picture_back(view):
    picture = {"whole": PICTURE, "cut_out": PICTURE[1:5, 2:7], "mirrored": PICTURE[:, ::-1]}[view]
    sent = convert.image_message(picture, stamp_ns=12_000_000_034, frame_id="cam")
    assert (sent.height, sent.width, sent.encoding) == (*picture.shape[:2], "rgb8")
    assert sent.step == picture.shape[1] * 3
    assert (sent.header.stamp.sec, sent.header.stamp.nanosec, sent.header.frame_id) == (12, 34, "cam")
    assert (convert.decode_image(sent) == picture).all()


def test_detections_message():
    found = Detections(
        boxes=[[10, 20, 40, 80], [0, 0, 5, 3]], scores=[0.75, 0.5], class_ids=[1, 0], track_ids=[17, 4]
    )
    sent = convert.detections_message(found, ("cat", "face"), stamp_ns=3_000_000_001, frame_id="cam")
    first, second = sent.detections
    assert (first.bbox.center.position.x, first.bbox.center.position.y) == (25, 50)
    assert (first.bbox.size_x, first.bbox.size_y) == (30, 60)
    assert [(r.hypothesis.class_id, r.hypothesis.score) for r in first.results] == [("face", 0.75)]
    assert (first.id, second.id, second.results[0].hypothesis.class_id) == ("17", "4", "cat")
    for header in (sent.header, first.header, second.header):
        assert (header.stamp.sec, header.stamp.nanosec, header.frame_id) == (3, 1, "cam")


def test_detections_without_tracks_have_no_id():
    found = Detections(boxes=[[1, 2, 3, 4]], scores=[1.0], class_ids=[0])
    assert [d.id for d in convert.detections_message(found, ("face",), 0, "").detections] == [""]


def test_no_detections_make_an_empty_array():
    sent = convert.detections_message(Detections.empty(), ("face",), stamp_ns=1, frame_id="cam")
    assert (len(sent.detections), sent.header.frame_id) == (0, "cam")


def test_label_info_message():
    sent = convert.label_info_message(("cat", "face"), threshold=0.25, stamp_ns=2_000_000_000)
    assert [(c.class_id, c.class_name) for c in sent.class_map] == [(0, "cat"), (1, "face")]
    assert (sent.threshold, sent.header.stamp.sec) == (0.25, 2)


sizes = st.one_of(st.integers(0, 9), st.sampled_from([2**31, 2**32 - 1]))
encodings = st.one_of(
    st.sampled_from([*sorted(convert.ENCODINGS), "16UC1", "8UC2", "16UC3", "32FC3", "nv21", "nv24", "8SC1"]),
    st.text("abcUCF0123489_ \0é", max_size=12),
)


@settings(max_examples=400, deadline=None)
@given(
    width=sizes,
    height=sizes,
    step=sizes,
    encoding=encodings,
    data=st.binary(max_size=300),
    fits=st.booleans(),
    big_endian=st.integers(0, 255),
)
def test_no_image_raises_anything_but_an_image_error(width, height, step, encoding, data, fits, big_endian):
    if fits and step * height <= 300:
        data = (data + bytes(300))[: step * height]
    strange = Image(height=height, width=width, encoding=encoding, step=step, is_bigendian=big_endian)
    strange.data = array.array("B", data)
    try:
        decoded = convert.decode_image(strange)
    except ImageError:
        return
    assert (decoded.shape, decoded.dtype) == ((height, width, 3), np.uint8)


@settings(max_examples=200, deadline=None)
@given(
    form=st.sampled_from(["jpeg", "png", "rgb8; jpeg compressed bgr8", "", "compressedDepth"]),
    start=st.sampled_from([b"", JPEG, PNG, JPEG[:200], PNG[:200]]),
    noise=st.binary(max_size=60),
    position=st.integers(0, 300),
)
def test_no_compressed_image_raises_anything_but_an_image_error(form, start, noise, position):
    data = start[:position] + noise + start[position + len(noise) :]
    try:
        decoded = convert.decode_compressed(CompressedImage(format=form, data=data))
    except ImageError:
        return
    assert (decoded.ndim, decoded.dtype) == (3, np.uint8)


@pytest.mark.parametrize(
    "name",
    ["王小明", "さくら", "김민준", "Наталья Щукина", "محمد الأمين", "प्रिया शर्मा", "José Nguyễn", "𠮷野 😀"],
    ids=["Chinese", "Japanese", "Korean", "Cyrillic", "Arabic", "Devanagari", "diacritics", "beyond 16 bits"],
)
def test_names_are_exact_on_topics(name):
    from rclpy.serialization import deserialize_message, serialize_message
    from vision_msgs.msg import Detection2DArray

    face = Detections([[10, 20, 30, 40]], [0.9], [0], track_ids=[7])
    message = convert.identities_message(face, [Match(name, name, 0.3, 0.9, 0.8)], 5, "camera")
    received = deserialize_message(serialize_message(message), Detection2DArray)
    assert received.detections[0].results[0].hypothesis.class_id == name
