# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Sphinx settings of `make docs`: the pages in docs/, the README as the first page, and the API reference.

The reference is read from the source (sphinx-autoapi), so that nothing of it is imported.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REPOSITORY = "https://github.com/face-detect-ros/face_detect_ros"

project = "face_detect_ros"
author = "face_detect_ros authors"
version = release = re.findall(r'__version__ = "(.+)"', (ROOT / project / "__init__.py").read_text())[0]

extensions = ["myst_parser", "autoapi.extension", "sphinx.ext.napoleon"]
html_theme = "sphinx_rtd_theme"
html_theme_options = {
    "navigation_depth": 3,
    "collapse_navigation": True,
}  # some hundred pages: seconds, not minutes
html_title = f"{project} {version}"
html_copy_source = False
exclude_patterns = ["_build"]

myst_heading_anchors = 4
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # else autoapi describes attributes twice
default_role = "literal"  # `name` in a docstring is code
suppress_warnings = ["autoapi.python_import_resolution", "ref.python"]

autoapi_dirs = [str(ROOT / project)]
autoapi_ignore = ["*/cli/*", "*/benchmarks/peers/*"]  # commands and scripts
autoapi_root = "api"
autoapi_add_toctree_entry = False
autoapi_options = ["members", "undoc-members", "show-inheritance", "show-module-summary"]
autoapi_member_order = "bysource"
autoapi_own_page_level = "module"
autoapi_python_class_content = "class"

# pages that include a file of the repository -> the folder of that file, to which its links are relative
INCLUDED = {"index": ROOT, "contributing": ROOT}
LINK = re.compile(r"(\]\()([^)#:\s]+)(#[^)]*)?(?=\))")


def point_links(text: str, folder: Path) -> str:
    """Make the links of a Markdown text lead to pages of the site, or else to files of the repository."""

    def pointed(match: re.Match[str]) -> str:
        path = (folder / match[2]).resolve()
        if not path.exists() or not path.is_relative_to(ROOT):
            return match[0]
        name, anchor = path.relative_to(ROOT).as_posix(), match[3] or ""
        pages = {
            "README.md": "index.md",
            "CONTRIBUTING.md": "contributing.md",
            "CHANGELOG.rst": "changelog.rst",
        }
        if name.startswith("docs/") or name in pages:
            return f"{match[1]}/{pages.get(name, name.removeprefix('docs/'))}{anchor}"
        return f"{match[1]}{REPOSITORY}/blob/main/{name}{anchor}"

    return LINK.sub(pointed, text)


def read(_app: Any, page: str, source: list[str]) -> None:
    if not page.startswith("api/"):
        source[0] = point_links(source[0], INCLUDED.get(page, ROOT / "docs"))


def include(_app: Any, _path: Path, page: str, source: list[str]) -> None:
    read(_app, page, source)


def setup(app: Any) -> None:
    app.connect("source-read", read)
    app.connect("include-read", include)
