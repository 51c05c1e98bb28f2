# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Damaged and crafted bags: each is read as far as it is whole, or refused in words, soon, and in little memory.

python test/attack/bags.py [--count 1000] [--seed 0] [--only mcap]
"""

from __future__ import annotations

import shutil
import struct
import sys
import tempfile
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from helpers.bags import BagMaker, camera_bag

from attack.apart import Outcome, Report, run
from attack.tally import arguments, damaged
from face_detect_ros.bags.cameras import cameras
from face_detect_ros.bags.images import IMAGE, read_image
from face_detect_ros.bags.reading import BagReader
from face_detect_ros.bags.zstd import zstd
from face_detect_ros.core.errors import ImageError

LIMIT_S, LIMIT_MB = 30.0, 1200.0
KINDS = {
    "mcap": {},
    "mcap, chunks compressed": {"compression": "storage"},
    "mcap, messages compressed": {"compression": "message"},
    "mcap, file compressed": {"compression": "file"},
    "sqlite3": {"storage": "sqlite3"},
    "sqlite3, messages compressed": {"storage": "sqlite3", "compression": "message"},
}
HUGE, BOMB = 2**62, 2_000_000_000


def read_all(bag: Path) -> None:
    """Every message of every topic, and the pixels of every image."""
    with BagReader(bag) as reader:
        images = {camera.topic.key: camera for camera in cameras(reader)}
        for message in reader.messages(reader.topics):
            if message.key in images:
                try:
                    read_image(images[message.key].topic.type, message.data).decode()
                except ImageError:
                    continue


def crafted(folder: Path) -> dict[str, Path]:
    """Bags whose lengths and counts are lies."""
    found = {}

    def mcap(name: str, *records: tuple[int, bytes]) -> None:
        place = folder / name.replace(" ", "_").replace(",", "")
        place.mkdir()
        body = b"".join(bytes([op]) + struct.pack("<Q", len(data)) + data for op, data in records)
        (place / "bag_0.mcap").write_bytes(b"\x89MCAP0\r\n" + body)
        found[name] = place

    text = lambda value: struct.pack("<I", len(value)) + value  # noqa: E731
    header = (1, text(b"ros2") + text(b""))
    mcap("a chunk of 2^62 bytes", header, (6, struct.pack("<QQQI", 0, 1, HUGE, 0) + text(b"zstd") + b"x"))
    mcap("a record of 2^62 bytes", header)
    with (found["a record of 2^62 bytes"] / "bag_0.mcap").open("ab") as file:
        file.write(bytes([6]) + struct.pack("<Q", HUGE))
    mcap("a text of 4 GB", (1, struct.pack("<I", 2**32 - 1)))
    mcap("a million schemas", header, *[(3, struct.pack("<H", n % 65535 + 1) + text(b"a/msg/A") + text(b"") * 2)
                                        for n in range(200_000)])  # fmt: skip
    bomb = zstd.compress(bytes(BOMB), 19)
    chunk = struct.pack("<QQQI", 0, 1, BOMB, 0) + text(b"zstd") + struct.pack("<Q", len(bomb)) + bomb
    mcap("2 GB of zeros in a chunk", header, (6, chunk))
    topic = (3, struct.pack("<H", 1) + text(b"std_msgs/msg/String") + text(b"ros2msg") + text(b"string data\n")), (
        4, struct.pack("<HH", 1, 1) + text(b"/chatter") + text(b"cdr") + text(b""))  # fmt: skip
    tiny = bytes([5]) + struct.pack("<QHIQQ", 22, 1, 0, 5, 5)
    contents = {
        "2 GB of zeros": bomb,
        "messages of no length": zstd.compress(tiny * (BOMB // 5 // len(tiny))),
    }
    for what, content in contents.items():
        for size in (BOMB, 999):  # the second is a lie
            body = (
                struct.pack("<QQQI", 0, 9, size, 0)
                + text(b"zstd")
                + struct.pack("<Q", len(content))
                + content
            )
            at = 8 + sum(9 + len(data) for _, data in (header, *topic))
            end = at + 9 + len(body)
            index = struct.pack("<QQQQ", 0, 9, at, end - at) + struct.pack("<IHQ", 10, 1, end)
            index += struct.pack("<Q", 0) + text(b"zstd") + struct.pack("<QQ", len(content), size)
            counts = struct.pack("<QHIIIIQQ", 1, 1, 1, 0, 0, 1, 0, 9) + struct.pack("<IHQ", 10, 1, 1)
            name = f"an index, and a chunk of {size} bytes: {what}"
            mcap(name, header, *topic, (6, body), *topic, (8, index), (0x0B, counts),
                 (2, struct.pack("<QQI", end, 0, 0)))  # fmt: skip
            with (found[name] / "bag_0.mcap").open("ab") as file:
                file.write(b"\x89MCAP0\r\n")
    many = [(6, struct.pack("<QQQI", 0, 9, BOMB // 5, 0) + text(b"zstd") + struct.pack("<Q", len(whole)) + whole)
            for whole in [zstd.compress(tiny.replace(struct.pack("<Q", 22), struct.pack("<Q", BOMB // 5 - 9), 1)
                                        + bytes(BOMB // 5 - len(tiny)))] * 6]  # fmt: skip
    mcap("six chunks of 400 MB at one time", header, *topic, *many)
    place = folder / "message"
    with BagMaker(place) as bag:
        bag.write("/camera/image_raw", IMAGE, 1, bomb)
    found["2 GB of zeros in a message"] = place
    place = folder / "file"
    place.mkdir()
    (place / "bag_0.mcap.zstd").write_bytes(bomb)
    found["2 GB of zeros in a file"] = place
    place = folder / "metadata"
    place.mkdir()
    (place / "metadata.yaml").write_text("a: &a [x]\n" + "b: *a\n" + "- " * 100_000)
    found["metadata of 100,000 nested lists"] = place
    place = folder / "outside"
    place.mkdir()
    (place / "metadata.yaml").write_text(
        "rosbag2_bagfile_information: {version: 5, storage_identifier: mcap, relative_file_paths: [/dev/zero]}\n"
    )
    found["metadata that names /dev/zero"] = place
    return found


def main() -> int:
    asked = arguments(__doc__.splitlines()[0], 1000)
    random = np.random.default_rng(asked.seed)
    report = Report(LIMIT_S, LIMIT_MB)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name, bag in crafted(folder).items():
            if asked.only in name:
                report.add(name, [run(partial(read_all, bag), limit_s=LIMIT_S)], accepted=True)
        for name, options in KINDS.items():
            if asked.only not in name:
                continue
            good = camera_bag(folder / "good", **options)
            files = [path for path in good.iterdir() if path.is_file()]
            outcomes: list[Outcome] = []
            for _ in range(max(1, asked.count // len(KINDS))):
                bag = Path(shutil.copytree(good, folder / "bad"))
                path = bag / files[int(random.integers(0, len(files)))].name
                path.write_bytes(damaged(path.read_bytes(), random))
                outcomes.append(run(partial(read_all, bag), limit_s=LIMIT_S))
                shutil.rmtree(bag)
            report.add(f"{name}, {len(outcomes)} damaged", outcomes, accepted=True)
            shutil.rmtree(good)
    print(f"seed {asked.seed}: {report.failures} failures")
    return int(report.failures > 0)


if __name__ == "__main__":
    sys.exit(main())
