# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Arabic and Hebrew for a Pillow that cannot lay them out itself (one without Raqm or FriBiDi)."""

from __future__ import annotations

import functools
import unicodedata

_FORMS = ("<isolated>", "<final>", "<initial>", "<medial>")


def visual_order(text: str) -> str:
    """Returns `text` with Arabic letters in their joined forms and in the order in which they are drawn, left to right.

    A simplified bidirectional algorithm: right for names, not for prose with nested directions.
    """
    runs: list[tuple[bool, str]] = []
    for letter in _joined(text):
        kind = unicodedata.bidirectional(letter)
        to_left = kind in ("R", "AL") or (kind in ("NSM", "WS") and bool(runs) and runs[-1][0])
        if runs and runs[-1][0] == to_left:
            runs[-1] = (to_left, runs[-1][1] + letter)
        else:
            runs.append((to_left, letter))
    if is_right_to_left(text):
        runs.reverse()
    return "".join(_reversed(run) if to_left else run for to_left, run in runs)


def is_right_to_left(text: str) -> bool:
    """Returns whether the first letter that has a direction runs from right to left."""
    kinds = (unicodedata.bidirectional(letter) for letter in text)
    return next((kind != "L" for kind in kinds if kind in ("L", "R", "AL")), False)


def _reversed(run: str) -> str:
    """Accents stay behind their letter: a font draws them over the one before."""
    clusters: list[str] = []
    for letter in run:
        if clusters and unicodedata.combining(letter):
            clusters[-1] += letter
        else:
            clusters.append(letter)
    return "".join(reversed(clusters))


def _joined(text: str) -> str:
    forms = _forms()
    bare = [index for index, letter in enumerate(text) if not unicodedata.combining(letter)]
    letters = list(text)
    for position, index in enumerate(bare):
        own = forms.get(text[index])
        if own is None:
            continue
        before = forms.get(text[bare[position - 1]], {}) if position else {}
        after = forms.get(text[bare[position + 1]], {}) if position + 1 < len(bare) else {}
        from_right = "<initial>" in before and "<final>" in own
        to_left = "<initial>" in own and "<final>" in after
        form = _FORMS[from_right + 2 * to_left]
        letters[index] = own.get(form, text[index])
    return "".join(letters)


@functools.cache
def _forms() -> dict[str, dict[str, str]]:
    """Letter -> its forms. Unicode lists them as characters of their own (Arabic Presentation Forms)."""
    found: dict[str, dict[str, str]] = {}
    for code in (*range(0xFB50, 0xFBB2), *range(0xFBD3, 0xFC00), *range(0xFE80, 0xFEF5)):
        form, *letters = unicodedata.decomposition(chr(code)).split(" ")
        if form in _FORMS and len(letters) == 1:
            found.setdefault(chr(int(letters[0], 16)), {})[form] = chr(code)
    return found
