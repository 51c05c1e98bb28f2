# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Names of classes to ids of labels."""

import pytest

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.detectors.class_filter import class_ids

LABELS = ("person", "traffic light", "TV", "cat", "Cat", "pots, pans")


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        ("", ()),
        (" , ,", ()),
        ("person", (0,)),
        ("tv,person", (0, 2)),
        (" Traffic   Light ,", (1,)),
        ("cat", (3, 4)),
        ("pots, pans", (5,)),
        ("person,person", (0,)),
    ],
)
def test_names_become_ids(names: str, ids: tuple[int, ...]) -> None:
    assert class_ids(names, LABELS) == ids


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (
            "person, trafic light",
            "class 'trafic light' is unknown to this model; did you mean traffic light?",
        ),
        ("unicorn", "class 'unicorn' is unknown to this model; it has: person, traffic light, TV, cat, Cat"),
        ("0", "class '0' is unknown"),
    ],
)
def test_an_unknown_name_lists_what_there_is(names: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        class_ids(names, LABELS)
    assert words in str(caught.value)
    assert "t has: person, traffic light, TV" in str(caught.value)


def test_a_model_without_labels_has_no_classes() -> None:
    assert class_ids("", ()) == ()
    with pytest.raises(ConfigError, match="person"):
        class_ids("person", ())
