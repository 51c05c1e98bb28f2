# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every layout of outputs that is understood. Another one is a file here and a line in this list."""

from __future__ import annotations

from face_detect_ros.detectors.onnx.layouts import (
    boxes_scores,
    detr,
    fastestdet,
    mmdeploy,
    nanodet,
    rf_detr,
    rt_detr,
    rt_detr_rows,
    ssd,
    yolo,
    yolo_batched,
    yolo_end2end,
    yolo_fastestv2,
    yolo_keypoints,
    yolo_masks,
    yolo_objectness,
    yolox,
)
from face_detect_ros.detectors.onnx.layouts.layout import Layout

_LAYOUTS: tuple[Layout, ...] = (
    yolo.Columns(),
    yolo.Rows(),
    yolo_objectness.WithObjectness(),
    yolo_end2end.End2End(),
    yolo_masks.ColumnsWithMasks(),
    yolo_masks.End2EndWithMasks(),
    yolo_keypoints.ColumnsWithKeypoints(),
    yolo_keypoints.End2EndWithKeypoints(),
    yolo_batched.Batched(),
    yolox.Yolox(),
    yolox.YoloxDecoded(),
    rt_detr.RtDetr(),
    rt_detr_rows.UltralyticsRtDetr(),
    rf_detr.RfDetr(),
    rf_detr.RfDetrWithMasks(),
    detr.Detr(),
    mmdeploy.MmDeploy(),
    nanodet.NanoDet(),
    nanodet.NanoDetLevels(),
    fastestdet.FastestDet(),
    yolo_fastestv2.YoloFastestV2(),
    ssd.Ssd(),
    boxes_scores.BoxesScores(),
)
LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in _LAYOUTS}
"""By the names that metadata uses."""
