# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Cameras that send nonsense, too much or nothing: refused in words, soon. Long form: test/attack/streams.py."""

import time

import pytest
from attack import streams
from helpers.raw_server import RawServer

from face_detect_ros.core.errors import SourceError
from face_detect_ros.sources.opening import open_source
from face_detect_ros.sources.options import SourceOptions

REFUSED = (
    "a page",
    "401",
    "headers for ever",
    "a header without end",
    "redirect to itself",
    "redirect to a file",
    "a playlist of files",
    "an image of 30000 x 30000",
    "noise",
)


@pytest.mark.parametrize("case", REFUSED)
def test_a_stream_that_is_none_is_refused(monkeypatch, case):
    monkeypatch.setattr(streams, "TIMEOUT_S", 0.4)
    began_s = time.monotonic()
    with pytest.raises(SourceError) as caught:
        streams.read(streams.CASES[case])
    assert str(caught.value).isprintable()
    assert time.monotonic() - began_s < 20


def test_damaged_images_in_a_stream_are_passed_over_or_end_it_in_words():
    words = ""
    try:
        streams.read(streams.harmed(3))  # asserts that what it reads are images
    except SourceError as error:
        words = str(error)
    assert words.isprintable()


def test_images_above_the_limit_are_refused_before_they_are_unpacked():
    server = RawServer(streams.right)
    with pytest.raises(SourceError, match="claims 64x48 pixels"):
        open_source(SourceOptions(f"{server.url}/v", timeout_s=5, max_image_mpx=0.001))
    server.close()
