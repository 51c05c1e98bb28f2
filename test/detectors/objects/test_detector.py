# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What every object detector has in common, around a network that finds bright rectangles."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest

from face_detect_ros.core.errors import ConfigError, DetectorError, ImageError
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.core.protocols import AttentionSource, DetectOptions
from face_detect_ros.detectors.objects.attentive import AttentiveNetworkDetector
from face_detect_ros.detectors.objects.detector import Candidates, NetworkDetector
from face_detect_ros.detectors.objects.input import Canvas

RED, GREEN = (255, 0, 0), (0, 255, 0)
EVERYTHING = DetectOptions(score_threshold=0.0)


class RectangleFinder:
    """Finds red and green rectangles, each twice; the larger, the surer."""

    labels = ("red", "green")
    device = "cpu"

    def __init__(self, longest_px=64, memory=100, overlapping=True):
        self.overlapping = overlapping
        self.batches = []
        self.memory = memory  # images
        self.poison = None
        self.running = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        self._longest_px = longest_px
        self._canvas = Canvas(fill=0)

    def place(self, height, width):
        return Letterbox.within((height, width), self._longest_px)

    def prepare(self, images, places):
        return self._canvas.paint(images, places)

    def run(self, batch):
        self.running.set()
        self.go_on.wait(10)
        self.batches.append(batch.shape)
        if len(batch) > self.memory:
            raise RuntimeError("CUDA out of memory. Tried to allocate 3 GiB")
        return batch

    def decode(self, output, options):
        return [self._decode(pixels, options) for pixels in output]

    def _decode(self, pixels, options):
        boxes, scores, class_ids = [], [], []
        for class_id in range(2):
            if options.class_ids and class_id not in options.class_ids:
                continue
            mask = (pixels[..., class_id] > 127).astype(np.uint8)
            _, _, found, _ = cv2.connectedComponentsWithStats(mask)
            for x, y, width, height, area in found[1:]:
                score = np.sqrt(area) / 64
                boxes += [(x, y, x + width, y + height), (x, y, x + width - 1, y + height)]
                scores += [score, score * 0.9]
                class_ids += [class_id] * 2
        scores = np.array(scores, np.float32)
        if self.poison is not None and len(scores):
            scores[0] = self.poison
        keep = ~(scores < options.score_threshold)
        return Candidates(
            np.array(boxes, np.float32).reshape(-1, 4)[keep], scores[keep], np.array(class_ids, int)[keep]
        )

    def attend(self, batch, box, place, class_id=None):
        heat = np.zeros([side // 8 for side in batch.shape[1:3]], np.float32)
        x, y = ((box[:2] + box[2:]) / 2 / 8).astype(int)
        heat[y, x] = 0.01
        return heat


def picture(*rectangles, height=64, width=64):
    """Black, with (color, x, y, width, height) on it."""
    image = np.zeros((height, width, 3), np.uint8)
    for color, x, y, w, h in rectangles:
        image[y : y + h, x : x + w] = color
    return image


def test_class_names_that_no_message_can_hold_are_refused():
    network = RectangleFinder()
    network.labels = ("red", "gr\ud800n")
    with pytest.raises(ConfigError, match=r"tiny: class name .* is not valid Unicode"):
        NetworkDetector(network, name="tiny")


def test_boxes_come_back_in_the_pixels_of_the_image_best_first():
    image = picture((GREEN, 10, 20, 30, 20), (RED, 60, 0, 68, 64), height=64, width=128)
    (found,) = NetworkDetector(RectangleFinder()).detect([image], EVERYTHING)
    assert found.class_ids.tolist() == [0, 1]
    assert found.scores[0] > found.scores[1]
    np.testing.assert_allclose(found.boxes, [[60, 0, 128, 64], [10, 20, 40, 40]], atol=2)  # one input pixel


def test_of_boxes_that_overlap_the_best_stays_unless_the_network_gives_one_a_thing():
    image = picture((RED, 10, 20, 30, 20))
    (found,) = NetworkDetector(RectangleFinder()).detect([image], EVERYTHING)
    assert len(found) == 1
    (found,) = NetworkDetector(RectangleFinder(overlapping=False)).detect([image], EVERYTHING)
    assert len(found) == 2
    assert found.scores[0] > found.scores[1]
    (found,) = NetworkDetector(RectangleFinder()).detect([image], DetectOptions(0.0, iou_threshold=1.0))
    assert len(found) == 2


@pytest.mark.parametrize(("threshold", "count"), [(0.0, 3), (0.15, 2)])
def test_a_part_of_a_thing_is_less_sure_where_the_network_says_so(threshold, count):
    class Parts(RectangleFinder):
        overlap_factor = 0.5

        def _decode(self, pixels, options):
            boxes = np.array([(0, 0, 40, 40), (0, 0, 40, 20), (48, 48, 60, 60)], np.float32)
            scores = np.array([0.8, 0.28, 0.2], np.float32)
            return Candidates(boxes, scores, np.zeros(3, int))

    (found,) = NetworkDetector(Parts()).detect([picture()], DetectOptions(threshold))
    assert len(found) == count
    np.testing.assert_allclose(found.scores, [0.8, 0.2, 0.14][:count], rtol=1e-6)
    assert found.boxes[1].tolist() == [48, 48, 60, 60]


def test_things_of_two_classes_may_overlap():
    image = picture((RED, 10, 10, 40, 40))
    image[20:50, 10:50, 1] = 255
    (found,) = NetworkDetector(RectangleFinder()).detect([image], EVERYTHING)
    assert found.class_ids.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (EVERYTHING, 3),
        (DetectOptions(0.0, max_detections=2), 2),
        (DetectOptions(0.3), 1),
        (DetectOptions(0.0, min_size_px=10), 2),
        (DetectOptions(0.0, min_size_px=11), 1),
        (DetectOptions(0.0, class_ids=(1,)), 1),
        (DetectOptions(1.0), 0),
    ],
    ids=["all", "most", "score", "as small as allowed", "size", "class", "none"],
)
def test_options_choose(options, count):
    image = picture((RED, 0, 0, 40, 40), (RED, 50, 50, 10, 10), (GREEN, 50, 0, 8, 8))
    (found,) = NetworkDetector(RectangleFinder()).detect([image], options)
    assert len(found) == count


def test_a_batch_gives_what_single_images_give():
    images = [
        picture((RED, 5, 5, 20, 20)),
        picture(height=100, width=30),
        picture((GREEN, 50, 50, 100, 40), height=120, width=300),
        picture((RED, 0, 0, 64, 64)),
        picture((GREEN, 3, 1, 9, 60)),
    ]
    network = RectangleFinder()
    detector = NetworkDetector(network)
    together = detector.detect(images, EVERYTHING)
    assert sorted(shape[0] for shape in network.batches) == [1, 1, 3]  # one batch for each size of input
    for image, found in zip(images, together, strict=True):
        (alone,) = detector.detect([image], EVERYTHING)
        np.testing.assert_array_equal(found.boxes, alone.boxes)
        np.testing.assert_array_equal(found.scores, alone.scores)
    assert detector.detect([], EVERYTHING) == []


def test_no_batch_is_larger_than_allowed():
    network = RectangleFinder()
    found = NetworkDetector(network, largest_batch=3).detect([picture((RED, 1, 1, 9, 9))] * 7, EVERYTHING)
    assert [len(one) for one in found] == [1] * 7
    assert [shape[0] for shape in network.batches] == [3, 3, 1]


def test_out_of_memory_batches_become_smaller_and_stay_so():
    network = RectangleFinder(memory=2)
    detector = NetworkDetector(network)
    images = [picture((RED, 1, 1, 9 + i, 9)) for i in range(5)]
    found = detector.detect(images, EVERYTHING)
    assert [round(float(one.boxes[0, 2])) for one in found] == [10, 11, 12, 13, 14]
    assert [shape[0] for shape in network.batches] == [5, 2, 2, 1]
    detector.detect(images, EVERYTHING)
    assert [shape[0] for shape in network.batches[4:]] == [2, 2, 1]


def test_an_image_that_memory_is_too_small_for_is_an_error_and_the_next_works():
    network = RectangleFinder(memory=0)
    detector = NetworkDetector(network, name="small.pt")
    with pytest.raises(
        DetectorError, match=r"small\.pt: cpu has too little memory for a 64x64 image; give a smal"
    ):
        detector.detect([picture()], EVERYTHING)
    network.memory = 1
    assert len(detector.detect([picture((RED, 1, 1, 9, 9))], EVERYTHING)[0]) == 1


@pytest.mark.parametrize(
    "message",
    ["CUDA out of memory", "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"],
)
def test_every_kind_of_lack_of_memory_is_known(message):
    class Full(RectangleFinder):
        def run(self, batch):
            self.batches.append(batch.shape)
            if len(batch) > 1:
                raise RuntimeError(message)
            return batch

    network = Full()
    NetworkDetector(network).detect([picture()] * 3, EVERYTHING)
    assert [shape[0] for shape in network.batches] == [3, 1, 1, 1]


def test_another_failure_of_the_network_names_model_and_image():
    class Broken(RectangleFinder):
        def run(self, batch):
            raise RuntimeError("shapes\n  do not match")

    with pytest.raises(DetectorError, match=r"my\.pt failed on a 64x32 image: shapes do not match"):
        NetworkDetector(Broken(), name="my.pt").detect([picture(height=32)], EVERYTHING)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_output_that_is_not_finite_is_an_error_and_not_a_box(value):
    network = RectangleFinder()
    network.poison = value
    images = [picture(), picture((RED, 1, 1, 9, 9), height=32)]
    with pytest.raises(DetectorError, match=r"my\.pt: .* image 2 \(64x32\) is not finite; set precision"):
        NetworkDetector(network, name="my.pt").detect(images, DetectOptions())


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8), None],
)
def test_what_is_no_image_is_refused_before_anything_runs(image):
    network = RectangleFinder()
    with pytest.raises(ImageError):
        NetworkDetector(network).detect([picture(), image], EVERYTHING)
    with pytest.raises(ImageError):
        AttentiveNetworkDetector(network).attention(image, np.array([1, 1, 2, 2]))
    assert network.batches == []


def test_a_class_that_the_model_lacks_is_refused():
    with pytest.raises(ConfigError, match=r"class_ids \(0, 2\): my\.pt has 2 classes"):
        NetworkDetector(RectangleFinder(), name="my.pt").detect([picture()], DetectOptions(class_ids=(0, 2)))


def test_a_closed_detector_says_so():
    detector = NetworkDetector(RectangleFinder(), name="my.pt")
    detector.close()
    detector.close()
    with pytest.raises(DetectorError, match=r"my\.pt is closed"):
        detector.detect([picture()], EVERYTHING)


def test_closing_lets_a_call_in_another_thread_end_well():
    network = RectangleFinder()
    network.go_on.clear()
    detector = NetworkDetector(network)
    results = []
    thread = threading.Thread(
        target=lambda: results.append(detector.detect([picture((RED, 1, 1, 9, 9))], EVERYTHING))
    )
    thread.start()
    assert network.running.wait(10)
    detector.close()
    network.go_on.set()
    thread.join(10)
    assert len(results[0][0]) == 1


def test_times_are_of_the_latest_call():
    detector = NetworkDetector(RectangleFinder())
    detector.warmup()
    times = detector.times
    assert min(times.pre_ms, times.network_ms, times.post_ms) > 0
    detector.detect([], EVERYTHING)
    assert detector.times.network_ms == 0


@pytest.mark.parametrize(("height", "width"), [(64, 64), (90, 200), (200, 90)])
def test_attention_lies_over_the_image_without_the_padding(height, width):
    x, y, side = width // 2, height // 4, 24
    image = picture((RED, x, y, side, side), height=height, width=width)
    detector = AttentiveNetworkDetector(RectangleFinder())
    (found,) = detector.detect([image], EVERYTHING)
    heat = detector.attention(image, found.boxes[0])
    assert heat.shape == (height, width)
    assert heat.dtype == np.float32
    assert heat.min() >= 0
    assert heat.max() == 1
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    cell = 8 * max(height, width) / 64
    assert abs(column - (x + side / 2)) <= cell
    assert abs(row - (y + side / 2)) <= cell


@pytest.mark.parametrize("factor", [np.nan, 0])
def test_attention_to_nothing_is_an_error(factor):
    class Blind(RectangleFinder):
        def attend(self, batch, box, place, class_id=None):
            return super().attend(batch, box, place) * np.float32(factor)

    with pytest.raises(DetectorError, match="is empty or not finite"):
        AttentiveNetworkDetector(Blind()).attention(picture(), np.array([1, 1, 9, 9]))


def test_only_what_gives_attention_looks_like_a_source_of_it():
    assert isinstance(AttentiveNetworkDetector(RectangleFinder()), AttentionSource)
    assert not isinstance(NetworkDetector(RectangleFinder()), AttentionSource)


def test_attention_of_a_closed_detector_is_an_error():
    detector = AttentiveNetworkDetector(RectangleFinder())
    detector.close()
    with pytest.raises(DetectorError, match="closed"):
        detector.attention(picture(), np.array([1, 1, 9, 9]))
