# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The YOLOv9 detector on random weights that find things: thresholds, batches, precision, attention, bad input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from helpers.networks import narrow  # noqa: E402

from face_detect_ros.benchmarks import photos, random_models  # noqa: E402
from face_detect_ros.core import boxes as box_geometry  # noqa: E402
from face_detect_ros.core.detections import Detections  # noqa: E402
from face_detect_ros.core.errors import ConfigError, DetectorError, DeviceError, WeightsError  # noqa: E402
from face_detect_ros.core.letterbox import Letterbox  # noqa: E402
from face_detect_ros.core.protocols import AttentionSource, DetectOptions  # noqa: E402
from face_detect_ros.detectors import catalogue  # noqa: E402
from face_detect_ros.detectors.yolov9 import detector as yolov9  # noqa: E402
from face_detect_ros.nn import devices, recorded  # noqa: E402
from face_detect_ros.nn.yolov9.activation import ClassActivation  # noqa: E402
from face_detect_ros.nn.yolov9.network import Predictions, YoloV9  # noqa: E402
from face_detect_ros.nn.yolov9.variants import VARIANTS  # noqa: E402
from face_detect_ros.zoo.published import coco, packaged  # noqa: E402
from face_detect_ros.zoo.yolov9 import weights as yolov9_weights  # noqa: E402

SIZE = 192
OPTIONS = catalogue.OBJECT_OPTIONS
CPU = torch.device("cpu")
WHOLE = VARIANTS["t"]


@pytest.fixture(autouse=True)
def unrecorded(request, monkeypatch):
    """Recordings take a second each; the tests of them make some."""
    if "record" not in request.node.name:
        monkeypatch.setattr(recorded, "MOST_SHAPES", 0)


@pytest.fixture(scope="module", autouse=True)
def shallow():
    """YOLOv9-t is less deep here, but for the packaged model: more of the same takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VARIANTS, "t", replace(WHOLE, depth=1))
        yield


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return random_models.yolov9_file(tmp_path_factory.mktemp("weights"), "t")


@pytest.fixture(scope="module")
def attention_file(tmp_path_factory):
    return random_models.yolov9_file(tmp_path_factory.mktemp("weights"), "t", attention=True)


@pytest.fixture(scope="module")
def detector(file):
    return yolov9.create("cpu", file, "float32", SIZE)


@pytest.fixture(scope="module")
def photo():
    return photos.photo(192, 144)


@pytest.fixture
def altered(tmp_path, file):
    """A weights file whose network a function has changed: `altered(lambda model: ...)`."""

    def make(change, labels=coco.CLASSES):
        loaded = yolov9_weights.load(file)
        with torch.no_grad():
            change(loaded.model)
        path = tmp_path / "altered.safetensors"
        yolov9_weights.save(path, loaded.model, labels, input_size=640)
        return path

    return make


def test_the_catalogue_makes_it(file, photo):
    detector = catalogue.create(f"yolov9:{file}", task="objects", device="cpu", input_size=SIZE)
    assert detector.labels == coco.CLASSES
    assert detector.device == "cpu"
    detector.warmup()
    (found,) = detector.detect([photo], OPTIONS)
    assert 1 < len(found) <= OPTIONS.max_detections
    assert (np.diff(found.scores) <= 0).all()
    assert (found.scores >= OPTIONS.score_threshold).all()
    assert (found.boxes[:, :2] >= 0).all()
    assert (found.boxes[:, 2:] <= [192, 144]).all()
    detector.close()
    with pytest.raises(DetectorError, match=r"yolov9:.*\.safetensors is closed"):
        detector.detect([photo], OPTIONS)


def plainly(output: Predictions, place: Letterbox, options: DetectOptions, every_label: bool) -> np.ndarray:
    """(K, 6) box, score, class of one image: loops over what the network says of every cell."""
    rows = []
    for box, scores in zip(output.boxes[0].numpy(), output.scores[0].numpy(), strict=True):
        for class_id in range(len(scores)) if every_label else [int(scores.argmax())]:
            wanted = not options.class_ids or class_id in options.class_ids
            if wanted and scores[class_id] >= options.score_threshold:
                rows.append([*box, scores[class_id], class_id])
    rows = np.array(rows, np.float32).reshape(-1, 6)
    height, width = place.original
    boxes = box_geometry.clip(place.boxes_to_image(rows[:, :4]), width, height)
    kept = box_geometry.nms(boxes, rows[:, 4], rows[:, 5], options.iou_threshold)[: options.max_detections]
    return np.concatenate([boxes, rows[:, 4:]], axis=1)[kept]


def matched(a: Detections, b: Detections, iou: float = 0.95) -> float:
    """The share of `a` that `b` has too: class and place. Rounding may turn a choice between two that overlap."""
    same_class = a.class_ids[:, None] == b.class_ids
    overlap = np.where(same_class, box_geometry.iou(a.boxes, b.boxes), 0)
    return float((overlap.max(axis=1, initial=0) > iou).mean()) if len(a) else 1.0


@pytest.mark.parametrize(
    ("options", "every_label"),
    [
        (OPTIONS, False),
        (DetectOptions(0.5, 0.3, max_detections=7), False),
        (DetectOptions(0.2, 0.6), False),
        (DetectOptions(0.2, 0.6, class_ids=tuple(range(0, 80, 2))), False),
        (DetectOptions(0.05, 0.7, max_detections=300, class_ids=(3, 40)), True),
        (DetectOptions(0.05, 0.7, max_detections=300), True),
        (DetectOptions(1.0), False),
    ],
    ids=["default", "few", "low", "half of the classes", "two classes, evaluation", "evaluation", "nothing"],
)
def test_it_finds_what_loops_over_the_networks_output_find(detector, options, every_label):
    image = photos.photo(150, 130)
    network = detector.network
    place = network.place(*image.shape[:2])
    output = Predictions(*(values.clone() for values in network.run(network.prepare([image], [place]))))
    expected = plainly(output, place, options, every_label)
    (found,) = detector.detect([image], options)
    np.testing.assert_array_equal(found.scores, expected[:, 4])
    order = np.lexsort((found.boxes[:, 1], found.boxes[:, 0], found.class_ids, -found.scores))
    expected = expected[np.lexsort((expected[:, 1], expected[:, 0], expected[:, 5], -expected[:, 4]))]
    np.testing.assert_array_equal(found.class_ids[order], expected[:, 5])
    np.testing.assert_array_equal(found.boxes[order], expected[:, :4])


def test_a_class_filter_gives_a_part_of_what_is_found_without_it(detector):
    photo = photos.photo(160, 120)  # of no box are two classes the best
    everything = DetectOptions(0.2, max_detections=1000)
    (found,) = detector.detect([photo], everything)
    wanted = tuple(np.unique(found.class_ids)[::2].tolist())
    (some,) = detector.detect([photo], DetectOptions(0.2, max_detections=1000, class_ids=wanted))
    part = found.select(np.isin(found.class_ids, wanted))
    assert 0 < len(some) < len(found)
    np.testing.assert_array_equal(some.boxes, part.boxes)
    np.testing.assert_array_equal(some.class_ids, part.class_ids)


def test_low_thresholds_give_every_class_of_a_box_and_others_the_best(detector):
    scores = torch.zeros(1, 84, 80)
    scores[0, 5, [7, 9]] = torch.tensor([0.6, 0.7])
    output = Predictions(torch.tensor([[[1.0, 2.0, 30.0, 40.0]]]).expand(1, 84, 4).clone(), scores)
    network = detector.network
    (best,) = network.decode(output, DetectOptions(yolov9.EVERY_LABEL_BELOW))
    assert best.class_ids.tolist() == [9]
    (every,) = network.decode(output, DetectOptions(yolov9.EVERY_LABEL_BELOW - 0.01))
    assert every.class_ids.tolist() == [9, 7]
    np.testing.assert_allclose(every.scores, [0.7, 0.6])
    (none,) = network.decode(output, DetectOptions(0.5, class_ids=(7,)))
    assert none.class_ids.tolist() == []  # it is rather a 9
    (low,) = network.decode(output, DetectOptions(0.01, class_ids=(7, 3)))
    assert low.class_ids.tolist() == [7]


@pytest.mark.parametrize(
    ("threshold", "most"), [(0.2, yolov9.MOST_CANDIDATES), (0.05, yolov9.MOST_LABELED_CANDIDATES)]
)
def test_candidates_are_bounded_and_the_best_are_kept(detector, threshold, most):
    scores = torch.rand(2, 4000, 80, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.3
    output = Predictions(torch.rand(2, 4000, 4), scores)
    for index, found in enumerate(detector.network.decode(output, DetectOptions(threshold))):
        of_one = (
            scores[index].amax(dim=1) if threshold > yolov9.EVERY_LABEL_BELOW else scores[index].flatten()
        )
        np.testing.assert_array_equal(found.scores, of_one.sort(descending=True).values[:most].numpy())


@pytest.mark.parametrize("threshold", [0.35, 0.05])
@pytest.mark.parametrize("class_ids", [(), (0, 7, 33)], ids=["all classes", "three"])
def test_looking_at_a_fixed_number_as_on_a_gpu_gives_the_same(
    detector, photo, monkeypatch, threshold, class_ids
):
    network = detector.network
    output = network.run(network.prepare([photo], [network.place(*photo.shape[:2])]))
    options = DetectOptions(threshold, class_ids=class_ids)
    (here,) = network.decode(output, options)
    monkeypatch.setattr(yolov9, "_count", lambda scores, threshold, most: min(most, scores.shape[1]))
    (there,) = network.decode(output, options)
    np.testing.assert_array_equal(there.scores, here.scores)
    np.testing.assert_array_equal(np.sort(there.boxes, axis=0), np.sort(here.boxes, axis=0))
    np.testing.assert_array_equal(np.sort(there.class_ids), np.sort(here.class_ids))


def test_a_batch_gives_what_single_images_give(detector, photo):
    images = [photo, photos.photo(100, 150), photo[::-1], photos.photo(384, 288)]
    together = detector.detect(images, OPTIONS)
    for image, found in zip(images, together, strict=True):
        (alone,) = detector.detect([image], OPTIONS)
        assert matched(found, alone) > 0.8
        assert matched(alone, found) > 0.8


def test_boxes_follow_the_image_into_larger_pixels(detector, photo):
    (small,) = detector.detect([photo], OPTIONS)
    (large,) = detector.detect([photo.repeat(2, axis=0).repeat(2, axis=1)], OPTIONS)  # halved exactly
    np.testing.assert_array_equal(large.boxes, 2 * small.boxes)
    np.testing.assert_array_equal(large.scores, small.scores)


@pytest.mark.skipif(
    devices.choose_dtype("auto", CPU) == torch.float32, reason="this CPU computes in float32 alone"
)
def test_the_fast_precision_counts_no_more_than_a_little_noise_in_the_image(file):
    """Its mean effect on boxes and scores is at most that of one gray level more or less, which no camera avoids.

    Random weights amplify both far more than trained ones do.
    """
    image = photos.photo(640, 480)
    noise = np.random.default_rng(0).integers(-1, 2, image.shape)
    noisy = np.clip(image.astype(int) + noise, 0, 255).astype(np.uint8)
    exact, fast = (yolov9.create("cpu", file, precision).network for precision in ("float32", "auto"))
    place = exact.place(*image.shape[:2])
    expected = exact.run(exact.prepare([image], [place]))
    rounded = fast.run(fast.prepare([image], [place]))
    disturbed = exact.run(exact.prepare([noisy], [place]))
    for ours, limit, plain in zip(rounded, disturbed, expected, strict=True):
        assert ours.dtype == torch.float32
        assert (ours - plain).abs().mean() < 1.2 * (limit - plain).abs().mean()


def test_recorded_calls_answer_as_the_network_does(file):
    model = yolov9_weights.load(file).model.fuse()
    calls = recorded.Recorded(model)
    random = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        for shape in ((1, 3, 64, 96), (2, 3, 64, 64)):
            for _ in range(3):
                images = torch.rand(shape, generator=random)
                for ours, plain in zip(calls(images), model(images), strict=True):
                    torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-4)
    assert list(calls._calls) == [(1, 3, 64, 96)]  # of batches Python takes little
    assert all(isinstance(call, torch.jit.ScriptModule) for call in calls._calls.values())


def test_the_detector_records_what_comes_again(file, photo):
    detector = yolov9.create("cpu", file, "auto", SIZE)
    first, second, third = (detector.detect([photo], OPTIONS)[0] for _ in range(3))
    assert detector.network._forward._calls
    for again in (second, third):
        assert matched(first, again, 0.8) > 0.8


class Twice(torch.nn.Module):
    def forward(self, x):
        return (x * 2,)


@pytest.mark.parametrize(
    ("sizes", "recordings"),
    [
        ((1, 1), [1]),  # a warm-up
        ((1, 2, 3, 1, 2, 3, 1, 1), []),  # a folder
        ((1, 2, 2, 2), []),
        ((1, 2, 2, 2, 2), [2]),  # a camera
        ((1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3), [1, 2]),  # no more than allowed
    ],
)
def test_shapes_are_recorded_when_they_come_again_and_again(monkeypatch, sizes, recordings):
    monkeypatch.setattr(recorded, "MOST_SHAPES", 2)
    monkeypatch.setattr(recorded, "RECORD_AFTER", 4)
    calls = recorded.Recorded(Twice().eval())
    with torch.inference_mode():
        for size in sizes:
            assert calls(torch.ones(1, size))[0].tolist() == [[2.0] * size]
    assert sorted(calls._calls) == [(1, size) for size in recordings]


class Fickle(torch.nn.Module):
    """Python decides by the numbers, which a recording cannot."""

    def forward(self, x):
        return (x * 2 if x.sum() > 0 and self.calls() else x,)

    def calls(self):
        self.count = getattr(self, "count", 0) + 1
        return self.count % 2


def test_what_cannot_be_recorded_is_called_as_it_is():
    network = Fickle().eval()
    calls = recorded.Recorded(network)
    with torch.inference_mode():
        for _ in range(3):
            calls(torch.ones(1, 2))
    assert calls._calls[(1, 2)] is network


def test_attention_lies_over_the_image_and_depends_on_the_box(attention_file, photo):
    detector = catalogue.create(
        f"yolov9-attn:{attention_file}", task="objects", device="cpu", input_size=SIZE
    )
    assert isinstance(detector, AttentionSource)
    (found,) = detector.detect([photo], OPTIONS)
    heats = [detector.attention(photo, box) for box in found.boxes[:3]]
    for heat in heats:
        assert heat.shape == photo.shape[:2]
        assert heat.dtype == np.float32
        assert heat.max() == 1
        assert heat.min() >= 0
    assert any(np.abs(heats[0] - other).max() > 1e-3 for other in heats[1:])


def test_the_heat_map_is_of_the_class_and_of_the_cell_whose_box_it_is(detector):
    photo = photos.photo(160, 120)  # no two cells have the same box
    network = detector.network
    place = network.place(*photo.shape[:2])
    batch = network.prepare([photo], [place])
    activation = ClassActivation(network._model, batch)
    (found,) = detector.detect([photo], OPTIONS)
    scores = network.run(batch).scores[0].numpy()
    for box, score, class_id in list(zip(found.boxes, found.scores, found.class_ids, strict=True))[:5]:
        index = int(np.abs(scores[:, class_id] - score).argmin())
        ours = network.attend(batch, place.boxes_to_input(box[None])[0], place, class_id)
        np.testing.assert_allclose(ours, activation.of(index, int(class_id)), rtol=1e-4, atol=1e-6)
        other = network.attend(batch, place.boxes_to_input(box[None])[0], place, int(class_id) - 1)
        assert np.abs(ours - other).max() > 1e-6


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_heat_maps_of_the_packaged_model_lie_on_what_it_found(monkeypatch, precision):
    """On the astronaut: a face high in the image and a person that fills most of it."""
    monkeypatch.setitem(VARIANTS, "t", WHOLE)
    detector = yolov9.create_with_attention("cpu", packaged.locate("yolov9_robot.safetensors"), precision)
    photo = photos.photo(512, 512)
    (found,) = detector.detect([photo], OPTIONS)
    inside = {}
    for label in ("person", "face"):
        index = int(np.flatnonzero(found.class_ids == detector.labels.index(label))[0])
        heat = detector.attention(photo, found.boxes[index], int(found.class_ids[index]))
        left, top, right, bottom = found.boxes[index].round().astype(int)
        row, column = np.unravel_index(heat.argmax(), heat.shape)
        assert left <= column < right, label
        assert top <= row < bottom, label
        inside[label] = heat[top:bottom, left:right].sum() / heat.sum()
    assert min(inside.values()) > 0.5, inside


def test_attention_that_is_not_trained_finds_what_the_network_without_it_finds(file, photo):
    (plain,) = yolov9.create("cpu", file, "float32", SIZE).detect([photo], OPTIONS)
    (attentive,) = yolov9.create_with_attention("cpu", file, "float32", SIZE).detect([photo], OPTIONS)
    np.testing.assert_array_equal(plain.boxes, attentive.boxes)
    np.testing.assert_array_equal(plain.scores, attentive.scores)


@pytest.mark.parametrize("size", [-32, 16, 300, 8192])
def test_an_input_size_that_does_not_fit_is_refused(file, size):
    with pytest.raises(ConfigError, match=f"input_size {size}: give a multiple of 32"):
        yolov9.create("cpu", file, "float32", size)


def test_the_input_size_is_the_files_unless_told(file):
    network = yolov9.create("cpu", file, "float32").network
    assert network.place(480, 640) == Letterbox.within((480, 640), 640)


@pytest.mark.parametrize("device", ["cuda:7", "gpu"])
def test_a_device_that_is_not_here_is_refused_before_the_file_is_read(tmp_path, device):
    with pytest.raises(DeviceError, match=f"device '{device}'"):
        yolov9.create(device, tmp_path / "none.pt")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.pt"):
        yolov9.create("cpu", tmp_path / "none.pt")


def test_weights_that_are_not_finite_are_refused(altered):
    path = altered(lambda model: model.head.classes[0][-1].bias.fill_(np.nan))
    with pytest.raises(WeightsError, match=r"altered\.safetensors: .* not finite"):
        yolov9.create("cpu", path, "float32")


def test_weights_too_large_for_the_precision_are_refused(altered):
    path = altered(lambda model: model.head.classes[0][-1].bias.fill_(1e5))
    loaded = yolov9_weights.load(path)
    with pytest.raises(
        WeightsError, match=r"my\.pt: holds weights that are not finite in float16; try precision fl"
    ):
        yolov9.YoloV9Network(loaded, CPU, torch.float16, 0, "my.pt")


def test_output_that_is_not_finite_is_an_error_that_names_model_and_image(altered, photo):
    def overflow(model):
        model.head.boxes[1][-1].weight.fill_(3e38)

    detector = yolov9.create("cpu", altered(overflow), "float32", SIZE)
    with pytest.raises(
        DetectorError, match=r"yolov9:.*altered\.safetensors.* image 1 \(192x144\) is not finite"
    ):
        detector.detect([photo], OPTIONS)


def test_labels_of_another_number_than_classes_are_refused(file):
    loaded = replace(yolov9_weights.load(file), labels=("valve", "pump"))
    with pytest.raises(WeightsError, match=r"my\.pt: 80 classes, but 2 labels"):
        yolov9.YoloV9Network(loaded, CPU, torch.float32, 0, "my.pt")


def test_two_instances_side_by_side(file, photo):
    first, second = (yolov9.create("cpu", file, "float32", size) for size in (SIZE, 96))
    (a,) = first.detect([photo], OPTIONS)
    second.detect([photo], OPTIONS)
    (b,) = first.detect([photo], OPTIONS)
    np.testing.assert_allclose(a.boxes, b.boxes, atol=0.01)


def test_other_classes_than_coco(photo, tmp_path):
    model = random_models.yolov9("t", classes=2)
    path = tmp_path / "two.safetensors"
    yolov9_weights.save(path, model, ("valve", "pump"), input_size=SIZE)
    detector = yolov9.create("cpu", path, "float32")
    (found,) = detector.detect([photo], OPTIONS)
    assert detector.labels == ("valve", "pump")
    assert set(found.class_ids.tolist()) <= {0, 1}
    assert len(found)


def test_its_onnx_file_finds_the_same(tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from face_detect_ros.detectors.export.onnx_file import export_onnx

    monkeypatch.setitem(VARIANTS, "t", narrow(VARIANTS["t"]))
    torch.manual_seed(0)
    weights, exported = tmp_path / "plain.safetensors", tmp_path / "plain.onnx"
    # as it is made: what amplifies no rounding, so that every cell can be compared
    yolov9_weights.save(weights, YoloV9("t", 2), ("valve", "pump"), input_size=96)
    export_onnx(f"yolov9:{weights}", exported)
    image = photos.photo(96, 96)
    everything = DetectOptions(0.0, 0.3, max_detections=20)
    results = [
        catalogue.create(name, task="objects", device="cpu", precision="float32").detect([image], everything)[
            0
        ]
        for name in (f"yolov9:{weights}", f"onnx:{exported}")
    ]
    assert len(results[0]) == len(results[1]) > 0
    np.testing.assert_allclose(results[0].scores, results[1].scores, atol=1e-4)
    assert matched(*results) == 1
