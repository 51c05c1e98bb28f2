# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Text in every script that the machine has fonts for, and something readable for all others."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from face_detect_ros.viz import fonts, text
from face_detect_ros.viz.right_to_left import visual_order
from face_detect_ros.viz.text import shorten, text_mask

NAMES = {
    "Chinese": "王小明",
    "Japanese": "さくら 桜",
    "Korean": "김민준",
    "Arabic": "محمد الأمين",
    "Devanagari": "प्रिया शर्मा",
    "Thai": "สมชาย",
    "Hebrew": "דוד",
}


def need_fonts_for(name: str) -> None:
    missing = [
        letter
        for run, font in fonts.split_by_font(name, bold=True)
        for letter in run
        if not fonts.covers(font, letter)
    ]
    if missing:
        pytest.skip(
            f"no installed font has {' '.join(missing)}; Debian and Ubuntu: fonts-noto-core, fonts-noto-cjk"
        )


def clear_caches() -> None:
    for cached in (
        fonts._files_in, fonts.base_typeface, fonts.typeface_of, fonts.covers, fonts.load,
        text.text_mask, text.shorten, text._lays_out_itself,
    ):  # fmt: skip
        cached.cache_clear()


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No font is installed."""
    clear_caches()
    monkeypatch.setattr(fonts, "_folders", lambda: iter(()))
    yield
    monkeypatch.undo()
    clear_caches()


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_names_in_many_scripts(name: str) -> None:
    need_fonts_for(name)
    mask = text_mask(name, 24, bold=True)
    assert mask.max() > 200
    unknown = text_mask("".join(letter if letter == " " else "?" for letter in name), 24, bold=True)
    assert mask.shape != unknown.shape or not np.array_equal(mask, unknown)
    # no two letters are drawn as the same box
    letters = {letter for letter in name if unicodedata.category(letter).startswith("L")}
    drawn = {text_mask(letter, 24, bold=True).tobytes() for letter in letters}
    assert len(drawn) == len(letters)


@pytest.mark.parametrize(
    "name", ["José Ångström", "Наталья Щукина", "Αλέξανδρος", "Nguyễn", "Łukasz Weiß", "O\u2019Neil"]
)
def test_alphabets_that_the_base_font_has(name: str) -> None:
    ((run, typeface),) = fonts.split_by_font(name, bold=True)
    assert run == name
    assert typeface == fonts.base_typeface(bold=True)
    assert all(fonts.covers(typeface, letter) for letter in name)


def test_letters_that_languages_share_are_drawn_as_in_the_language_of_the_name() -> None:
    need_fonts_for("直さ김")
    collection = dict(fonts.split_by_font("直", bold=True)).popitem()[1]
    if not collection.path.endswith(".ttc"):
        pytest.skip("no collection of fonts for Chinese, Japanese and Korean")
    chinese, japanese, korean = (
        {typeface.index for run, typeface in fonts.split_by_font(name, bold=True) if "直" in run}
        for name in ("直", "直さ", "直김")
    )
    assert len(chinese | japanese | korean) == 3


def test_marks_stay_with_their_letter() -> None:
    need_fonts_for(NAMES["Devanagari"])
    runs = fonts.split_by_font("Priya प्रिया", bold=True)
    assert not any(unicodedata.category(run[0]).startswith("M") for run, _ in runs)


def test_an_accent_that_the_font_of_its_letter_lacks_is_not_drawn_as_a_box() -> None:
    assert not fonts.covers(fonts.base_typeface(bold=True), "\u093f")
    assert np.array_equal(text_mask("r\u093f", 20, bold=True), text_mask("r?", 20, bold=True))


@pytest.mark.parametrize("size_px", [10, 13, 34, 137])
def test_masks_of_one_size_have_one_height(size_px: int) -> None:
    heights = {text_mask(name, size_px).shape[0] for name in ("face", "Å", "gjp", "", *NAMES.values())}
    assert heights == {round(text.LINE_HEIGHT * size_px)}


@pytest.mark.parametrize("size_px", [10, 13, 34, 137])
@pytest.mark.parametrize("name", ["Ågjpq", "Nguyễn", "王", "शर्मि", "محمد"])
def test_nothing_is_cut_off(name: str, size_px: int) -> None:
    mask = text_mask(name, size_px, bold=True)
    assert mask[0].max() == 0
    assert mask[-1].max() == 0


def test_bold_is_heavier_and_the_mask_is_shared_safely() -> None:
    assert text_mask("face", 20, bold=True).mean() > 1.1 * text_mask("face", 20).mean()
    assert not text_mask("face", 20).flags.writeable


def test_control_characters_are_spaces() -> None:
    assert np.array_equal(text_mask("a\nb\x00c\u202ed", 20), text_mask("a b c d", 20))


def test_long_text_is_shortened() -> None:
    name = "Maximilian Mustermann"
    full = text_mask(name, 16).shape[1]
    assert shorten(name, 16, full) == name
    for width in (full - 1, full // 2, 40):
        short = shorten(name, 16, width)
        assert short.endswith("...")
        assert name.startswith(short.removesuffix("..."))
        assert text_mask(short, 16).shape[1] <= width
    assert shorten(name, 16, 0) == "M..."


def test_without_fonts_names_are_transliterated(bare_machine: None) -> None:
    assert fonts.base_typeface(bold=True).path is None
    for name, spelled in (("Иван", "Ivan"), ("Αλέξανδρος", "Alexandros"), ("王小明", "???")):
        assert np.array_equal(text_mask(name, 20), text_mask(spelled, 20))
    assert text_mask("face", 20).max() > 100
    assert {"Cyrillic", "Chinese", "Arabic"} <= set(fonts.missing_scripts())


def test_scripts_of_the_base_font_are_not_missing() -> None:
    if "DejaVu" not in (fonts.base_typeface(bold=True).path or ""):
        pytest.skip("DejaVu Sans is not installed")
    assert not {"Latin", "Greek", "Cyrillic", "Arabic"} & set(fonts.missing_scripts())


def test_an_old_pillow_without_fonts(bare_machine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    bitmap = ImageFont.load_default_imagefont() if hasattr(ImageFont, "load_default_imagefont") else None
    if bitmap is None:
        pytest.skip("this Pillow is old itself")

    def load_default(*size: float) -> ImageFont.ImageFont:
        if size:
            raise TypeError("load_default() takes 0 positional arguments but 1 was given")
        return bitmap

    monkeypatch.setattr(ImageFont, "load_default", load_default)
    for size_px in (10, 34):
        mask = text_mask("José face 0.93", size_px)
        assert mask.shape[0] == round(text.LINE_HEIGHT * size_px)
        assert mask.max() > 100
        assert mask.shape[1] > 4 * size_px


def test_fonts_are_searched_only_as_far_as_a_name_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    path = fonts.base_typeface(bold=True).path
    if path is None:
        pytest.skip("no font is installed")

    def folders() -> Iterator[Path]:
        yield Path(path).parent
        pytest.fail("searched on")

    clear_caches()
    monkeypatch.setattr(fonts, "_folders", folders)
    assert text_mask("Наталья", 20, bold=True).max() > 200
    clear_caches()


def test_a_damaged_font_file_is_passed_over(bare_machine: None, monkeypatch, tmp_path) -> None:
    (tmp_path / "Arial.ttf").write_bytes(b"no font")
    monkeypatch.setattr(fonts, "_folders", lambda: iter([tmp_path]))
    assert fonts.base_typeface(bold=False).path is None


def test_arabic_without_a_layout_engine_looks_as_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    name = NAMES["Arabic"]
    need_fonts_for(name)
    if not text._lays_out_itself():
        pytest.skip("this Pillow has no layout engine to compare with")
    expected = text_mask(name, 40)
    typeface = fonts.base_typeface(bold=False)
    plain = ImageFont.truetype(typeface.path, 40, layout_engine=ImageFont.Layout.BASIC)
    monkeypatch.setattr(fonts, "load", lambda typeface, size_px: plain)
    monkeypatch.setattr(text, "_lays_out_itself", lambda: False)
    drawn = text._draw(name, typeface, 40, expected.shape[0])
    width = min(drawn.shape[1], expected.shape[1])
    assert abs(drawn.shape[1] - expected.shape[1]) <= 2
    both, either = (
        op(drawn[:, :width] > 100, expected[:, :width] > 100).sum() for op in (np.logical_and, np.logical_or)
    )
    assert both > 0.7 * either


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        pytest.param("Ada 3", "Ada 3", id="Latin"),
        pytest.param("דוד", "דוד"[::-1], id="Hebrew"),
        pytest.param("דוד 42", "42 " + "דוד"[::-1], id="numbers keep their order"),
        pytest.param("Ada דוד", "Ada " + "דוד"[::-1], id="a word in Latin text"),
        pytest.param("محمد", "\ufeaa\ufee4\ufea4\ufee3", id="letters join"),
        pytest.param("دار", "\ufead\ufe8d\ufea9", id="letters that do not join"),
        pytest.param("بَت", "\ufe96\ufe91\u064e", id="vowel signs stay with their letter"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_visual_order(name: str, drawn: str) -> None:
    assert visual_order(name) == drawn
