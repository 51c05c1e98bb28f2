# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An HTML page in one file: text, tables, charts and images, for light and dark, for screens and paper."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np

from face_detect_ros.core.errors import OutputError
from face_detect_ros.files.whole_file import whole_file

_STYLE = Path(__file__).with_name("report.css")
_JPEG_QUALITY = 82
_NUMBER = ' class="number"'


class Document:
    """A page under construction; every text is escaped.

    Args:
        title: Of the page.
        lead: What it is about, in a sentence.
    """

    def __init__(self, title: str, lead: str) -> None:
        self._title = title
        self._parts = [f"<h1>{escape(title)}</h1>", f'<p class="lead">{escape(lead)}</p>', "<main>"]
        self._open = False

    def section(self, title: str) -> None:
        """Begin a section; what follows belongs to it."""
        self._end_section()
        self._parts.append(f"<section><h2>{escape(title)}</h2>")
        self._open = True

    def text(self, text: str) -> None:
        """A paragraph."""
        self._parts.append(f"<p>{escape(text)}</p>")

    def tiles(self, figures: Iterable[tuple[str, str | int | float]]) -> None:
        """The most important figures, large: (what, value)."""
        items = "".join(
            f"<div><dt>{escape(what)}</dt><dd>{escape(_text(value))}</dd></div>" for what, value in figures
        )
        self._parts.append(f'<dl class="tiles">{items}</dl>')

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str | int | float]]) -> None:
        """A table; columns of numbers are set to the right."""
        rows = list(rows)
        numbers = [not isinstance(value, str) for value in rows[0]] if rows else []
        head = "".join(
            f'<th scope="col"{_NUMBER * number}>{escape(heading)}</th>'
            for heading, number in zip(headings, numbers or [False] * len(headings), strict=True)
        )
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
        self._parts.append(
            f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        )

    def matrix(self, rows_are: str, columns_are: str, rows: Mapping[str, Mapping[str, int]]) -> None:
        """A table of counts, darker where they are a larger share of their row.

        Args:
            rows_are, columns_are: What they stand for, in a word.
            rows: Name of a row -> name of a column -> count; every row has the same columns.
        """
        columns = list(next(iter(rows.values()), {}))
        head = "".join(f'<th scope="col" class="number">{escape(name)}</th>' for name in columns)
        body = ""
        for name, counts in rows.items():
            total = sum(counts.values()) or 1
            cells = "".join(
                f'<td class="number{" zero" * (not count)}" style="--share:{60 * count / total:.0f}%">{count:,}</td>'
                for count in counts.values()
            )
            body += f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
        self._parts.append(
            f'<div class="scroll" tabindex="0"><table class="matrix"><thead><tr><th scope="col">{escape(rows_are)} ↓ '
            f"{escape(columns_are)} →</th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def chart(self, svg: str, caption: str = "") -> None:
        """A chart made by `reports.charts`."""
        above = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
        self._parts.append(
            f'<figure class="chart">{above}<div class="scroll" tabindex="0">{svg}</div></figure>'
        )

    def images(self, images: Iterable[tuple[np.ndarray, str]], *, large: bool = False) -> None:
        """Images side by side, each (H, W, 3) uint8 RGB with its caption."""
        figures = "".join(
            f'<figure><img src="{_data_url(image)}" alt="{escape(caption)}"><figcaption>{escape(caption)}</figcaption>'
            "</figure>"
            for image, caption in images
        )
        self._parts.append(f'<div class="images{" large" * large}">{figures}</div>')

    def html(self) -> str:
        """The whole page."""
        self._end_section()
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
            'img-src data:">'
            f"<title>{escape(self._title)}</title><style>{_STYLE.read_text(encoding='utf-8')}</style></head>\n<body>"
            + "\n".join([*self._parts, "</main></body></html>\n"])
        )

    def write(self, path: Path) -> None:
        """Write the page, replacing an older one. Raises OutputError."""
        try:
            with whole_file(path) as unfinished:
                unfinished.write_text(self.html(), encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{path}: {error.strerror or error}") from error

    def _end_section(self) -> None:
        if self._open:
            self._parts.append("</section>")
        self._open = False


def is_number(value: object) -> bool:
    """Whether a figure is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _cell(value: str | int | float) -> str:
    number = "" if isinstance(value, str) else _NUMBER
    return f"<td{number}>{escape(_text(value))}</td>"


def _text(value: str | int | float) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _data_url(image: np.ndarray) -> str:
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    if not done:
        raise OutputError(f"an image of {image.shape[1]}x{image.shape[0]} pixels cannot be encoded as JPEG")
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"
