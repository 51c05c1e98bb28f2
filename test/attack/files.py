# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Damaged and crafted files: every one is read or refused in words, in bounded time and memory.

python test/attack/files.py --count 20000
"""

from __future__ import annotations

import io
import json
import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import cv2
import numpy as np
import yaml
from PIL import Image

from attack.tally import Tally, arguments, counted_stderr, damaged
from face_detect_ros.depth.calibration import read_calibration
from face_detect_ros.detectors.onnx import format as onnx_format
from face_detect_ros.detectors.onnx import labels as onnx_labels
from face_detect_ros.detectors.preprocessor import read_settings
from face_detect_ros.evaluation.coco_annotations import read_annotations
from face_detect_ros.evaluation.labels import read_labels
from face_detect_ros.evaluation.pairs import read_pairs
from face_detect_ros.files.reading import read_json, read_object, read_text, read_yaml
from face_detect_ros.images.quiet import silence_opencv
from face_detect_ros.images.reading import read_image
from face_detect_ros.training.data.dataset import read_dataset
from face_detect_ros.zoo.published import records

Read = Callable[[Path], object]
MATRIX = {"rows": 3, "cols": 3, "data": [500.0, 0, 320, 0, 500, 240, 0, 0, 1]}
CALIBRATION = {
    "image_width": 640,
    "image_height": 480,
    "camera_matrix": MATRIX,
    "distortion_model": "plumb_bob",
    "distortion_coefficients": {"data": [0.1] * 5},
    "rectification_matrix": MATRIX,
    "projection_matrix": {"data": [500.0, 0, 320, 0, 0, 500, 240, 0, 0, 0, 1, 0]},
}
COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 10, 10], "area": 100, "iscrowd": 0}
    ],
    "categories": [{"id": 1, "name": "face"}],
}
IMGLAB = "<dataset><images><image file='a.png'><box top='1' left='2' width='9' height='9'/></image></images></dataset>"
PREPROCESSOR = {
    "image_processor_type": "DetrImageProcessor",
    "size": {"shortest_edge": 800, "longest_edge": 1333},
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}
RECORDS = {"version": 1, "files": {"a": {"sha256": "0" * 64, "recorded": "2024", "stamp": [1, 2, 3, 4]}}}
DATA_SET = b"path: .\ntrain: images\nnames: [face, cup]\n"
YOLO_LABELS = b"0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.05 0.05\n"
LARGE_PX = 9900
LARGE = {"PNG": {}, "WEBP": {"lossless": True}, "AVIF": {"speed": 10}, "TIFF": {"compression": "tiff_lzw"}}
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{letter}: &{letter} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, letter in zip("abcdefgh", "bcdefghi", strict=True)
)


def images(random: np.random.Generator) -> dict[str, bytes]:
    """A small image in every format that can be written here."""
    pixels = cv2.GaussianBlur(random.integers(0, 256, (60, 80, 3), np.uint8), (0, 0), 3)
    found = {}
    for suffix in (".jpg", ".png", ".webp", ".tiff", ".bmp", ".ppm", ".jp2", ".hdr", ".pfm"):
        values = pixels.astype(np.float32) / 255 if suffix in (".hdr", ".pfm") else pixels
        done, data = cv2.imencode(suffix, values)
        if done:
            found[suffix] = data.tobytes()
    found["float.tiff"] = cv2.imencode(".tiff", pixels.astype(np.float32) / 255)[1].tobytes()
    found["deep.png"] = cv2.imencode(".png", pixels.astype(np.uint16) * 257)[1].tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.init()
    for kind in ("AVIF", "GIF", "QOI", "TGA", "PCX", "SGI", "ICO", "DDS", "MPO"):
        file = io.BytesIO()
        if kind in Image.SAVE:
            options = {"exif": exif} if kind == "AVIF" else {}
            Image.fromarray(pixels).save(file, kind, **options)
            found[f".{kind.lower()}"] = file.getvalue()
    for mode in ("1", "L", "P", "LA", "RGBA", "CMYK", "I;16"):
        file = io.BytesIO()
        image = (
            Image.fromarray(pixels[..., 0].astype(np.uint16))
            if mode == "I;16"
            else Image.fromarray(pixels).convert(mode)
        )
        image.save(file, "TIFF" if mode == "CMYK" else "PNG", exif=exif)
        found[f"{mode}.image"] = file.getvalue()
    return found


def crafted() -> dict[str, tuple[str, bytes, Read]]:
    """Files that were made to take long, or much: name, content, reader."""
    from images.test_compressed import jpeg_of, png_of

    found: dict[str, tuple[str, bytes, Read]] = {
        "a JPEG that claims 30000 x 30000": ("a.jpg", jpeg_of(30000, 30000), read_image),
        "a PNG that claims 30000 x 30000": ("a.png", png_of(30000, 30000), read_image),
        "a PNG that claims 9000 x 9000": ("a.png", png_of(9000, 9000), read_image),
        "aliases of aliases": ("a.yaml", LAUGHS.encode(), read_calibration),
        "aliases as classes": (
            "a.yaml",
            (LAUGHS + "names: *i\ntrain: *i\n").encode(),
            lambda path: read_dataset(path),
        ),
        "deep YAML": ("a.yaml", b"[" * 20000, read_calibration),
        "deep JSON": ("a.json", b"[" * 200000, read_json),
        "deep XML": ("a.xml", b"<a>" * 20000, lambda path: read_labels(path, path.parent)),
        "XML entities": (
            "a.xml",
            b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
            + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
            + b"]><a>&j;</a>",
            lambda path: read_labels(path, path.parent),
        ),
        "long numbers": ("a.json", b"9" * 500_000, read_json),
        "a megabyte of YAML lists": ("a.yaml", b"- " * 500_000, read_yaml),
        "a megabyte of YAML keys": ("a.yaml", b"".join(b"k%d: 1\n" % n for n in range(80_000)), read_yaml),
        "a line of a megabyte": ("a.txt", b"9 " * 500_000, lambda path: read_pairs(path, path.parent)),
    }
    with multiprocessing.get_context("spawn").Pool(1) as other:  # whose memory does not count
        for kind, data in other.map(large_image, LARGE):
            if data:
                found[f"{LARGE_PX} x {LARGE_PX} black pixels of {kind}"] = (
                    f"a.{kind.lower()}",
                    data,
                    read_image,
                )
    return found


def large_image(kind: str) -> tuple[str, bytes]:
    """An image just below the limit in few bytes; none where this Pillow cannot write the format."""
    Image.init()
    file = io.BytesIO()
    if kind in Image.SAVE:
        Image.new("RGB", (LARGE_PX, LARGE_PX)).save(file, kind, **LARGE[kind])
    return kind, file.getvalue()


def small_files() -> dict[str, tuple[str, bytes, Read]]:
    """name of the file, content, reader."""

    def as_json(value: object) -> bytes:
        return json.dumps(value, indent=1).encode()

    metadata = json.dumps({"layout": "yolox", "mean": [0.1, 0.2, 0.3], "size": 640})
    names = json.dumps({"0": "person", "1": "cup"})
    return {
        "calibration": ("a.yaml", yaml.safe_dump(CALIBRATION).encode(), read_calibration),
        "data set YAML": ("data.yaml", DATA_SET, read_dataset),
        "YOLO labels": (
            "labels/a.txt",
            YOLO_LABELS,
            lambda path: read_dataset(path.parents[1] / "data.yaml"),
        ),
        "COCO to train": ("a.json", as_json(COCO), lambda path: read_dataset(path, path.parent / "images")),
        "COCO to measure": (
            "a.json",
            as_json(COCO),
            lambda path: read_annotations(path, path.parent / "images"),
        ),
        "labels of faces": ("a.json", as_json(COCO), lambda path: read_labels(path, path.parent / "images")),
        "imglab XML": ("a.xml", IMGLAB.encode(), lambda path: read_labels(path, path.parent / "images")),
        "LFW pairs": ("a.txt", b"1\nA\t1\t2\nA\t1\tB\t1\n", lambda path: read_pairs(path, path.parent)),
        "preprocessor": ("a.json", as_json(PREPROCESSOR), read_settings),
        "records": (records.FILE_NAME, as_json(RECORDS), lambda path: records.read(path.parent)),
        "JSON object": (
            "config.json",
            as_json({"model_type": "rt_detr", "id2label": {"0": "a"}}),
            read_object,
        ),
        "ONNX metadata": (
            "a.txt",
            metadata.encode(),
            lambda path: onnx_format.described({onnx_format.KEY: _text(path)}, path),
        ),
        "ONNX names": (
            "a.txt",
            names.encode(),
            lambda path: onnx_labels.named_in({"names": _text(path)}, path),
        ),
        "text": ("a.txt", "é王\n".encode(), read_text),
    }


def _text(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")


def main() -> int:
    asked = arguments(__doc__.splitlines()[0], 20_000)
    silence_opencv()
    random = np.random.default_rng(asked.seed)
    tally = Tally()
    originals = {
        f"image {name}": (f"a{name}" if name.startswith(".") else name, data, read_image)
        for name, data in images(random).items()
    }
    originals = {name: rest for name, rest in {**originals, **small_files()}.items() if asked.only in name}
    with tempfile.TemporaryDirectory() as made, counted_stderr(tally):
        folder = Path(made)
        for name in ("images", "labels"):
            (folder / name).mkdir()
        cv2.imwrite(str(folder / "images" / "a.png"), np.zeros((30, 40, 3), np.uint8))
        for name, (file, data, read) in originals.items():
            path = folder / file
            (folder / "data.yaml").write_bytes(DATA_SET)
            (folder / "labels" / "a.txt").write_bytes(YOLO_LABELS)
            path.write_bytes(data)
            tally.run(f"{name} (whole)", "", lambda read=read, path=path: read(path))
            for number in range(asked.count // len(originals)):
                path.write_bytes(damaged(data, random))
                tally.run(name, str(number), lambda read=read, path=path: read(path))
            path.unlink()
        for name, (file, data, read) in crafted().items():
            if asked.only in f"crafted: {name}":
                (folder / file).write_bytes(data)
                tally.run(f"crafted: {name}", "", lambda read=read, path=folder / file: read(path))
        for name, target in {"device": "/dev/zero", "folder": "/", "circle": folder / "circle"}.items():
            (folder / name).symlink_to(target)
            for read in (read_image, read_calibration, read_json, read_yaml, read_settings):
                tally.run("no regular file", name, lambda read=read, path=folder / name: read(path))
    return tally.report()


if __name__ == "__main__":
    sys.exit(main())
