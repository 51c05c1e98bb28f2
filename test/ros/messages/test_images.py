# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Image messages to arrays and back. What is inside them is tested in `test/images`."""

import array

import numpy as np
import pytest
from helpers.ros_tools import compressed, image
from hypothesis import given, settings
from hypothesis import strategies as st
from sensor_msgs.msg import CompressedImage, Image

from face_detect_ros.core.errors import ImageError
from face_detect_ros.images.raw import ENCODINGS, DecodeOptions
from face_detect_ros.ros.messages.images import decode_compressed, decode_image, image_message, lazy_frame

HEIGHT, WIDTH = 6, 8
IMAGE = np.arange(HEIGHT * WIDTH * 3, dtype=np.uint8).reshape(HEIGHT, WIDTH, 3)


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


def test_fields_are_passed_on():
    deep = (IMAGE[..., 0].astype(np.uint16) << 4).astype(">u2")
    sent = message("mono16", deep.tobytes(), big_endian=True)
    assert (decode_image(sent, DecodeOptions(bits=12)) == IMAGE[..., :1]).all()


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
    "absurd_size_of_an_unknown_encoding": (
        dict(width=2**32 - 1, height=2**32 - 1, encoding="x"),
        "size",
        "refused",
    ),
    "more_rows_than_data": (dict(height=HEIGHT + 1), "data", "only"),
}


@pytest.mark.parametrize(("changes", "reason", "words"), BAD.values(), ids=BAD)
def test_a_bad_image_is_refused_with_its_reason(changes, reason, words):
    bad = message("rgb8", IMAGE.tobytes())
    for name, value in changes.items():
        setattr(bad, name, value)
    with pytest.raises(ImageError, match=words) as caught:
        decode_image(bad)
    assert caught.value.reason == reason


def test_what_we_do_not_read_is_left_to_cv_bridge(monkeypatch):
    class Bridge:
        def imgmsg_to_cv2(self, given_message, wanted):
            assert (given_message.encoding, wanted) == ("nv99", "rgb8")
            return IMAGE

    monkeypatch.setattr("cv_bridge.CvBridge", Bridge)
    assert (decode_image(message("nv99", b"xxxxxx")) == IMAGE).all()


def test_a_compressed_message():
    assert (decode_compressed(compressed(IMAGE, ".png")) == IMAGE).all()
    png = compressed(IMAGE[..., ::-1], ".png").data  # red where the codec has blue
    assert (decode_compressed(CompressedImage(format="rgb8; png compressed rgb8", data=png)) == IMAGE).all()
    assert reason_of(decode_compressed, CompressedImage(format="jpeg", data=b"x")) == "compressed"


def test_a_lazy_frame_is_decoded_once_and_keeps_the_header():
    lazy = lazy_frame(image(IMAGE, stamp_ns=5_000_000_007, frame_id="left_eye"))
    frame = lazy.frame()
    assert (frame.stamp_ns, frame.frame_id) == (5_000_000_007, "left_eye")
    assert (frame.image == IMAGE).all()
    assert lazy.frame() is frame


def test_a_lazy_frame_of_a_compressed_image():
    assert (lazy_frame(compressed(IMAGE, ".png")).frame().image == IMAGE).all()


def test_a_lazy_frame_that_cannot_be_decoded_says_so_each_time():
    lazy = lazy_frame(image(IMAGE, step=1))
    assert [reason_of(lazy.frame), reason_of(lazy.frame)] == ["step", "step"]


def test_a_lazy_frame_obeys_the_options_and_warns():
    told = []
    dark = message("mono16", np.full((HEIGHT, WIDTH), 900, "<u2").tobytes())
    lazy_frame(dark, DecodeOptions(), told.append).frame()
    assert "lowest 10 bits" in told[0]
    small = DecodeOptions(max_image_mpx=1e-5)
    assert reason_of(lazy_frame(image(IMAGE), small).frame) == "size"
    assert reason_of(lazy_frame(compressed(IMAGE, ".png"), small).frame) == "size"


@pytest.mark.parametrize("view", ["whole", "cut_out", "mirrored"])
def test_an_image_message_gives_the_image_back(view):
    sent_image = {"whole": IMAGE, "cut_out": IMAGE[1:5, 2:7], "mirrored": IMAGE[:, ::-1]}[view]
    sent = image_message(sent_image, stamp_ns=12_000_000_034, frame_id="cam")
    assert (sent.height, sent.width, sent.encoding) == (*sent_image.shape[:2], "rgb8")
    assert sent.step == sent_image.shape[1] * 3
    assert (sent.header.stamp.sec, sent.header.stamp.nanosec, sent.header.frame_id) == (12, 34, "cam")
    assert (decode_image(sent) == sent_image).all()


sizes = st.one_of(st.integers(0, 9), st.sampled_from([2**31, 2**32 - 1]))
encodings = st.one_of(
    st.sampled_from([*sorted(ENCODINGS), "16UC1", "8UC2", "16UC3", "32FC3", "NV21", "mono12", "8SC1"]),
    st.text("abcUCF0123489_ \0é", max_size=12),
)


@settings(max_examples=300)
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
        decoded = decode_image(strange)
    except ImageError:
        return
    assert (decoded.shape, decoded.dtype) == ((height, width, 3), np.uint8)
