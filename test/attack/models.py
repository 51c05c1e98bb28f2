# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Damaged and crafted model files of every kind: each must be refused in words, soon, and in little memory.

python test/attack/models.py [--count 5000] [--seed 0]
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import tempfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from helpers import onnx_models
from safetensors.torch import load_file, save_file

from attack.apart import Outcome, Report, run
from face_detect_ros.detectors import catalogue
from face_detect_ros.nn.dlib.description import MMOD_STRUCTURE
from face_detect_ros.nn.yolov9.network import YoloV9
from face_detect_ros.zoo.formats import dlib_file, pickles
from face_detect_ros.zoo.published import dlib_models
from face_detect_ros.zoo.yolov9 import weights as yolov9_weights

LIMIT_S, LIMIT_MB = 90.0, 1500.0
Load = Callable[[Path], object]


def load_yolov9(path: Path) -> None:
    yolov9_weights.load(path, labels=None)


def load_onnx(path: Path) -> None:
    catalogue.create(f"onnx:{path}", task="objects", device="cpu").close()


def load_detr(path: Path) -> None:
    catalogue.create(f"detr:{path}", task="objects", device="cpu").close()


def load_dlib(path: Path) -> None:
    dlib_file.read(path, MMOD_STRUCTURE)


def damage(data: bytes, chance: random.Random) -> bytes:
    """Bytes altered, removed, repeated or cut, mostly near the start, where headers are."""
    damaged = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 3, 10))):
        at = int(len(damaged) * chance.random() ** chance.choice((1, 6)))
        kind = chance.randrange(5)
        if kind == 0:
            damaged[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            damaged[at : at + 8] = chance.choice((b"\xff" * 8, b"\x00" * 8, (1 << 62).to_bytes(8, "little")))
        elif kind == 2:
            del damaged[at : at + chance.randrange(1, 100)]
        elif kind == 3:
            damaged[at:at] = damaged[at : at + chance.randrange(1, 1000)]
        else:
            del damaged[max(1, at) :]
        if not damaged:
            break
    return bytes(damaged)


def damaged_files(
    name: str, good: Path, load: Load, count: int, seed: int, folder: Path, report: Report
) -> None:
    """`count` damaged copies of the file `good`, a few to a process."""
    data = good.read_bytes()
    chance = random.Random(seed)
    path = folder / f"damaged{good.suffix}"
    outcomes: list[Outcome] = []
    for _ in range(count):
        path.write_bytes(damage(data, chance))
        outcomes.append(run(partial(load, path), limit_s=LIMIT_S))
    report.add(f"{name}, {count} damaged", outcomes, accepted=True)


def archive(path: Path, content: bytes, storage: bytes = b"") -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("file/data.pkl", content)
        file.writestr("file/data/0", storage)
    return path


def pickled_sets(path: Path) -> Path:
    return archive(path, b"\x80\x04" + b"\x8f" * 10_000_000 + b".")


def pickled_collisions(path: Path) -> Path:
    step = 2**61 - 1
    keys = (index * step for index in range(1, 48_000))
    return archive(
        path,
        b"\x80\x02}(" + b"".join(b"\x8a\x0a" + key.to_bytes(10, "little") + b"N" for key in keys) + b"u.",
    )


def pickled_copies(path: Path) -> Path:
    call = b"cbuiltins\nset\nh\x01\x85R0"
    return archive(path, b"\x80\x02(" + b"N" * 100_000 + b"tq\x010" + call * 30_000 + b"N.")


def pickled_print(path: Path) -> Path:
    deep = b"X\x01\x00\x00\x00a" + b"2\x86" * 200
    return archive(path, b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00a" + deep + b"\x86R.")


def shared_storage(path: Path) -> Path:
    whole = torch.zeros(2_500_000)
    state = YoloV9("t", 80).state_dict()
    shared = {}
    for name, value in yolov9_weights_published(state).items():
        shared[name] = whole[: value.numel()].view(value.shape) if value.is_floating_point() else value
    torch.save(shared, path)
    return path


def yolov9_weights_published(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    from face_detect_ros.zoo.yolov9 import layouts

    names = layouts.published_names(state, "t", "plain")
    return {f"model.{names[name]}": value for name, value in state.items() if name in names}


def nested_modules(path: Path) -> Path:
    module = torch.nn.Module()
    for index in range(200):
        module.register_parameter(f"p{index}", torch.nn.Parameter(torch.zeros(1)))
    for _ in range(45):
        outer = torch.nn.Module()
        outer.__dict__["_modules"] = {"0": module, "1": module}
        module = outer
    torch.save({"model": module}, path)
    return path


def executed(path: Path) -> Path:
    class Runs:
        def __reduce__(self):
            return exec, (f"open({str(path) + '.ran'!r}, 'w')",)

    torch.save({"model": Runs()}, path)
    return path


CRAFTED_PICKLES = {
    "pt: 10 MB of empty sets": pickled_sets,
    "pt: 620 kB of keys with one hash": pickled_collisions,
    "pt: one list copied 30,000 times": pickled_copies,
    "pt: an argument endless in print": pickled_print,
    "pt: every tensor in one storage": shared_storage,
    "pt: a module in itself 2^45 times": nested_modules,
    "pt: code": executed,
}


def crafted_onnx(folder: Path) -> dict[str, Path]:
    from engines import test_trial
    from onnx import helper

    identity = helper.make_node("Identity", ["images"], ["boxes"])
    return {
        "onnx: a loop of 2^62 rounds": test_trial.endless(folder / "loop.onnx"),
        "onnx: 10^11 numbers": test_trial.vast(folder / "vast.onnx"),
        "onnx: an input of 30000 x 30000": test_trial.write(
            folder / "huge.onnx", [identity], shape=(1, 3, 30_000, 30_000)
        ),
        "onnx: a batch of a million": test_trial.write(
            folder / "batch.onnx", [identity], shape=(10**6, 3, 64, 64)
        ),
    }


def crafted_detr(good: Path, folder: Path) -> dict[str, Path]:
    import shutil

    def changed(name: str, **changes: object) -> Path:
        path = Path(shutil.copytree(good, folder / name))
        config = json.loads((path / "config.json").read_text())
        (path / "config.json").write_text(json.dumps({**config, **changes}))
        return path

    outside = changed("outside")
    weights = load_file(outside / "model.safetensors")
    (outside / "model.safetensors").rename(folder / "outside.safetensors")
    index = {"metadata": {}, "weight_map": dict.fromkeys(weights, "../outside.safetensors")}
    (outside / "model.safetensors.index.json").write_text(json.dumps(index))
    link = changed("link")
    (link / "model.safetensors").unlink()
    (link / "model.safetensors").symlink_to(folder / "outside.safetensors")
    many = changed("many", decoder_layers=20_000)
    save_file({f"t{index}": torch.zeros(1) for index in range(3000)}, many / "model.safetensors")
    return {
        "detr: 20,000 decoder layers": changed("layers", decoder_layers=20_000),
        "detr: the same, and 3,000 small tensors": many,
        "detr: 900,000 queries": changed("queries", num_queries=900_000, learn_initial_query=True),
        "detr: a width of 10^6": changed("width", d_model=1_000_000),
        "detr: 10^9 labels": changed("labels", num_labels=10**9),
        "detr: anchors for 10^6 pixels": changed("anchors", anchor_image_size=[10**6, 10**6]),
        "detr: weights outside the folder": outside,
        "detr: weights behind a link": link,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=5000, help="damaged files in all")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    report = Report(LIMIT_S, LIMIT_MB)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case, make in CRAFTED_PICKLES.items():
            path = make(folder / "crafted.pt")
            report.add(f"{case} ({path.stat().st_size / 1e3:,.0f} kB)", [run(partial(load_yolov9, path))])
        if (folder / "crafted.pt.ran").exists():
            report.failures += 1
            print("    code of a file was executed")
        for case, path in crafted_onnx(folder).items():
            report.add(f"{case} ({path.stat().st_size} bytes)", [run(partial(load_onnx, path))])
        from helpers import detr_models

        good = detr_models.folder("rt_detr_v2")
        for case, path in crafted_detr(good, folder).items():
            report.add(case, [run(partial(load_detr, path))])

        small = YoloV9("t", 3)
        torch.save(yolov9_weights_published(small.state_dict()), folder / "good.pt")
        torch.save(
            yolov9_weights_published(small.state_dict()),
            folder / "legacy.pt",
            _use_new_zipfile_serialization=False,
        )
        yolov9_weights.save(folder / "good.safetensors", small, ("a", "b", "c"), input_size=416)
        onnx_models.save(folder / "good.onnx", "yolo", metadata=onnx_models.NAMES)
        kinds: list[tuple[str, Path, Load]] = [
            ("PyTorch, zip", folder / "good.pt", load_yolov9),
            ("PyTorch, legacy", folder / "legacy.pt", load_yolov9),
            ("safetensors", folder / "good.safetensors", load_yolov9),
            ("dlib", dlib_models.locate(dlib_models.CNN_DETECTOR), load_dlib),
            ("pickle alone", write_pickle(folder / "good.pkl", folder / "good.pt"), read_pickle),
            ("ONNX", folder / "good.onnx", load_onnx),
        ]
        for kind, path, load in kinds:
            damaged_files(kind, path, load, options.count // len(kinds), options.seed, folder, report)
    print(f"seed {options.seed}: {report.failures} failures")
    raise SystemExit(report.failures > 0)


def write_pickle(path: Path, checkpoint: Path) -> Path:
    with zipfile.ZipFile(checkpoint) as file:
        path.write_bytes(next(file.read(name) for name in file.namelist() if name.endswith("data.pkl")))
    return path


def read_pickle(path: Path) -> None:
    pickles.read(io.BytesIO(path.read_bytes()), str(path), {}, lambda identity: None)


if __name__ == "__main__":
    main()
