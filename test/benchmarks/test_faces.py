# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The parts of the face benchmark that need no measuring."""

import numpy as np
import pytest

from face_detect_ros.core.errors import ConfigError

pytest.importorskip("torch")
from face_detect_ros.benchmarks import face_memory, face_models, faces


def test_the_images_have_the_sizes_they_name() -> None:
    for width, height in (*faces.SIZES, *faces.GPU_SIZES, *face_models.SIZES):
        picture = face_models.scene(width, height)
        assert picture.shape == (height, width, 3)
        assert picture.dtype == np.uint8
        assert picture[:, -1].any()  # filled to the border
    assert faces._chips().shape == (8, 150, 150, 3)


@pytest.mark.usefixtures("unrecorded")
def test_models_are_measured_beside_the_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_models, "SIZES", ((96, 64),))
    monkeypatch.setattr(face_models, "_REPEATS", 1)
    rows = face_models.run(["robot", "mmod", "dlib_resnet"])
    assert [row.name for row in rows] == ["robot 96x64", "mmod 96x64", "dlib_resnet, one face"]
    assert rows[0].peer == rows[1].ours
    assert min(row.ours for row in rows) > 0
    assert {"mmod", "robot", "dlib_resnet"} <= set(face_models.default_models())
    with pytest.raises(ConfigError, match="nobody"):
        face_models.run(["nobody"])


def test_multiplications_are_counted() -> None:
    # 3.9 thousand million for the canvas of a VGA image, and a fifth more of zeros in the first layer
    assert faces._detector_products(640, 480, "bfloat16") == pytest.approx(4.4e9, rel=0.05)
    # three layers with 8 products where plain ones have 20
    assert faces._detector_products(640, 480, "float32") == pytest.approx(2.95e9, rel=0.05)
    assert 0.2e9 < faces._descriptor_products() < 0.5e9


def test_a_gallery_of_many_looks_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces, "_PEOPLE", 250)
    row = faces._matching()
    assert "1,000 looks" in row.name
    assert row.ours > 0


def test_memory_is_that_of_a_process_of_its_own() -> None:
    block = np.ones(1 << 28, np.uint8)  # 256 MiB here must not count there
    assert 30 < face_memory.peak_mib("dlib", 150, 150) < 256
    del block
