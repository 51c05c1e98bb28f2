# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Are two faces one person? Figures from the distances of many pairs; a pair is accepted below a threshold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

FALSE_ACCEPT_RATES = (0.0, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)

_Z = 1.959964  # of a normal distribution: 95 % lie within so many deviations


def best_threshold(distances: np.ndarray, same: np.ndarray) -> float:
    """The threshold that judges most pairs correctly, halfway between two distances.

    Args:
        distances: (P,).
        same: (P,) bool. Of several equally good thresholds the lowest wins, because a false accept is the worse
            mistake.
    """
    order = np.argsort(distances, kind="stable")
    values, hits = distances[order], same[order]
    # right with the k nearest accepted, k = 0..P
    right = np.concatenate([[0], np.cumsum(hits)]) + np.concatenate([np.cumsum(~hits[::-1])[::-1], [0]])
    edges = np.concatenate([[values[0] - 1.0], values, [values[-1] + 1.0]])
    possible = edges[1:] > edges[:-1]  # no threshold separates equal distances
    best = int(np.where(possible, right, -1).argmax())
    return float((edges[best] + edges[best + 1]) / 2)


def accuracy_by_fold(
    distances: np.ndarray, same: np.ndarray, folds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Judge each fold by the best threshold of the other folds.

    Args:
        distances: (P,).
        same: (P,) bool.
        folds: (P,) from 0 on, at least 2 different ones.

    Returns:
        (F,) accuracies and (F,) thresholds.
    """
    accuracies, thresholds = [], []
    for fold in np.unique(folds):
        inside = folds == fold
        threshold = best_threshold(distances[~inside], same[~inside])
        accuracies.append(((distances[inside] < threshold) == same[inside]).mean())
        thresholds.append(threshold)
    return np.array(accuracies), np.array(thresholds)


def true_accept_rate(
    distances: np.ndarray, same: np.ndarray, false_accept_rate: float
) -> tuple[float, float]:
    """Share of the pairs of one person that are accepted at a given rate of false accepts.

    Args:
        distances: (N,) of the pairs.
        same: (N,) bool: pairs of one person.
        false_accept_rate: At most this share of the other pairs is accepted. With fewer than 1 / `false_accept_rate` of
            them that means none.

    Returns:
        The share, and the highest threshold that allows it.
    """
    others = np.sort(distances[~same])
    allowed = int(false_accept_rate * len(others) + 1e-9)
    threshold = float(others[min(allowed, len(others) - 1)])
    return float((distances[same] < threshold).mean()), threshold


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a rate that was seen `successes` times in `trials`; (0, 1) without any."""
    if not trials:
        return 0.0, 1.0
    rate, spread = successes / trials, _Z**2 / trials
    middle = (rate + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(rate * (1 - rate) / trials + spread / (4 * trials)) / (1 + spread)
    # rounding must not exclude what was seen
    return max(0.0, min(middle - half, rate)), min(1.0, max(middle + half, rate))


def rates_at(threshold: float, distances: np.ndarray, same: np.ndarray) -> dict[str, Any]:
    """What a threshold accepts, ready for JSON.

    Args:
        threshold: Pairs nearer than this are accepted.
        distances: (P,).
        same: (P,) bool.

    Returns:
        tar, far: Shares accepted of the pairs of one person and of the others; tar_interval, far_interval: Wilson's
        95 % intervals [low, high] of both, for this threshold.
    """
    figures: dict[str, Any] = {}
    for name, chosen in (("tar", same), ("far", ~same)):
        accepted, total = int((distances[chosen] < threshold).sum()), int(chosen.sum())
        figures[name] = round(accepted / total, 4) if total else None
        figures[f"{name}_interval"] = [round(edge, 4) for edge in wilson(accepted, total)]
    return figures


def area_under_curve(distances: np.ndarray, same: np.ndarray) -> float:
    """Chance that a pair of one person is nearer than a pair of two; equal distances count half.

    Args:
        distances: (N,) between the two embeddings of each pair.
        same: (N,) bool; both images show one person.
    """
    others = np.sort(distances[~same])
    below = np.searchsorted(others, distances[same], side="left")
    up_to = np.searchsorted(others, distances[same], side="right")
    return float(1.0 - ((below + up_to) / 2).mean() / len(others))


def verification_figures(distances: np.ndarray, same: np.ndarray, folds: np.ndarray) -> dict[str, Any]:
    """Figures of how well pairs of one person are told from pairs of two, ready for JSON.

    Args:
        distances: (N,) between the two embeddings of each pair.
        same: (N,) bool; both images show one person.
        folds: (N,) int; the fold of each pair. A list of one fold is dealt out to ten.

    Returns:
        accuracy and accuracy_std over the folds, each by the threshold of the others; threshold, the mean of those;
        tar_at_far_1e-3 and its Wilson interval of 95 %; roc, for each of FALSE_ACCEPT_RATES far_at_most, threshold and
        what `rates_at` gives; auc; pairs.
    """
    if len(np.unique(folds)) < 2:
        # dealt out kind by kind, so that each has as many pairs of one person as the others
        folds = np.empty(len(same), np.int64)
        for kind in (True, False):
            folds[same == kind] = np.arange((same == kind).sum()) % min(10, int((same == kind).sum()))
    accuracies, thresholds = accuracy_by_fold(distances, same, folds)
    roc = []
    for rate in FALSE_ACCEPT_RATES:
        _, threshold = true_accept_rate(distances, same, rate)
        roc.append(
            {
                "far_at_most": rate,
                "threshold": round(threshold, 4),
                **rates_at(threshold, distances, same),
            }
        )
    strict = roc[FALSE_ACCEPT_RATES.index(1e-3)]
    return {
        "accuracy": round(float(accuracies.mean()), 4),
        "accuracy_std": round(float(accuracies.std()), 4),
        "threshold": round(float(thresholds.mean()), 4),
        "tar_at_far_1e-3": strict["tar"],
        "tar_at_far_1e-3_interval": strict["tar_interval"],
        "roc": roc,
        "auc": round(area_under_curve(distances, same), 5),
        "pairs": len(same),
    }
