# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Names in ASCII, for letters that no installed font has."""

from __future__ import annotations

import unicodedata

# each letter of an alphabet, and what stands for it; _ for nothing
_ALPHABETS = (
    # Latin letters without a base letter to fall back to, and typographic signs
    ("ßæœøđðłþ\u0131\u2018\u2019\u201c\u201d\u2013\u2014", "ss ae oe o d d l th i ' ' \" \" - -"),
    (
        "абвгдежзийклмнопрстуфхцчшщъыьэюяіїєґў",
        "a b v g d e zh z i i k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya i i e g u",
    ),
    ("αβγδεζηθικλμνξοπρστυφχψως", "a v g d e z i th i k l m n x o p r s t y f ch ps o s"),
)
_SPELLING = {
    letter: spelling.replace("_", "")
    for letters, spellings in _ALPHABETS
    for letter, spelling in zip(letters, spellings.split(" "), strict=True)
}


def to_ascii(text: str) -> str:
    """Returns `text` in printable ASCII: accents dropped, Cyrillic and Greek transliterated, "?" for other letters.

    For images only; messages and files keep the name as it is.
    """
    return "".join(_letter_to_ascii(letter) for letter in unicodedata.normalize("NFC", text))


def _letter_to_ascii(letter: str) -> str:
    if letter.isascii():
        return letter if letter.isprintable() else " "
    if letter in _SPELLING:
        return _SPELLING[letter]
    if letter.lower() in _SPELLING:
        return _SPELLING[letter.lower()].capitalize()
    if unicodedata.combining(letter):
        return ""
    bases = [part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part)]
    return "?" if bases == [letter] else "".join(_letter_to_ascii(base) for base in bases)
