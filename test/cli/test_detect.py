# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`face_detect_ros detect` as people and scripts run it: output, exit codes, files."""

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.objects import write_onnx
from helpers.paths import SHARED
from helpers.sources import cut_off, write_video
from helpers.terminals import shown_until_closed
from skimage.data import astronaut, chelsea
from typer.testing import CliRunner, Result

from face_detect_ros import __version__
from face_detect_ros.cli.app import app

COMMAND = [sys.executable, "-m", "face_detect_ros.cli.app"]
# starts without PyTorch, which takes two seconds in each process
LIGHT = ["--model", "dlib_hog"]


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["detect", *map(str, arguments)])


def write(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1] if image.ndim == 3 else image)
    return path


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return write(tmp_path / "astronaut.png", astronaut())


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Five frames of 320x240 with the face in the last three."""
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (320, 240))
    for index in range(5):
        frame = astronaut()[:240, 60:380] if index > 1 else np.zeros((240, 320, 3), np.uint8)
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path


def test_json_of_an_image(picture: Path) -> None:
    command = [*COMMAND, "detect", "--json", str(picture)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert result.returncode == 0
    assert result.stderr == ""
    (line,) = result.stdout.splitlines()
    record = json.loads(line)
    assert list(record) == ["image", "detections", "ms"]
    assert record["image"] == str(picture)
    assert set(record["ms"]) == {"pre", "network", "post"}
    (face,) = record["detections"]
    assert face["class"] == "face"
    assert 0.5 <= face["score"] <= 1
    assert np.abs(np.array(face["box"]) - (181, 58, 270, 178)).max() < 10
    assert np.array(face["landmarks"]).shape == (5, 2)
    assert face["landmark_set"] == "five_points"


def test_output_for_people(picture: Path) -> None:
    result = invoke(*LIGHT, picture)
    assert result.exit_code == 0
    assert "astronaut.png: 1 detection," in result.stdout
    assert "88 x 88 px at (179, 83)" in result.stdout
    assert "1 image, 1 detection," in result.stdout
    assert "\x1b" not in result.stdout + result.stderr


def test_folders_and_videos(picture: Path, clip: Path, tmp_path: Path) -> None:
    write(tmp_path / "deeper" / "EMPTY.JPG", np.zeros((100, 100, 3), np.uint8))
    write(tmp_path / ".hidden" / "x.png", astronaut())
    (tmp_path / "notes.txt").write_text("no image")
    result = invoke("--json", tmp_path)
    assert result.exit_code == 0
    records = [json.loads(line) for line in result.stdout.splitlines()]
    counts = {record["image"]: len(record["detections"]) for record in records}
    tracks = {r["image"]: [face.get("track") for face in r["detections"]] for r in records}
    assert tracks[str(picture)] == [None]
    assert tracks[f"{clip}#2"] == tracks[f"{clip}#3"] == [1]
    assert counts == {
        str(picture): 1,
        f"{clip}#0": 0,
        f"{clip}#1": 0,
        f"{clip}#2": 1,
        f"{clip}#3": 1,
        f"{clip}#4": 1,
        str(tmp_path / "deeper" / "EMPTY.JPG"): 0,
    }
    assert next(iter(counts)) == str(picture)


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("gray.png", cv2.cvtColor(astronaut(), cv2.COLOR_RGB2GRAY)),
        ("16 bit.png", astronaut().astype(np.uint16) * 257),
        ("alpha.png", np.dstack([astronaut()[..., ::-1], np.full((512, 512), 255, np.uint8)])),
        ("bitmap.bmp", astronaut()),
        ("no suffix known.image", astronaut()),
        ("ünïcode 王.png", astronaut()),
    ],
)
def test_any_kind_of_image_file(tmp_path: Path, name: str, image: np.ndarray) -> None:
    target = tmp_path / "x.png"
    assert cv2.imwrite(str(target), image if image.ndim == 2 or image.shape[2] == 4 else image[..., ::-1])
    result = invoke("--json", target.rename(tmp_path / name))
    assert result.exit_code == 0, result.stderr
    record = json.loads(result.stdout)
    assert record["image"].endswith(name)
    assert len(record["detections"]) == 1


def test_a_file_name_that_is_not_utf8(picture: Path, tmp_path: Path) -> None:
    strange = os.fsencode(tmp_path) + b"/\xff.png"
    shutil.copy(os.fsencode(picture), strange)
    command = [*map(os.fsencode, [*COMMAND, "detect", *LIGHT]), strange]
    result = subprocess.run(command, capture_output=True, timeout=100, check=False)
    assert result.returncode == 0, result.stderr
    assert b"ff.png" in result.stdout
    json_result = invoke(*LIGHT, "--json", os.fsdecode(strange))
    assert json_result.exit_code == 0, json_result.stderr
    assert b"ff.png" in json_result.stdout_bytes


def test_options_reach_the_detector(picture: Path) -> None:
    none = json.loads(invoke("--json", "--min-size-px", 150, picture).stdout)
    many = json.loads(invoke("--json", "--model", "mmod", "--score-threshold", 0.1, picture).stdout)
    assert len(none["detections"]) == 0
    assert len(many["detections"]) > 1
    exact = [
        json.loads(invoke("--json", "--model", "mmod", "--precision", precision, picture).stdout)[
            "detections"
        ][0]["score"]
        for precision in ("float32", "float32", "auto")
    ]
    assert exact[0] == exact[1] == pytest.approx(exact[2], abs=0.01)


def test_dlib_cnn(tmp_path: Path) -> None:
    path = write(tmp_path / "small.png", astronaut()[20:220, 120:320])
    result = invoke("--json", "--model", "dlib_cnn", path)
    assert result.exit_code == 0, result.stderr
    assert len(json.loads(result.stdout)["detections"]) == 1


def test_save(picture: Path, clip: Path, tmp_path: Path) -> None:
    twin = write(tmp_path / "other" / "astronaut.png", np.zeros((64, 64, 3), np.uint8))
    folder = tmp_path / "out" / "deep"
    result = invoke("--save", folder, picture, twin, clip, picture)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in folder.iterdir()) == [
        "astronaut-2.png",
        "astronaut.png",
        "clip.mp4",
    ]
    saved = cv2.imread(str(folder / "astronaut.png"))[..., ::-1]
    assert saved.shape == astronaut().shape
    assert (saved != astronaut()).any()
    video = cv2.VideoCapture(str(folder / "clip.mp4"))
    frames = 0
    while video.read()[0]:
        frames += 1
    assert frames == 5
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(10)


def test_save_keeps_the_layout_of_folders(tmp_path: Path) -> None:
    for place in ("a/x.png", "b/x.tiff"):
        write(tmp_path / "in" / place, np.zeros((20, 20, 3), np.uint8))
    assert invoke("--save", tmp_path / "out", tmp_path / "in").exit_code == 0
    files = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*"))
    assert files == ["a/x.png", "b/x.png"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{picture}", "--model", "nonsense"], "dlib_hog, dlib_cnn"),
        (["{picture}", "--task", "cats"], "faces, objects"),
        (["{picture}", "--task", "objects", "--model", "onnx"], "onnx:/path/to/file"),
        (
            ["{picture}", "--task", "objects", "--model", "{objects}", "--classes", "persn"],
            "did you mean person?",
        ),
        (["{picture}", "--task", "objects", "--model", "{objects}", "--input-size", "77"], "77"),
        (["{picture}", "--task", "objects", "--model", "{objects}", "--input-size", "-1"], "--input-size"),
        (["{picture}", "--input-size", "320"], "input_size 320"),
        (["{picture}", "--classes", "dog"], "class 'dog'"),
        (["{picture}", "--task", "objects", "--model", "dlib_hog"], "faces"),
        (["{picture}", "--device", "cuda:9"], "cuda:9"),
        (["{picture}", "--precision", "int8"], "precision 'int8'"),
        (["{picture}", "--precision", "float16", "--model", "dlib_hog"], "computes in auto, float32 only"),
        (["{picture}", "--device", "abacus"], "abacus"),
        (["{picture}", "--score-threshold", "1.5"], "score_threshold is 1.5"),
        (["{picture}", "--score-threshold", "nan"], "score_threshold is nan"),
        (["{picture}", "--score-threshold", "high"], "--score-threshold"),
        (["{picture}", "--min-size-px", "-1"], "min_size_px is -1"),
        (["{picture}", "--min-size-px", "1.5"], "--min-size-px"),
        (["{picture}", "--no-such-option"], "--no-such-option"),
        (["{picture}", "/no/such/file.png"], "/no/such/file.png: no such file"),
        (["{empty}"], "no images, videos or bags"),
        (["{picture}", "--save", "{picture}"], "cannot be written to"),
        (["{picture}", "--save", "{picture}/out"], "cannot be written to"),
        (["{picture}", "--save", "{folder}"], "would replace the input"),
        (["{picture}", "--save", ""], "'--save': is empty; give a path"),
        (["{picture}", ""], "is empty; give a path"),
        ([], "PATH"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_arguments(picture: Path, arguments: list[str], said: str) -> None:
    empty = picture.parent / "empty"
    empty.mkdir()
    places = {"picture": picture, "empty": empty, "folder": picture.parent}
    if "{objects}" in arguments:
        places["objects"] = write_onnx(empty / "objects.onnx")
    before = picture.read_bytes()
    result = invoke("--json", *(argument.format(**places) for argument in arguments))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert picture.read_bytes() == before


def test_an_output_folder_that_cannot_be_written(picture: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    if os.access(locked, os.W_OK):
        locked = Path("/proc/1")  # root may write anywhere but here
    assert invoke("--save", locked / "out", picture).exit_code == 2


def test_one_bad_image_does_not_stop_the_others(picture: Path, tmp_path: Path) -> None:
    bad = []
    for name, content in (("a.jpg", b"\xff\xd8\xff rubbish"), ("b.png", b""), ("c.mp4", b"no video")):
        bad.append(tmp_path / name)
        bad[-1].write_bytes(content)
    bad.append(tmp_path / "d.png")
    bad[-1].write_bytes(picture.read_bytes()[:200])
    result = invoke("--json", *LIGHT, *bad, picture)
    assert result.exit_code == 1
    assert [json.loads(line)["image"] for line in result.stdout.splitlines()] == [str(picture)]
    for line, path in zip(result.stderr.splitlines(), bad, strict=True):
        assert line.startswith("face_detect_ros: ")
        assert str(path) in line


def test_a_truncated_video_gives_what_it_has(clip: Path) -> None:
    clip.write_bytes(clip.read_bytes()[:-20])
    assert invoke("--json", *LIGHT, clip).exit_code in (0, 1)


def test_a_damaged_video_says_how_many_frames_there_should_be(tmp_path: Path) -> None:
    video = cut_off(write_video(tmp_path / "cut.avi", [100] * 20), 0.5)
    result = invoke("--json", *LIGHT, video)
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) >= 5
    assert "of 20 frames can be read; it is damaged or cut off" in result.stderr


def test_lines_come_out_as_they_are_made(picture: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "late.png"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [*COMMAND, "detect", "--json", *LIGHT, picture, fifo], stdout=subprocess.PIPE, text=True
    )
    assert json.loads(process.stdout.readline())["image"] == str(picture)
    assert process.poll() is None
    fifo.write_bytes(picture.read_bytes())
    assert json.loads(process.stdout.readline())["image"] == str(fifo)
    process.communicate(timeout=100)
    assert process.returncode == 0


def test_a_reader_that_leaves_is_no_error(picture: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "detect", "--json", *LIGHT, *[picture] * 30],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 141


@pytest.mark.parametrize("model", ["dlib_hog", "dlib_cnn"])
def test_ctrl_c(tmp_path: Path, model: str) -> None:
    small = write(tmp_path / "small.png", astronaut()[20:220, 120:320])
    large = write(tmp_path / "large.png", cv2.resize(astronaut(), (1600, 1600)))
    process = subprocess.Popen(
        [*COMMAND, "detect", "--json", "--model", model, small, *[large] * 50],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        process.stdout.readline()
        time.sleep(0.2)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: also to the child
        _, errors = process.communicate(timeout=100)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert errors == ""


def test_progress_on_a_terminal_only_and_never_on_stdout(picture: Path) -> None:
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(
        [*COMMAND, "detect", "--json", *LIGHT, *[picture] * 3],
        stdout=subprocess.PIPE,
        stderr=follower,
        env=environment,
    )
    os.close(follower)
    shown = shown_until_closed(leader)
    output = process.stdout.read().decode()
    assert process.wait(30) == 0
    assert "3/3" in shown
    assert len([json.loads(line) for line in output.splitlines()]) == 3


def test_help_and_version() -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["--version"]).stdout == f"face_detect_ros {__version__}\n"
    overview = runner.invoke(app, ["--help"])
    assert overview.exit_code == 0
    for verb in ("detect", "doctor"):
        assert verb in overview.stdout
        assert "Exit code" in runner.invoke(app, [verb, "--help"]).stdout
    options = runner.invoke(app, ["detect", "--help"]).stdout
    for option in (
        "--task",
        "--model",
        "--device",
        "--score-threshold",
        "--min-size-px",
        "--classes",
        "--input-size",
        "--json",
        "--save",
    ):
        assert option in options
    assert "0.25" in options
    assert runner.invoke(app, []).exit_code == 2


@pytest.mark.parametrize("case", ["yolo_end2end_masks", "yolo_end2end_keypoints"])
def test_masks_and_keypoints_of_objects(tmp_path: Path, case: str) -> None:
    onnx_masks = pytest.importorskip("helpers.onnx_masks", reason="onnx is not installed")
    image = np.zeros((64, 64, 3), np.uint8)
    image[32:48, 16:32] = (0, 0, 255)
    cv2.imwrite(str(tmp_path / "blue.png"), image[..., ::-1])
    model = f"onnx:{onnx_masks.made(case, tmp_path / 'model.onnx')}"
    answer = invoke(
        "--json", "--task", "objects", "--model", model, "--save", tmp_path / "out", tmp_path / "blue.png"
    )
    assert answer.exit_code == 0, answer.stderr
    (found,) = json.loads(answer.stdout)["detections"]
    if case == "yolo_end2end_masks":
        (outline,) = found["polygons"]
        assert np.min(outline, axis=0).tolist() == [16, 32]
        assert np.max(outline, axis=0).tolist() == [31, 47]
    else:
        assert found["keypoints"] == [[24, 40, 0.8], [16, 32, 0.1]]
    saved = cv2.imread(str(tmp_path / "out" / "blue.png"))[..., ::-1]
    assert (saved[38:42, 22:26] != image[38:42, 22:26]).any()


def test_objects_in_an_image(picture: Path, tmp_path: Path) -> None:
    model = write_onnx(tmp_path / "objects.onnx")
    objects = ("--task", "objects", "--model", model)
    result = invoke("--json", *objects, "--save", tmp_path / "out", picture)
    assert result.exit_code == 0, result.stderr
    record = json.loads(result.stdout)
    assert list(record) == ["image", "detections", "ms"]
    assert [list(found) for found in record["detections"]] == [["box", "score", "class"]] * 3
    assert [found["class"] for found in record["detections"]] == ["person", "dog", "person"]
    assert record["detections"][1]["box"] == pytest.approx([256, 256, 460.8, 460.8], abs=0.1)
    saved = cv2.imread(str(tmp_path / "out" / "astronaut.png"))[..., ::-1]
    assert (saved[255:260, 300:400] != astronaut()[255:260, 300:400]).any()
    for more, classes in [
        (("--classes", "Dog"), ["dog"]),
        (("--classes", "dog,traffic light", "--score-threshold", "0.85"), []),
        (("--min-size-px", "110", "--input-size", "64"), ["person", "dog"]),
    ]:
        answer = invoke("--json", *objects, *more, picture)
        assert answer.exit_code == 0, answer.stderr
        assert [found["class"] for found in json.loads(answer.stdout)["detections"]] == classes
    assert re.search(r"  dog +0.80 +205 x 205 px at \(256, 256\)", invoke(*objects, picture).stdout)


YOLOX = SHARED / "weights" / "yolox_nano.onnx"


@pytest.mark.skipif(not YOLOX.is_file(), reason="needs ../shared/data/weights/yolox_nano.onnx")
def test_a_published_model_finds_a_person_and_a_cat(picture: Path, tmp_path: Path) -> None:
    cat = write(tmp_path / "chelsea.png", chelsea())
    result = invoke("--json", "--task", "objects", "--model", f"onnx:{YOLOX}", picture, cat)
    assert result.exit_code == 0, result.stderr
    found = [{d["class"] for d in json.loads(line)["detections"]} for line in result.stdout.splitlines()]
    assert "person" in found[0]
    assert "cat" in found[1]


def test_faces_are_named_where_there_is_a_gallery(tmp_path: Path) -> None:
    from face_detect_ros.detectors import catalogue
    from face_detect_ros.faces.embedders import catalogue as embed
    from face_detect_ros.faces.gallery.gallery import Gallery
    from face_detect_ros.images.reading import read_image, sample_file

    path = sample_file("astronaut")
    picture = read_image(path)
    name = catalogue.default_model("faces")
    options = catalogue.default_options(name, task="faces")
    faces = catalogue.create(name, task="faces").detect([picture], options)[0]
    embedder = embed.create()
    gallery = tmp_path / "gallery.sqlite3"
    with Gallery(gallery, embedder.model_id, embedder.model_version) as opened:
        opened.enroll("Eileen", embedder.embed(embedder.chips(picture, faces.select([0]))), str(path))
    result = invoke("--json", "--gallery", gallery, path)
    assert result.exit_code == 0, result.stderr
    best = json.loads(result.stdout)["detections"][0]
    assert best["identity"]["name"] == "Eileen"
    assert best["identity"]["distance"] < 0.01
