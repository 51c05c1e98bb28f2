# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The catalogue: names, errors, and every entry created and used once."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from skimage.data import astronaut

from face_detect_ros.core import boxes
from face_detect_ros.core.errors import ConfigError, DeviceError
from face_detect_ros.core.landmarks import LANDMARK_NAMES
from face_detect_ros.core.protocols import DetectOptions
from face_detect_ros.detectors import catalogue
from face_detect_ros.zoo.published.cache import presence
from face_detect_ros.zoo.published.checkpoints import find


def here() -> list[str]:
    """The face detectors whose weights are on this machine."""
    checkpoints = {name: catalogue.CATALOGUE[name].checkpoint for name in catalogue.names("faces")}
    return [name for name, each in checkpoints.items() if not each or presence(find(each)) == "yes"]


FACE_IN_CROP = (55, 60, 145, 150)  # xyxy in astronaut()[20:220, 120:320], read off by eye


@pytest.mark.parametrize("name", here())
def test_every_face_detector_finds_the_astronauts_face(name: str) -> None:
    picture = astronaut()[20:220, 120:320]  # small: dlib's CNN takes seconds for a VGA image
    if name == "robot":
        pytest.skip("draws close-ups coarsely; test_two_looks has one")
    with closing(catalogue.create(name, task="faces")) as detector:
        detector.warmup()
        (found,) = detector.detect([picture], catalogue.default_options(name, task="faces"))

        assert detector.labels == ("face",)
        assert detector.device.startswith("cpu")
        assert len(found) == 1
        assert boxes.iou(found.boxes, [FACE_IN_CROP])[0, 0] > 0.6
        assert found.scores[0] > 0.5
        assert found.class_ids[0] == 0
        if found.landmarks is None:
            return
        points = dict(zip(LANDMARK_NAMES[found.landmark_set], found.landmarks[0], strict=True))
        right, left = (
            np.mean([xy for n, xy in points.items() if n.startswith(f"{side}_eye")], axis=0)
            for side in ("right", "left")
        )
        (nose,) = (xy for name, xy in points.items() if name.startswith("nose"))
        assert right[0] < nose[0] < left[0]
        assert nose[1] > max(left[1], right[1])
        assert detector.times.network_ms > 0


@pytest.mark.parametrize("name", here())
def test_every_face_detector_gives_nothing_for_an_empty_image(name: str) -> None:
    with closing(catalogue.create(name, task="faces")) as detector:
        assert detector.detect([], catalogue.FACE_OPTIONS) == []
        (found,) = detector.detect([np.zeros((90, 120, 3), np.uint8)], catalogue.FACE_OPTIONS)
        assert len(found) == 0
        assert found.landmarks is None or found.landmarks.shape == (0, 5, 2)


@pytest.mark.parametrize("entry", catalogue.CATALOGUE.values(), ids=lambda entry: entry.name)
def test_an_entry_is_complete(entry: catalogue.CatalogueEntry) -> None:
    assert entry in catalogue.entries(entry.task)
    assert (entry.name in catalogue.names(entry.task)) != entry.needs_file
    assert callable(catalogue.load_factory(entry.factory))
    assert entry.license
    assert entry.description


def test_defaults_exist() -> None:
    for task, name in catalogue.DEFAULT_MODEL.items():
        assert catalogue.find(name, task=task).name == name
        assert isinstance(catalogue.DEFAULT_OPTIONS[task], DetectOptions)
    assert catalogue.default_model("faces") == "centerface"
    assert catalogue.default_model("objects") == "yolov9-robot"


@pytest.mark.parametrize(
    ("name", "task", "said"),
    [
        (
            "dlib_hogg",
            "faces",
            "centerface, dlib_hog, dlib_cnn, mmod, robot, yunet, scrfd:FILE, retinaface:FILE",
        ),
        ("yunet:", "faces", "yunet:/path/to/file"),
        ("dlib_hog:x.onnx", "faces", "takes no file"),
        ("yunet:x.onnx", "objects", "'yunet' is for task 'faces'"),
        ("", "faces", "dlib_hog"),
        ("dlib_hog", "objects", "objects"),
        ("dlib_hog", "cats", "faces, objects"),
    ],
)
def test_an_unknown_name_lists_what_there_is(name: str, task: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        catalogue.create(name, task=task)


@pytest.mark.parametrize("device", ["cuda", "cuda:3", "tpu"])
@pytest.mark.parametrize("name", here())
def test_a_device_that_cannot_be_used_is_refused(name: str, device: str) -> None:
    dlib = pytest.importorskip("dlib")
    if dlib.DLIB_USE_CUDA:
        pytest.skip("this dlib was built with CUDA")
    with pytest.raises(DeviceError, match=device):
        catalogue.create(name, task="faces", device=device)


def test_importing_loads_no_heavy_library() -> None:
    code = (
        "import sys, face_detect_ros.detectors.catalogue, face_detect_ros.cli.app; "
        "print([m for m in ('cv2', 'dlib', 'torch', 'rclpy') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "task", "meant"),
    [
        ("models/yolox.onnx", "objects", "onnx:models/yolox.onnx"),
        ("YOLOX.ONNX", "objects", "onnx:YOLOX.ONNX"),
        ("/home/me/yunet.onnx", "faces", "yunet:/home/me/yunet.onnx"),
        ("yolov9t.pt", "objects", "yolov9:yolov9t.pt"),
        ("best.safetensors", "objects", "yolov9:best.safetensors"),
        ("best.pt", "faces", None),
        ("yolov10", "objects", None),
        ("a folder", "objects", None),
    ],
)
def test_a_path_without_its_prefix_is_asked_about(name: str, task: str, meant: str | None) -> None:
    with pytest.raises(ConfigError, match="is not known for task") as raised:
        catalogue.find(name, task=task)
    assert ("did you mean" in str(raised.value)) == (meant is not None)
    if meant:
        assert f"(did you mean {meant}?)" in str(raised.value)


def test_the_folder_of_a_detr_without_its_prefix(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match=rf"did you mean detr:{tmp_path}\?"):
        catalogue.find(str(tmp_path), task="objects")
