# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Figures of a stream, and what they say about its latency."""

import re

import pytest

from face_detect_ros.pipeline.statistics import StreamStatistics


def measured(latency_ms, processing_ms, network_ms, images=20):
    statistics = StreamStatistics()
    for _ in range(images):
        statistics.published(1, latency_ms, processing_ms, network_ms)
    return statistics


CAUSES = {
    "late": (
        (300, 60, 40),
        "latency is 300 ms .p95., more than 100: images arrive 240 ms after their stamps",
    ),
    "slow": ((300, 290, 250), "the network takes 250 ms; use a smaller model"),
    "crowded": ((300, 290, 60), "images wait 230 ms for their turn"),
}


@pytest.mark.parametrize(("times_ms", "words"), CAUSES.values(), ids=CAUSES)
def test_the_greatest_part_of_a_latency_is_named(times_ms, words):
    text = measured(*times_ms).slowness(100)
    assert re.search(words, text), text
    assert measured(*times_ms).slowness(301) == ""


def test_without_stamps_there_is_no_latency():
    assert measured(1e12, 60, 40).slowness(100) == ""
    assert StreamStatistics().slowness(100) == ""
    assert measured(1e12, 60, 40).values()["latency_p99_ms"] == ""
    assert measured(50, 60, 40).values()["latency_p99_ms"] == "50.00"
