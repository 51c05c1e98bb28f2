# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The bags of a fleet: those of a folder or of a list, on this machine or in object stores."""

from __future__ import annotations

import posixpath
from pathlib import Path, PurePath, PurePosixPath

from face_detect_ros.bags.finding import find_bags, is_bag, is_storage
from face_detect_ros.bags.stored import stored_bags
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.text import shown_url
from face_detect_ros.files.looking import check_listing, is_folder
from face_detect_ros.files.reading import read_text
from face_detect_ros.files.stores import Store, is_url

_MOST_LIST_BYTES = 1 << 26

NamedBag = tuple[str, str]
"""Path or URL of a bag, and a name for its result."""


def bags_of(source: str | Path, out: str | Path | None = None) -> list[NamedBag]:
    """The bags of a folder or of a list, and a name for the result of each.

    Args:
        source: A folder with bags anywhere below, a bag, or a text file with a path or URL in each line; or its URL.
        out: Where results go: what is found there is left out.

    Raises:
        ConfigError: There are none, or one of them is where results go.
        SourceError: There is nothing at that URL.
        StoreError: Its store does not answer.
    """
    place = str(source)
    found = _in_store(place) if is_url(place) else _on_disk(Path(place))
    if out is not None:
        results = _address(out)
        if results in (_address(place), *(bag for bag, _ in found)):
            shown = shown_url(str(out), keys=True)
            raise ConfigError(f"{shown}: has the bags; give another folder for the results")
        found = [(bag, name) for bag, name in found if not bag.startswith(f"{results}/")]
    if not found:
        raise ConfigError(f"{shown_url(place, keys=True)}: no bags here")
    return found


def _address(place: str | Path) -> str:
    """A path or URL as bags have it."""
    return str(place).rstrip("/") if is_url(str(place)) else str(Path(place).resolve())


def _name(path: PurePath) -> str:
    """A name for the result of a bag: that of its file without its ending, or that of its folder."""
    name = path.name.removesuffix(".zstd")
    name = name.rpartition(".")[0] if is_storage(path) else path.name
    return "bag" if name in ("", "..") else name


def _on_disk(source: Path) -> list[NamedBag]:
    if is_bag(source) and not is_folder(source):
        return [(str(source.resolve()), _name(source))]
    if is_folder(source, ConfigError):
        check_listing(source, ConfigError)
        return [
            (
                str(path.resolve()),
                _name(source.resolve())
                if path == source
                else str(path.relative_to(source).with_name(_name(path))),
            )
            for path in find_bags(source)
        ]
    return _listed(
        read_text(source, most_bytes=_MOST_LIST_BYTES, hint="give a folder, or a list of bags"),
        str(source),
    )


def _in_store(url: str) -> list[NamedBag]:
    store = Store(url)
    address = url.rstrip("/")
    if store.is_folder():
        bags = stored_bags(store)
        return [
            (f"{address}/{name}", str(PurePosixPath(name).with_name(_name(PurePosixPath(name)))))
            if name
            else (address, store.name)
            for name in bags
        ]
    if is_storage(PurePosixPath(store.name)):
        return [(address, _name(PurePosixPath(store.name)))]
    files = store.files()
    if files[""].size > _MOST_LIST_BYTES:
        raise ConfigError(f"{store.shown}: too large for a list of bags")
    try:
        text = (store.read() or b"").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{store.shown}: not a list of bags: no UTF-8 text") from error
    return _listed(text, address)


def _listed(text: str, source: str) -> list[NamedBag]:
    """The bags of a list at `source`, a path or URL, from whose folder relative paths start. Raises ConfigError."""
    folder = posixpath.dirname(source)
    if "\0" in text:
        raise ConfigError(f"{shown_url(source, keys=True)}: not a list of bags: it has zero bytes")
    found = []
    for line in text.splitlines():
        place = line.strip()
        if not place or place.startswith("#"):
            continue
        if not is_url(place) and is_url(folder) and not place.startswith("/"):
            place = f"{folder}/{posixpath.normpath(place)}"
        elif not is_url(place):
            place = str((Path("/") if is_url(folder) else Path(folder)).joinpath(place).resolve())
        place = place.rstrip("/") or place
        found.append((place, _name(PurePosixPath(shown_url(place, keys=True)))))
    return found
