# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The command line with a YOLOv9-t that is trained in a moment: `python -m helpers.narrow_app train ...`.

With `WAIT_TO_BE_STOPPED` in the environment, the first process saves its state and then waits until it is asked to
stop; the others do not notice when they are asked, so that only the first can tell them.
"""

import gc
import os
import time

gc.disable()  # libraries load in three quarters of the time

import torch._dynamo  # noqa: E402, F401  # optimizers load it

from face_detect_ros.cli.app import main  # noqa: E402
from face_detect_ros.nn import recorded  # noqa: E402
from face_detect_ros.nn.yolov9.variants import VARIANTS  # noqa: E402
from face_detect_ros.training import session  # noqa: E402, F401
from face_detect_ros.training.trainer import Trainer  # noqa: E402
from helpers.training_data import SHALLOW  # noqa: E402

gc.freeze()
gc.enable()
recorded.MOST_SHAPES = 0
VARIANTS["t"] = SHALLOW

if "WAIT_TO_BE_STOPPED" in os.environ and os.environ["RANK"] != "0":
    Trainer._stop_asked = property(lambda trainer: False, lambda trainer, asked: None)
elif "WAIT_TO_BE_STOPPED" in os.environ:
    save = Trainer._save

    def save_and_wait(trainer):
        save(trainer)
        while not trainer._stop_asked:
            time.sleep(0.01)

    Trainer._save = save_and_wait

main()
