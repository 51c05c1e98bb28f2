# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Names of tensors in published checkpoints, as they were read off networks built by the publishers' own code."""

import pytest
import torch

from face_detect_ros.nn.yolov9.network import YoloV9
from face_detect_ros.zoo.yolov9 import layouts as yolov9_layouts

LAYOUTS = [
    *((variant, layout) for variant in "tsmce" for layout in ("plain", "dual")),
    *((variant, "mit") for variant in "tsmc"),
    *((variant, "libre") for variant in "tsmc"),
]

PUBLISHED = {
    ("t", "libre"): {
        "backbone.conv1.conv.weight": "backbone.conv0.conv.weight",
        "backbone.elan2.conv3.conv.weight": "backbone.elan1.cv3.conv.weight",
        "backbone.down3.conv.conv.weight": "backbone.down2.cv.conv.weight",
        "backbone.down3.conv.bn.bias": "backbone.down2.cv.bn.bias",
        "backbone.elan3.conv2.0.bottlenecks.1.conv1.conv2.conv.weight": (
            "backbone.elan2.cv2.0.m.1.cv1.conv2.conv.weight"
        ),
        "backbone.elan5.conv3.1.conv.weight": "backbone.elan4.cv3.1.conv.weight",
        "pooling.conv5.bn.num_batches_tracked": "backbone.spp.cv5.bn.num_batches_tracked",
        "top_down.elan4.conv1.conv.weight": "neck.elan_up1.cv1.conv.weight",
        "top_down.elan3.conv4.conv.weight": "neck.elan_up2.cv4.conv.weight",
        "bottom_up.down4.conv.conv.weight": "neck.down1.cv.conv.weight",
        "bottom_up.elan5.conv4.bn.bias": "neck.elan_down2.cv4.bn.bias",
        "head.boxes.1.1.conv.weight": "head.cv2.1.1.conv.weight",
        "head.classes.0.2.weight": "head.cv3.0.2.weight",
        "auxiliary.pooling.conv1.conv.weight": "aux.spp.cv1.conv.weight",
        "auxiliary.top_down.elan3.conv4.conv.weight": "aux.elan_a3.cv4.conv.weight",
        "auxiliary.head.classes.2.2.bias": "aux_head.cv3.2.2.bias",
    },
    ("c", "libre"): {
        "backbone.down3.conv1.conv.weight": "backbone.down2.cv1.conv.weight",
        "backbone.down3.conv2.conv.weight": "backbone.down2.cv2.conv.weight",
        "bottom_up.down5.conv2.bn.bias": "neck.down2.cv2.bn.bias",
    },
    ("t", "plain"): {
        "backbone.conv1.conv.weight": "0.conv.weight",
        "backbone.conv2.bn.running_var": "1.bn.running_var",
        "backbone.elan2.conv3.conv.weight": "2.cv3.conv.weight",
        "backbone.down3.conv.conv.weight": "3.cv1.conv.weight",
        "backbone.down3.conv.bn.bias": "3.cv1.bn.bias",
        "backbone.elan3.conv2.0.conv3.bn.weight": "4.cv2.0.cv3.bn.weight",
        "backbone.elan3.conv2.0.bottlenecks.1.conv1.conv2.conv.weight": "4.cv2.0.m.1.cv1.conv2.conv.weight",
        "backbone.elan3.conv3.0.bottlenecks.2.conv2.bn.running_mean": "4.cv3.0.m.2.cv2.bn.running_mean",
        "backbone.elan5.conv3.1.conv.weight": "8.cv3.1.conv.weight",
        "pooling.conv5.bn.num_batches_tracked": "9.cv5.bn.num_batches_tracked",
        "top_down.elan4.conv1.conv.weight": "12.cv1.conv.weight",
        "top_down.elan3.conv4.conv.weight": "15.cv4.conv.weight",
        "bottom_up.down4.conv.conv.weight": "16.cv1.conv.weight",
        "bottom_up.elan5.conv4.bn.bias": "21.cv4.bn.bias",
        "head.boxes.1.1.conv.weight": "22.cv2.1.1.conv.weight",
        "head.boxes.2.2.bias": "22.cv2.2.2.bias",
        "head.classes.0.2.weight": "22.cv3.0.2.weight",
    },
    ("t", "dual"): {
        "backbone.conv1.conv.weight": "0.conv.weight",
        "bottom_up.elan5.conv4.bn.bias": "21.cv4.bn.bias",
        "auxiliary.pooling.conv1.conv.weight": "22.cv1.conv.weight",
        "auxiliary.top_down.elan4.conv1.conv.weight": "25.cv1.conv.weight",
        "auxiliary.top_down.elan3.conv4.conv.weight": "28.cv4.conv.weight",
        "auxiliary.head.boxes.0.0.conv.weight": "29.cv2.0.0.conv.weight",
        "auxiliary.head.classes.2.2.bias": "29.cv3.2.2.bias",
        "head.boxes.0.0.conv.weight": "29.cv4.0.0.conv.weight",
        "head.classes.2.2.bias": "29.cv5.2.2.bias",
    },
    ("c", "plain"): {
        "backbone.conv1.conv.weight": "0.conv.weight",
        "backbone.down3.conv1.conv.weight": "3.cv1.conv.weight",
        "backbone.down3.conv2.conv.weight": "3.cv2.conv.weight",
        "head.classes.0.2.weight": "22.cv3.0.2.weight",
    },
    ("c", "dual"): {
        "backbone.conv1.conv.weight": "1.conv.weight",
        "backbone.elan5.conv4.conv.weight": "9.cv4.conv.weight",
        "bottom_up.elan5.conv4.conv.weight": "22.cv4.conv.weight",
        "auxiliary.column.links.0.conv.bias": "23.conv.bias",
        "auxiliary.column.links.2.conv.weight": "25.conv.weight",
        "auxiliary.column.conv1.conv.weight": "26.conv.weight",
        "auxiliary.column.elan2.conv1.conv.weight": "28.cv1.conv.weight",
        "auxiliary.column.down3.conv1.conv.weight": "29.cv1.conv.weight",
        "auxiliary.column.elan3.conv1.conv.weight": "31.cv1.conv.weight",
        "auxiliary.column.elan5.conv4.conv.weight": "37.cv4.conv.weight",
        "auxiliary.head.boxes.0.0.conv.weight": "38.cv2.0.0.conv.weight",
        "head.boxes.0.0.conv.weight": "38.cv4.0.0.conv.weight",
        "head.classes.0.2.weight": "38.cv5.0.2.weight",
    },
    ("e", "plain"): {
        "backbone.conv1.conv.weight": "1.conv.weight",
        "backbone.elan5.conv4.conv.weight": "9.cv4.conv.weight",
        "column.links.0.conv.weight": "10.conv.weight",
        "column.links.4.conv.bias": "14.conv.bias",
        "column.conv1.conv.weight": "15.conv.weight",
        "column.conv2.bn.weight": "17.bn.weight",
        "column.elan2.conv1.conv.weight": "19.cv1.conv.weight",
        "column.down3.conv2.conv.weight": "20.cv2.conv.weight",
        "column.elan5.conv4.conv.weight": "28.cv4.conv.weight",
        "pooling.conv1.conv.weight": "29.cv1.conv.weight",
        "top_down.elan3.conv4.conv.weight": "35.cv4.conv.weight",
        "bottom_up.elan5.conv4.conv.weight": "41.cv4.conv.weight",
        "head.boxes.2.2.weight": "42.cv2.2.2.weight",
    },
    ("e", "dual"): {
        "auxiliary.pooling.conv1.conv.weight": "29.cv1.conv.weight",
        "auxiliary.top_down.elan3.conv4.conv.weight": "35.cv4.conv.weight",
        "pooling.conv1.conv.weight": "36.cv1.conv.weight",
        "bottom_up.elan5.conv4.conv.weight": "48.cv4.conv.weight",
        "auxiliary.head.boxes.0.0.conv.weight": "49.cv2.0.0.conv.weight",
        "head.classes.0.2.weight": "49.cv5.0.2.weight",
    },
    ("t", "mit"): {
        "backbone.conv1.conv.weight": "0.conv.weight",
        "backbone.elan2.conv3.conv.weight": "2.conv3.conv.weight",
        "backbone.down3.conv.conv.weight": "3.conv.conv.weight",
        "backbone.elan3.conv2.0.conv3.bn.weight": "4.conv2.0.conv3.bn.weight",
        "backbone.elan3.conv2.0.bottlenecks.1.conv1.conv2.bn.bias": "4.conv2.0.bottleneck.1.conv1.conv2.bn.bias",
        "backbone.elan3.conv3.0.bottlenecks.2.conv2.bn.running_mean": "4.conv3.0.bottleneck.2.conv2.bn.running_mean",
        "pooling.conv5.conv.weight": "9.conv5.conv.weight",
        "bottom_up.elan5.conv4.bn.bias": "21.conv4.bn.bias",
        "head.boxes.1.1.conv.weight": "22.heads.1.anchor_conv.1.conv.weight",
        "head.boxes.2.2.bias": "22.heads.2.anchor_conv.2.bias",
        "head.classes.0.2.weight": "22.heads.0.class_conv.2.weight",
        "auxiliary.pooling.conv1.conv.weight": "23.conv1.conv.weight",
        "auxiliary.top_down.elan4.conv1.conv.weight": "26.conv1.conv.weight",
        "auxiliary.top_down.elan3.conv4.conv.weight": "29.conv4.conv.weight",
        "auxiliary.head.classes.2.2.bias": "30.heads.2.class_conv.2.bias",
    },
    ("c", "mit"): {
        "backbone.down3.conv1.conv.weight": "3.conv1.conv.weight",
        "auxiliary.column.links.0.conv.bias": "23.conv.bias",
        "auxiliary.column.conv1.conv.weight": "26.conv.weight",
        "auxiliary.column.elan5.conv4.conv.weight": "37.conv4.conv.weight",
        "auxiliary.head.boxes.0.0.conv.weight": "38.heads.0.anchor_conv.0.conv.weight",
    },
}


@pytest.mark.parametrize(("variant", "layout"), PUBLISHED, ids="-".join)
def test_names_are_the_published_ones(variant, layout):
    expected = PUBLISHED[variant, layout]
    assert yolov9_layouts.published_names(expected, variant, layout) == expected


@pytest.mark.parametrize(("variant", "layout"), LAYOUTS, ids="-".join)
def test_every_tensor_has_a_name_of_its_own(variant, layout):
    with torch.device("meta"):
        branch = layout != "plain" and (layout != "libre" or variant in "ts")
        own = YoloV9(variant, auxiliary=branch).state_dict()
    names = yolov9_layouts.published_names(own, variant, layout)
    assert names.keys() == own.keys()
    assert len(set(names.values())) == len(names)
    constants = yolov9_layouts.constants(variant, layout)
    assert not set(constants) & set(names.values())
    unused = yolov9_layouts.auxiliary_prefixes(variant, layout)
    assert [name for name in names if names[name].startswith(unused)] == [
        name for name in own if name.startswith("auxiliary.")
    ]


def test_attention_has_no_published_name():
    assert (
        yolov9_layouts.published_names(["self_attention.gate", "cross_attention.blocks.0.gate"], "t", "plain")
        == {}
    )


@pytest.mark.parametrize(
    ("variant", "layout", "expected"),
    [
        ("t", "plain", ["22.dfl.conv.weight"]),
        ("e", "plain", ["42.dfl.conv.weight"]),
        ("t", "libre", ["head.dfl.conv.weight", "aux_head.dfl.conv.weight"]),
        ("c", "dual", ["38.dfl.conv.weight", "38.dfl2.conv.weight"]),
        (
            "c",
            "mit",
            [f"{head}.heads.{level}.anc2vec.anc2vec.weight" for head in (22, 38) for level in range(3)],
        ),
    ],
)
def test_constants(variant, layout, expected):
    assert yolov9_layouts.constants(variant, layout) == expected


@pytest.mark.parametrize(
    ("variant", "layout", "expected"),
    [
        ("t", "plain", ()),
        ("t", "libre", ("aux.", "aux_head.")),
        ("t", "dual", ("22.", "25.", "28.", "29.cv2.", "29.cv3.")),
        ("e", "dual", ("29.", "32.", "35.", "49.cv2.", "49.cv3.")),
        ("t", "mit", ("23.", "26.", "29.", "30.")),
        (
            "m",
            "mit",
            ("23.", "24.", "25.", "26.", "27.", "28.", "29.", "31.", "32.", "34.", "35.", "37.", "38."),
        ),
    ],
)
def test_what_only_training_needs(variant, layout, expected):
    assert yolov9_layouts.auxiliary_prefixes(variant, layout) == expected
