# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""YOLOv9 checkpoints as others publish them, made of a network of ours."""

import contextlib
import sys
import types

import torch
from torch import nn

from face_detect_ros.nn.yolov9.network import YoloV9
from face_detect_ros.zoo.yolov9 import layouts as yolov9_layouts


def network(variant="t", classes=3, **options):
    """In eval mode, with numbers that a training could have left."""
    torch.manual_seed(0)
    model = YoloV9(variant, classes, **options)
    for name, value in model.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif name.endswith("running_mean"):
            value.normal_(0, 0.1)
        elif name.endswith("num_batches_tracked"):
            value.fill_(7)
        elif ".bn." in name or "gate" in name:
            value.uniform_(0.5, 1.5)
    return model.eval()


def published(model, layout, prefix=""):
    """Its tensors, and those that are always the same, under the names of a published layout."""
    own = model.state_dict()
    names = yolov9_layouts.published_names(own, model.variant, layout)
    tensors = {prefix + name: own[ours] for ours, name in names.items()}
    bins = torch.arange(16.0).view(1, 16, 1, 1)
    for name in yolov9_layouts.constants(model.variant, layout):
        if model.auxiliary is not None or layout != "mit" or name.startswith("22."):
            tensors[prefix + name] = bins[..., None].clone() if layout == "mit" else bins.clone()
    return tensors


@contextlib.contextmanager
def passing_classes(module, *names):
    """New subclasses of nn.Module in a module that is gone afterwards."""
    made = types.ModuleType(module)
    for name in names:
        setattr(made, name, type(name, (nn.Module,), {"__module__": module}))
    parents = [".".join(module.split(".")[:depth]) for depth in range(1, module.count(".") + 1)]
    for parent in parents:
        sys.modules[parent] = types.ModuleType(parent)
    sys.modules[module] = made
    try:
        yield made
    finally:
        for name in [*parents, module]:
            del sys.modules[name]


def save_whole(tensors, path, *, half=False, names=None, zipped=True, **entries):
    """As the authors save: the network itself, of classes that are not there when it is loaded. entries: beside it."""
    with passing_classes("models.yolo", "DetectionModel", "Block") as classes:
        root = classes.DetectionModel()
        for name, value in tensors.items():
            *parts, last = name.split(".")
            module = root
            for part in parts:
                if part not in module._modules:
                    module.add_module(part, classes.Block())
                module = module._modules[part]
            if "running" in last or "tracked" in last:
                module.register_buffer(last, value.clone())
            else:
                module.register_parameter(last, nn.Parameter(value.clone(), requires_grad=False))
        root.register_buffer("passing", torch.zeros(2), persistent=False)
        root.stride = torch.tensor([8.0, 16.0, 32.0])
        root.yaml = {"nc": 3, "backbone": [[-1, 1, "Conv", [16, 3, 2]]]}
        if names is not None:
            root.names = names
        if half:
            root.half()
        content = {"epoch": -1, "model": root, "ema": None, "optimizer": None, **entries}
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
