# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The command line with a YOLOv9-t that is trained in a moment: `python -m helpers.narrow_app train ...`."""

import gc

gc.disable()  # libraries load in three quarters of the time

import torch._dynamo  # noqa: E402, F401  # optimizers load it

from face_detect_ros.cli.app import main  # noqa: E402
from face_detect_ros.nn import recorded  # noqa: E402
from face_detect_ros.nn.yolov9.variants import VARIANTS  # noqa: E402
from face_detect_ros.training import session  # noqa: E402, F401
from helpers.training_data import SHALLOW  # noqa: E402

gc.freeze()
gc.enable()
recorded.MOST_SHAPES = 0
VARIANTS["t"] = SHALLOW
main()
