# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Formats of image files: what their first bytes say, and what to do with those that are not read."""

from __future__ import annotations

from pathlib import PurePath

_SUFFIXES_OF = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png",),
    "BMP": (".bmp", ".dib"),
    "WebP": (".webp",),
    "AVIF": (".avif",),
    "HEIC": (".heic", ".heif", ".hif"),
    "TIFF": (".tif", ".tiff"),
    "PNM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "PFM": (".pfm",),
    "JPEG 2000": (".jp2", ".j2k", ".jpx"),
    "HDR": (".hdr",),
    "QOI": (".qoi",),
    "Targa": (".tga",),
}
SUFFIXES = frozenset(suffix for suffixes in _SUFFIXES_OF.values() for suffix in suffixes)
"""Endings of the files in a folder that are taken for images, in lower case."""
_RAW_SUFFIXES = {
    "Canon": (".cr2", ".cr3", ".crw"),
    "Nikon": (".nef", ".nrw"),
    "Sony": (".arw", ".sr2"),
    "Adobe": (".dng",),
    "others": (".orf", ".raf", ".rw2", ".pef", ".srw", ".x3f", ".3fr", ".iiq"),
}
_RAW = frozenset(suffix for suffixes in _RAW_SUFFIXES.values() for suffix in suffixes)
UNREAD_SUFFIXES = _RAW | {".jxl", ".exr"}
"""Endings of images that are not read, in lower case: reading them says what to do."""
_BESIDE = {
    "texts": (".txt", ".md", ".rst", ".html", ".htm", ".log"),
    "data": (".json", ".jsonl", ".xml", ".csv", ".tsv", ".db", ".npy", ".npz"),
    "settings": (".yaml", ".yml", ".toml", ".ini", ".cfg"),
    "code": (".py", ".sh"),
    "archives": (".zip", ".gz", ".tar"),
}
NOT_IMAGES = frozenset(suffix for suffixes in _BESIDE.values() for suffix in suffixes)
"""Endings of what often lies beside images and is not one."""

_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"#?RADIANCE", "HDR"),
    (b"#?RGBE", "HDR"),
    (b"Pf", "PFM"),
    (b"PF", "PFM"),
    (b"qoif", "QOI"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"\x1a\x45\xdf\xa3", "video"),
    (b"version https://git-lfs", "Git LFS"),
)
# of the ISO base media file format
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    b"crx ": "camera raw",
}
_IMAGES = frozenset((*_SUFFIXES_OF, "JPEG XL", "OpenEXR", "camera raw"))
_ADVICE = {
    "JPEG XL": "JPEG XL is not read; convert it to PNG or JPEG",
    "OpenEXR": "OpenEXR is not read; convert it to PNG or JPEG",
    "camera raw": "camera raw files are not read; develop it to JPEG or TIFF",
    "PDF": "a document, not an image; export its pages as PNG",
    "PostScript": "a document, not an image; export it as PNG",
    "SVG": "drawings are not read; export it as PNG",
    "video": "a video, not an image",
    "Git LFS": "a Git LFS pointer, not the image itself; run git lfs pull",
    "web page": "a web page, not the image itself; download the image",
}


def kind(start: bytes) -> str:
    """The format that the first 512 bytes of a file belong to; "" for none that is known."""
    for magic, name in _STARTS:
        if start.startswith(magic):
            return name
    if start[:4] == b"RIFF":
        return {b"WEBP": "WebP", b"AVI ": "video"}.get(start[8:12], "")
    if start[4:8] == b"ftyp":
        end = min(int.from_bytes(start[:4], "big"), len(start))  # damaged, it is any number
        listed = [start[8:12], *(start[at : at + 4] for at in range(16, end, 4))]
        brands = [_BRANDS[brand] for brand in listed if brand in _BRANDS]
        # AVIF files may name mif1 first
        return "AVIF" if "AVIF" in brands else brands[0] if brands else "video"
    if start[:1] == b"P" and start[1:2] in b"123456" and start[2:3].isspace():
        return "PNM"
    text = start.lstrip().lower()
    if b"<svg" in text and text.startswith((b"<svg", b"<?xml", b"<!doctype svg")):
        return "SVG"
    return "web page" if text.startswith((b"<!doctype html", b"<html")) else ""


def is_image(start: bytes) -> bool:
    """Whether a file that begins so is a still image, of a format that is read or not."""
    return kind(start) in _IMAGES


def advice(start: bytes, name: str) -> str:
    """Why a file of that name that begins so is not read, and what to do; "" if it may be read."""
    found = kind(start)
    if found in ("", "TIFF") and PurePath(name).suffix.lower() in _RAW:
        found = "camera raw"  # most are TIFF files whose first image is a thumbnail
    return _ADVICE.get(found, "")
