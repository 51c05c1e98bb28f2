# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Fonts for every script: DejaVu Sans first, then whatever the machine has for the letters that it lacks.

Nothing is searched or opened on import; every answer is kept.
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

# (bold, regular) file names, the best first. A family that has one weight is named once.
_BASE = (
    ("DejaVuSans-Bold", "DejaVuSans"),
    ("NotoSans-Bold", "NotoSans-Regular"),
    ("LiberationSans-Bold", "LiberationSans-Regular"),
    ("Ubuntu-B", "Ubuntu-R"),
    ("FreeSansBold", "FreeSans"),
    ("Arial Bold", "Arial"),
)
_HAN = (
    ("NotoSansCJK-Bold", "NotoSansCJK-Regular"),
    ("NotoSansSC-Bold", "NotoSansSC-Regular"),
    ("SourceHanSansSC-Bold", "SourceHanSansSC-Regular"),
    ("wqy-microhei",),
    ("wqy-zenhei",),
    ("DroidSansFallbackFull",),
    ("PingFang",),
)
_JAPANESE = (
    ("NotoSansJP-Bold", "NotoSansJP-Regular"),
    ("fonts-japanese-gothic",),
    ("ipaexg",),
    ("TakaoPGothic",),
)
_KOREAN = (
    ("NotoSansKR-Bold", "NotoSansKR-Regular"),
    ("NanumGothicBold", "NanumGothic"),
    ("UnDotumBold", "UnDotum"),
)
# by the first word of a letter's Unicode name. NotoSans<Script> is tried for all others
_BY_SCRIPT = {
    "CJK": _HAN + _JAPANESE + _KOREAN,
    "HIRAGANA": _HAN[:1] + _JAPANESE + _HAN[1:],
    "KATAKANA": _HAN[:1] + _JAPANESE + _HAN[1:],
    "HANGUL": _HAN[:1] + _KOREAN,
    "DEVANAGARI": (("Lohit-Devanagari",), ("lohit_hi",), ("Sarai",), ("Mangal",)),
}
_LAST = (("FreeSansBold", "FreeSans"), ("FreeSerifBold", "FreeSerif"), ("Unifont",), ("unifont",))
# of Noto Sans CJK's collection; Chinese, Japanese and Korean share letters but draw some of them differently
_COLLECTION_INDEX = {"HIRAGANA": 0, "KATAKANA": 0, "HANGUL": 1, "CJK": 2}
_SAMPLES = {
    "Latin": "é",
    "Greek": "λ",
    "Cyrillic": "щ",
    "Arabic": "م",
    "Hebrew": "ד",
    "Devanagari": "प",
    "Bengali": "আ",
    "Tamil": "த",
    "Thai": "ส",
    "Chinese": "王",
    "Japanese": "さ",
    "Korean": "김",
}
_SUFFIXES = (".ttf", ".otf", ".ttc")
_NEVER_A_LETTER = "\U0010ffff"
_PROBE_PX = 20
_BASIC_LAYOUT: Any = 0  # ImageFont.Layout.BASIC; called LAYOUT_BASIC before Pillow 9.1


@dataclass(frozen=True)
class Typeface:
    """A font in a file.

    Attributes:
        path: The file; None is the font inside Pillow.
        index: Which font of the file.
    """

    path: str | None
    index: int = 0


def split_by_font(text: str, *, bold: bool) -> list[tuple[str, Typeface]]:
    """Split `text` into runs that one font can draw, in the order of the text.

    Returns:
        (letters, typeface) pairs. Letters that no font has are in a run of the base font; see `covers`.
    """
    base = base_typeface(bold=bold)
    script = _script_of_names(text)
    runs: list[tuple[str, Typeface]] = []
    for letter in text:
        typeface = base
        if not letter.isascii():
            if runs and _belongs_to_the_one_before(letter):
                typeface = runs[-1][1]
            else:
                typeface = typeface_of(letter, script, bold=bold) or base
        elif letter == " " and runs:
            typeface = runs[-1][1]
        if runs and runs[-1][1] == typeface:
            runs[-1] = (runs[-1][0] + letter, typeface)
        else:
            runs.append((letter, typeface))
    return runs


@functools.lru_cache(maxsize=64)
def load(typeface: Typeface, size_px: int) -> Any:
    """Returns a FreeTypeFont; a bitmap ImageFont of one size where Pillow is old and no font is installed."""
    if typeface.path is not None:
        return ImageFont.truetype(typeface.path, size_px, index=typeface.index)
    try:
        return ImageFont.load_default(size_px)
    except (TypeError, ImportError):  # before Pillow 10.1, or built without FreeType
        return ImageFont.load_default()


@functools.cache
def base_typeface(*, bold: bool) -> Typeface:
    """Returns the font that everything is drawn in that it has letters for."""
    return next(_usable(_BASE, 0, bold), Typeface(None))


@functools.lru_cache(maxsize=4096)
def typeface_of(letter: str, script: str, *, bold: bool) -> Typeface | None:
    """Returns the first font that has `letter`, None if no font has it.

    Args:
        letter: One character.
        script: "HIRAGANA", "HANGUL", ...: decides how a Chinese character is drawn that several languages share.
        bold: Prefer the bold font of a family.
    """
    own = unicodedata.name(letter, "").split(" ")[0].split("-")[0]
    index = _COLLECTION_INDEX.get(script if own == "CJK" else own, _COLLECTION_INDEX["CJK"])
    noto = f"NotoSans{own.title()}"
    families = (*_BASE, *_BY_SCRIPT.get(own, ()), (f"{noto}-Bold", f"{noto}-Regular"), *_LAST)
    usable = itertools.chain([base_typeface(bold=bold)], _usable(families, index, bold))
    return next((typeface for typeface in usable if covers(typeface, letter)), None)


@functools.lru_cache(maxsize=4096)
def covers(typeface: Typeface, letter: str) -> bool:
    """Returns whether `typeface` has a glyph for `letter`, rather than the box that stands for a missing one."""
    if letter.isspace():
        return True
    font = load(typeface, _PROBE_PX)
    if not isinstance(font, ImageFont.FreeTypeFont):
        return letter.isascii()
    return _glyph(typeface, letter) != _glyph(typeface, _NEVER_A_LETTER)


def missing_scripts() -> list[str]:
    """Returns the widespread scripts that no installed font has; names in them are transliterated or drawn as "?"."""
    missing = []
    for script, letter in _SAMPLES.items():
        ((_, typeface),) = split_by_font(letter, bold=True)
        if not covers(typeface, letter):
            missing.append(script)
    return missing


def _glyph(typeface: Typeface, letter: str) -> bytes:
    font = load(typeface, _PROBE_PX)
    if typeface.path is not None:  # a layout engine would put a circle below a lone accent
        font = ImageFont.truetype(typeface.path, _PROBE_PX, index=typeface.index, layout_engine=_BASIC_LAYOUT)
    canvas = Image.new("L", (3 * _PROBE_PX, 3 * _PROBE_PX))
    ImageDraw.Draw(canvas).text((_PROBE_PX, _PROBE_PX), letter, font=font, fill=255)
    return canvas.tobytes()


def _usable(families: tuple[tuple[str, ...], ...], index: int, bold: bool) -> Iterator[Typeface]:
    for family in families:
        for name in family if bold else reversed(family):
            path = _find(name)
            if path is None:
                continue
            typeface = Typeface(path, index if path.endswith(".ttc") else 0)
            for candidate in (typeface, Typeface(path)):
                try:
                    load(candidate, _PROBE_PX)
                except (
                    OSError,
                    ImportError,
                ):  # damaged, a collection with fewer fonts, Pillow without FreeType
                    continue
                yield candidate
                break


def _find(name: str) -> str | None:
    """The path of a font file without its suffix; folders are searched only as far as needed."""
    return next((files[name] for files in map(_files_in, _folders()) if name in files), None)


@functools.cache
def _files_in(folder: Path) -> dict[str, str]:
    """Name without suffix -> path, of every font file in `folder` and below; of several with one name, the first."""
    found: dict[str, str] = {}
    for where, subfolders, files in os.walk(folder):
        subfolders.sort()
        for file in sorted(files):
            stem, suffix = os.path.splitext(file)
            if suffix.lower() in _SUFFIXES:
                found.setdefault(stem, os.path.join(where, file))
    return found


def _folders() -> Iterator[Path]:
    matplotlib = importlib.util.find_spec("matplotlib")  # brings DejaVu; finding it does not import it
    if matplotlib is not None and matplotlib.origin is not None:
        yield Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf"
    home = Path(os.environ.get("HOME") or "/nonexistent")
    data = os.environ.get("XDG_DATA_HOME") or home / ".local" / "share"
    yield from (
        Path(data) / "fonts",
        home / ".fonts",
        Path("/usr/local/share/fonts"),
        Path("/usr/share/fonts"),
    )
    yield from (home / "Library" / "Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts"))


def _belongs_to_the_one_before(letter: str) -> bool:
    """Accents, vowel signs, joiners, variation selectors: a font cannot draw them alone."""
    return unicodedata.category(letter)[0] == "M" or unicodedata.category(letter) == "Cf"


def _script_of_names(text: str) -> str:
    scripts = {unicodedata.name(letter, "").split(" ")[0] for letter in text if not letter.isascii()}
    return next((script for script in ("HIRAGANA", "KATAKANA", "HANGUL") if script in scripts), "CJK")
