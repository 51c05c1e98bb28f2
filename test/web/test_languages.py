# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page's languages have the same texts, and every text that the page asks for is there."""

import json
import re

import pytest

from face_detect_ros.web.page_files import FOLDER, languages

TEXTS = {name: json.loads((FOLDER / "languages" / f"{name}.json").read_text()) for name in languages()}


@pytest.mark.parametrize("language", TEXTS)
def test_every_language_has_the_texts_of_english_with_their_values(language):
    english = TEXTS["en"]
    assert TEXTS[language].keys() == english.keys()
    for key, text in TEXTS[language].items():
        assert text.strip()
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", english[key])), key


def test_every_text_that_the_page_asks_for_is_there():
    script = "".join(file.read_text() for file in FOLDER.glob("*.js"))
    html = (FOLDER / "index.html").read_text()
    asked = set(re.findall(r'data-(?:text|label)="(\w+)"', html)) | set(re.findall(r'\bt\("(\w+)"', script))
    assert asked <= TEXTS["en"].keys()
