# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""dlib's face networks: ours on PyTorch beside dlib's own code, in one run, with the same image.

The limit of a network is the time that its multiplications take in one large matrix product, the fastest thing
this machine does in those numbers.
"""

from __future__ import annotations

import numpy as np
import torch
from skimage.data import astronaut

from face_detect_ros.benchmarks import limits
from face_detect_ros.benchmarks.face_memory import peak_mib
from face_detect_ros.benchmarks.face_models import scene
from face_detect_ros.benchmarks.rows import Row, best_ms
from face_detect_ros.benchmarks.scaling import gallery
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors.faces import dlib_faces, mmod
from face_detect_ros.faces import align
from face_detect_ros.faces.embedders import catalogue as embed
from face_detect_ros.faces.matching import match
from face_detect_ros.faces.options import MatchOptions
from face_detect_ros.nn.dlib import tiled_pyramid
from face_detect_ros.nn.dlib.description import MMOD_STRUCTURE, RESNET_STRUCTURE
from face_detect_ros.nn.dlib.nets import DescriptorNetwork, MmodNetwork
from face_detect_ros.zoo.formats import dlib_file
from face_detect_ros.zoo.published import dlib_models

SIZES = ((320, 240), (640, 480), (1280, 720))
GPU_SIZES = ((640, 480), (1920, 1080))
OPTIONS = DetectOptions(min_size_px=80)  # the network's own, so that nothing is scaled

_PEOPLE, _LOOKS = 25_000, 4
_GOALS = {"float32": 30, "bfloat16": 60, "descriptor": 8}  # times as fast as dlib


def run() -> list[Row]:
    """Rows for the CPU, and for the GPU where there is one."""
    rows = [*_detectors(), *_descriptors(), _matching(), *_memory()]
    return rows + _gpu() if torch.cuda.is_available() else rows


def _detectors() -> list[Row]:
    rows = []
    dlibs = dlib_faces.create_cnn_here("cpu")
    ours = {precision: mmod.create("cpu", precision) for precision in limits.precisions("cpu")}
    for width, height in SIZES:
        image = scene(width, height)
        dlib_ms = best_ms(lambda image=image: dlibs.detect([image], OPTIONS), 2)  # type: ignore[misc]
        for precision, detector in ours.items():
            goal = dlib_ms / _GOALS[precision] if (width, height) == (640, 480) else None
            rows.append(
                Row(
                    f"mmod {precision} {width}x{height}",
                    "ms",
                    best_ms(lambda d=detector, i=image: d.detect([i], OPTIONS), 10),  # type: ignore[misc]
                    dlib_ms,
                    "dlib_cnn",
                    _detector_products(width, height, precision) / limits.products_per_ms(precision, "cpu"),
                    "matrix product",
                    goal,
                )
            )
    return rows


def _descriptors() -> list[Row]:
    rows = []
    chips = _chips()
    dlibs = embed.create("dlib", "cpu")
    for count in (1, 8):
        some = chips[:count]
        dlib_ms = best_ms(lambda some=some: dlibs.embed(some), 3) / count  # type: ignore[misc]
        for precision in limits.precisions("cpu"):
            ours = embed.create("dlib_resnet", "cpu", precision)
            rows.append(
                Row(
                    f"descriptor {precision}, {count} at once",
                    "ms/face",
                    best_ms(lambda o=ours, s=some: o.embed(s), 20) / count,  # type: ignore[misc]
                    dlib_ms,
                    "dlib",
                    _descriptor_products() / limits.products_per_ms(precision, "cpu"),
                    "matrix product",
                    dlib_ms / _GOALS["descriptor"],
                )
            )
    return rows


def _matching() -> Row:
    """One face compared with everybody; the limit is reading the gallery's embeddings once."""
    known, faces = gallery(_PEOPLE, _LOOKS)
    return Row(
        f"one face among {_PEOPLE * _LOOKS:,} looks of {_PEOPLE:,} people",
        "ms",
        best_ms(lambda: match(faces[:1], known, MatchOptions()), 20),
        limit=best_ms(known.embeddings.sum, 20),
        limit_name="adding them up",
        goal=10,
    )


def _memory() -> list[Row]:
    rows = []
    idle_mib = peak_mib("mmod", 0, 0)
    for width, height in SIZES:
        rows.append(
            Row(
                f"peak memory of a process, mmod float32 {width}x{height}",
                "MiB",
                peak_mib("mmod", width, height),
                peak_mib("dlib_cnn", width, height),
                "dlib_cnn",
                idle_mib,
                "before the first image",
            )
        )
    side = align.CHIP_SIDE_PX
    rows.append(
        Row(
            "peak memory of a process, descriptor float32, 8 at once",
            "MiB",
            peak_mib("dlib_resnet", side, side),
            peak_mib("dlib", side, side),
            "dlib",
            peak_mib("dlib_resnet", 0, 0),
            "before the first image",
        )
    )
    return rows


def _gpu() -> list[Row]:
    rows = []
    for precision in limits.precisions("cuda"):
        detector = mmod.create("cuda", precision)
        per_ms = limits.products_per_ms(precision, "cuda")
        for width, height in GPU_SIZES:
            for count in (1, 8):
                images = [scene(width, height)] * count
                took_ms = best_ms(lambda d=detector, i=images: d.detect(i, OPTIONS), 20) / count  # type: ignore[misc]
                limit = _detector_products(width, height, "bfloat16") / per_ms
                name = (
                    f"mmod {precision} {width}x{height}, {count} at once ({1e3 / took_ms:.0f} images/s), GPU"
                )
                rows.append(Row(name, "ms/image", took_ms, limit=limit, limit_name="matrix product"))
        chips = _chips()
        embedder = embed.create("dlib_resnet", "cuda", precision)
        for count in (1, 8):
            took_ms = best_ms(lambda e=embedder, c=chips[:count]: e.embed(c), 20) / count  # type: ignore[misc]
            limit = _descriptor_products() / per_ms
            name = f"descriptor {precision}, {count} at once, GPU"
            rows.append(Row(name, "ms/face", took_ms, limit=limit, limit_name="matrix product"))
    return rows


def _chips() -> np.ndarray:
    (found,) = dlib_faces.create_hog("cpu").detect([astronaut()], OPTIONS)
    landmarks = np.empty((0, 5, 2)) if found.landmarks is None else found.landmarks
    return np.repeat(align.face_chips(astronaut(), landmarks[:1]), 8, axis=0)


def _detector_products(width: int, height: int, precision: str) -> float:
    """Multiplications of the network on a CPU, which in float32 saves some of them; a GPU does as bfloat16 here."""
    description = dlib_file.load(dlib_models.CNN_DETECTOR, MMOD_STRUCTURE)
    padding = description.input.padding or 0, description.input.outer_padding or 0
    layout = tiled_pyramid.layout(height, width, *padding)
    dtype = getattr(torch, precision)
    canvas = tiled_pyramid.interleaved(
        tiled_pyramid.blank(layout, 1, device=torch.device("cpu"), dtype=dtype)
    )
    network = MmodNetwork(description).to(dtype)
    return limits.products(lambda: network(canvas))


def _descriptor_products() -> float:
    network = DescriptorNetwork(dlib_file.load(dlib_models.DESCRIPTOR, RESNET_STRUCTURE))
    side = align.CHIP_SIDE_PX
    return limits.products(lambda: network(torch.zeros(1, 3, side, side)))
