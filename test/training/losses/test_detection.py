# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Overlap, assignment and losses against hand-worked cases and finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from face_detect_ros.nn.yolov9.heads import REG_MAX, anchor_points, decode_boxes
from face_detect_ros.training.losses.assignment import assign
from face_detect_ros.training.losses.detection import (
    DetectionLoss,
    Truth,
    distribution_focal_loss,
    losses_to,
)
from face_detect_ros.training.losses.overlap import complete_iou
from face_detect_ros.training.options import AssignmentOptions, LossOptions


def truth(boxes, class_ids, classes, *, crowd=((), ()), unknown=()) -> Truth:
    """Labels of one image."""
    known = torch.ones(1, classes, dtype=torch.bool)
    known[0, list(unknown)] = False
    return Truth(
        torch.tensor(boxes, dtype=torch.float32).reshape(1, -1, 4),
        torch.tensor(class_ids, dtype=torch.int64).reshape(1, -1),
        torch.ones(1, len(class_ids), dtype=torch.bool),
        torch.tensor(crowd[0], dtype=torch.float32).reshape(1, -1, 4),
        torch.tensor(crowd[1], dtype=torch.int64).reshape(1, -1),
        known,
    )


class TestCompleteIou:
    def test_of_equal_boxes_is_one(self) -> None:
        box = torch.tensor([[3.0, 4.0, 13.0, 24.0]])
        assert complete_iou(box, box).item() == pytest.approx(1, abs=1e-6)

    def test_by_hand(self) -> None:
        # 10 x 10 and 10 x 20, shifted: 5 x 10 in common, union 250; centers 5 and 5 apart; outer box 15 x 20
        a, b = torch.tensor([0.0, 0.0, 10.0, 10.0]), torch.tensor([5.0, 0.0, 15.0, 20.0])
        iou, apart = 50 / 250, (5**2 + 5**2) / (15**2 + 20**2)
        aspect = 4 / math.pi**2 * (math.atan(1.0) - math.atan(0.5)) ** 2
        expected = iou - apart - aspect * aspect / (1 - iou + aspect)
        assert complete_iou(a, b).item() == pytest.approx(expected, abs=1e-6)

    def test_apart_boxes_still_pull(self) -> None:
        box = torch.tensor([0.0, 0.0, 4.0, 4.0], dtype=torch.float64, requires_grad=True)
        complete_iou(box, torch.tensor([20.0, 0.0, 24.0, 4.0], dtype=torch.float64)).backward()
        assert box.grad[0] + box.grad[2] > 0  # of moving it to the right

    def test_gradient_is_that_of_finite_differences(self) -> None:
        # of squares of equal shape, where the aspect term, whose weight has no gradient, is zero to first order
        a = torch.tensor([[1.0, 2.0, 9.0, 10.0]], dtype=torch.float64, requires_grad=True)
        b = torch.tensor([[3.0, 3.0, 11.0, 11.0]], dtype=torch.float64)
        assert torch.autograd.gradcheck(lambda box: complete_iou(box, b), (a,), atol=1e-4)


class TestAssignment:
    ANCHORS = torch.tensor([[4.0, 4.0], [12.0, 4.0], [4.0, 12.0], [12.0, 12.0]])

    def assign(self, scores, boxes, true_boxes, true_classes, **options):
        count = len(true_classes)
        return assign(
            torch.tensor([scores]),
            torch.tensor([boxes]),
            self.ANCHORS,
            torch.tensor([true_boxes]).reshape(1, count, 4),
            torch.tensor([true_classes], dtype=torch.int64).reshape(1, count),
            torch.ones(1, count, dtype=torch.bool),
            AssignmentOptions(**options),
        )

    def test_the_best_aligned_anchor_inside_gets_the_overlap_as_its_score(self) -> None:
        true = [0.0, 0.0, 16.0, 16.0]
        boxes = [true, [0.0, 0.0, 16.0, 8.0], true, true]
        scores = [[0.25, 0.9], [0.25, 0.9], [0.04, 0.9], [0.01, 0.9]]
        found = self.assign(scores, boxes, [true], [0], top_k=2)
        # anchor 1 overlaps by half only, so alignment prefers 0 and 2
        assert found.positive.tolist() == [[True, False, True, False]]
        assert found.scores[0, 0].tolist() == pytest.approx([1.0, 0.0], abs=1e-5)
        # sqrt(0.04 / 0.25) of the best one's alignment
        assert found.scores[0, 2].tolist() == pytest.approx([0.4, 0.0], abs=1e-5)
        assert found.boxes[0, 0].tolist() == true

    def test_an_anchor_outside_is_never_taken(self) -> None:
        true = [0.0, 0.0, 8.0, 8.0]
        found = self.assign([[0.5]] * 4, [true] * 4, [true], [0])
        assert found.positive.tolist() == [[True, False, False, False]]

    def test_an_anchor_wanted_by_two_goes_to_the_one_it_overlaps_more(self) -> None:
        small, large = [0.0, 0.0, 8.0, 8.0], [0.0, 0.0, 16.0, 16.0]
        found = self.assign([[0.5, 0.5]] * 4, [small, large, large, large], [small, large], [0, 1])
        assert found.scores[0].argmax(-1).tolist() == [0, 1, 1, 1]
        assert found.boxes[0].tolist() == [small, large, large, large]

    def test_weak_overlaps_are_taken_too(self) -> None:
        true, far_too_large = [0.0, 0.0, 16.0, 16.0], [-200.0, -200.0, 216.0, 216.0]
        found = self.assign([[1e-4]] * 4, [far_too_large] * 4, [true], [0])
        assert found.positive.all()
        expected = complete_iou(torch.tensor(true), torch.tensor(far_too_large)).item()
        assert found.scores.max().item() == pytest.approx(expected, rel=1e-3)

    def test_padding_and_no_box_at_all_give_nothing(self) -> None:
        found = assign(
            torch.full((1, 4, 2), 0.5), torch.zeros(1, 4, 4), self.ANCHORS, torch.zeros(1, 1, 4),
            torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 1, dtype=torch.bool), AssignmentOptions(),
        )  # fmt: skip
        assert not found.positive.any()
        assert not found.scores.any()
        none = self.assign([[0.5]] * 4, [[0.0] * 4] * 4, [], [])
        assert none.scores.shape == (1, 4, 1)
        assert not none.positive.any()

    def test_an_image_is_not_touched_by_its_neighbors_in_the_batch(self) -> None:
        generator = torch.Generator().manual_seed(3)
        scores = torch.rand(2, 4, 2, generator=generator)
        boxes = torch.tensor([[[0.0, 0.0, 16.0, 16.0]] * 4, [[0.0, 0.0, 8.0, 16.0]] * 4])
        true = torch.tensor([[[0.0, 0.0, 16.0, 16.0]], [[0.0, 0.0, 8.0, 16.0]]])
        ids, valid = torch.tensor([[0], [1]]), torch.ones(2, 1, dtype=torch.bool)
        both = assign(scores, boxes, self.ANCHORS, true, ids, valid, AssignmentOptions())
        for row in range(2):
            one = slice(row, row + 1)
            alone = assign(
                scores[one], boxes[one], self.ANCHORS, true[one], ids[one], valid[one], AssignmentOptions()
            )
            torch.testing.assert_close(both.scores[one], alone.scores)


class TestDistributionFocalLoss:
    def test_by_hand(self) -> None:
        logits = torch.zeros(1, 4, REG_MAX)
        assert distribution_focal_loss(logits, torch.full((1, 4), 2.5)).tolist() == [
            pytest.approx([math.log(REG_MAX)] * 4)
        ]

    def test_is_least_where_the_mean_is_the_distance(self) -> None:
        logits = torch.full((1, 1, REG_MAX), -20.0)
        logits[0, 0, 3], logits[0, 0, 4] = math.log(0.75), math.log(0.25)
        at = {d: distribution_focal_loss(logits, torch.tensor([[d]])).item() for d in (3.0, 3.25, 3.5)}
        entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
        assert at[3.25] == pytest.approx(entropy, abs=1e-4)

    @pytest.mark.parametrize("distance", [-3.0, 15.0, 99.0])
    def test_distances_out_of_reach_count_as_the_nearest(self, distance: float) -> None:
        assert torch.isfinite(distribution_focal_loss(torch.zeros(1, 1, REG_MAX), torch.tensor([[distance]])))


class TestDetectionLoss:
    CLASSES = 2

    def levels(self, seed: int = 0) -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        shapes = [(1, 4 * REG_MAX + self.CLASSES, side, side) for side in (8, 4, 2)]
        return [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]

    def test_without_labels_every_cell_is_background(self) -> None:
        levels = self.levels()
        losses = DetectionLoss(self.CLASSES)(levels, None, truth([], [], self.CLASSES))
        logits = torch.cat([level[:, 4 * REG_MAX :].flatten(2) for level in levels], dim=2)
        assert losses.classes.item() == pytest.approx(F.softplus(logits).sum().item(), rel=1e-5)
        assert losses.box.item() == losses.distribution.item() == 0
        losses.total.backward()
        assert all(torch.isfinite(level.grad).all() for level in levels)

    def test_a_perfect_answer_costs_next_to_nothing(self) -> None:
        points = anchor_points([(8, 8), (4, 4), (2, 2)])
        true = torch.tensor([16.0, 16.0, 48.0, 48.0])
        inside = ((points[:, :2] > true[:2]) & (points[:, :2] < true[2:])).all(1)
        flat = torch.full((84, 4 * REG_MAX + self.CLASSES), -30.0)
        distances = torch.cat([points[:, :2] - true[:2], true[2:] - points[:, :2]], 1) / points[:, 2:]
        for row in inside.nonzero().flatten().tolist():
            for side, distance in enumerate(distances[row].tolist()):
                low = int(distance)
                flat[row, side * REG_MAX + low] = math.log(1 - (distance - low) + 1e-12)
                flat[row, side * REG_MAX + low + 1] = math.log(distance - low + 1e-12)
            flat[row, 4 * REG_MAX + 1] = 30.0
        boxes = decode_boxes(flat[None, :, : 4 * REG_MAX], points)
        assert (boxes[0, inside] - true).abs().max() < 0.01
        levels = [
            part.T.reshape(1, -1, side, side)
            for part, side in zip(flat.split((64, 16, 4)), (8, 4, 2), strict=True)
        ]
        options = LossOptions(assignment=AssignmentOptions(top_k=84))
        losses = DetectionLoss(self.CLASSES, options)(levels, None, truth([true.tolist()], [1], self.CLASSES))
        assert losses.classes.item() < 1e-3
        assert losses.box.item() < 1e-3

    def test_gradients_are_those_of_finite_differences(self) -> None:
        generator = torch.Generator().manual_seed(1)
        points = anchor_points([(8, 8), (4, 4), (2, 2)], dtype=torch.float64)
        sides = torch.randn(1, 84, 4 * REG_MAX, generator=generator, dtype=torch.float64).requires_grad_()
        logits = torch.randn(1, 84, self.CLASSES, generator=generator, dtype=torch.float64).requires_grad_()
        labels = truth([[10.0, 12.0, 40.0, 44.0], [30.0, 2.0, 60.0, 20.0]], [0, 1], self.CLASSES)
        with torch.no_grad():
            boxes = decode_boxes(sides, points)
            args = (logits.sigmoid(), boxes, points[:, :2], labels.boxes.double())
            target = assign(*args, labels.class_ids, labels.valid, AssignmentOptions())
        assert target.positive.sum() > 15  # of twice ten, some wanted by both

        def total() -> torch.Tensor:
            return losses_to(target, sides, logits, points, labels, LossOptions()).total

        total().backward()
        for tensor in (sides, logits):
            gradient = tensor.grad.flatten()
            for index in [*gradient.abs().topk(10).indices.tolist(), 0, 100]:
                values = []
                for change in (1e-5, -1e-5):
                    with torch.no_grad():
                        tensor.view(-1)[index] += change
                        values.append(total().item())
                        tensor.view(-1)[index] -= change
                # the weight of CIoU's aspect term has no gradient
                assert (values[0] - values[1]) / 2e-5 == pytest.approx(
                    gradient[index].item(), rel=0.05, abs=1e-4
                )

    def test_autocast_does_not_reach_into_it(self) -> None:
        labels = truth([[10.0, 12.0, 40.0, 44.0]], [0], self.CLASSES)
        levels = [level.bfloat16() for level in self.levels()]
        expected = DetectionLoss(self.CLASSES)([level.float() for level in levels], None, labels)
        with torch.autocast("cpu", torch.bfloat16):
            found = DetectionLoss(self.CLASSES)(levels, None, labels)
        assert found.box.item() == pytest.approx(expected.box.item(), rel=1e-6)
        assert found.total.item() == pytest.approx(expected.total.item(), rel=1e-6)

    def test_the_auxiliary_head_counts_a_quarter(self) -> None:
        main, auxiliary = self.levels(2), self.levels(3)
        labels = truth([[10.0, 12.0, 40.0, 44.0]], [0], self.CLASSES)
        loss = DetectionLoss(self.CLASSES)
        alone, other = loss(main, None, labels), loss(auxiliary, None, labels)
        both = loss(main, auxiliary, labels)
        assert both.total.item() == pytest.approx(alone.total.item() + 0.25 * other.total.item(), rel=1e-5)
        assert both.box.item() == pytest.approx(alone.box.item())

    def test_a_class_that_is_not_labeled_in_an_image_has_no_negatives_there(self) -> None:
        levels = self.levels()
        losses = DetectionLoss(self.CLASSES)(levels, None, truth([], [], self.CLASSES, unknown=[1]))
        losses.total.backward()
        for level in levels:
            assert level.grad[:, 4 * REG_MAX].abs().min() > 0
            assert level.grad[:, 4 * REG_MAX + 1].abs().max() == 0

    def test_but_its_positives_teach(self) -> None:
        levels = self.levels()
        labels = truth([[8.0, 8.0, 56.0, 56.0]], [1], self.CLASSES, unknown=[1])
        DetectionLoss(self.CLASSES)(levels, None, labels).total.backward()
        touched = sum(int((level.grad[:, 4 * REG_MAX + 1] != 0).sum()) for level in levels)
        assert touched == AssignmentOptions().top_k

    def test_a_crowd_silences_its_class_inside_it(self) -> None:
        levels = self.levels()
        labels = truth([], [], self.CLASSES, crowd=([[0.0, 0.0, 32.0, 64.0]], [0]))
        DetectionLoss(self.CLASSES)(levels, None, labels).total.backward()
        finest = levels[0].grad[0]
        assert finest[4 * REG_MAX, :, :4].abs().max() == 0
        assert finest[4 * REG_MAX, :, 4:].abs().min() > 0
        assert finest[4 * REG_MAX + 1].abs().min() > 0
