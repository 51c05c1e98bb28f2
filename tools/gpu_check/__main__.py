# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The command behind `tools/gpu_check.sh`.

It needs PyTorch, NumPy, OpenCV and ONNX Runtime, and no file from outside this repository. `--device cpu` runs the same
checks without a GPU, which tests the script itself.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gpu_check import stand_ins


def main() -> None:
    parser = argparse.ArgumentParser(prog="gpu_check", description="Check and measure what runs on a GPU.")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N, or cpu to test the script itself")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("gpu_check_out"),
        help="folder for gpu_check.json and gpu_check.md",
    )
    parser.add_argument(
        "--seconds", type=float, default=450.0, help="sections are not started after this time"
    )
    parser.add_argument("--only", default="", help="sections, separated by commas; default: all")
    parser.add_argument("--quick", action="store_true", help="fewer networks, sizes and repetitions")
    options = parser.parse_args()
    missing = stand_ins.install()

    from face_detect_ros.engines import torch as torch_engine

    torch_engine.wait_passively()

    import torch

    from gpu_check import exactness, memory, speed, training
    from gpu_check.report import Report, about

    if options.device != "cpu" and not torch.cuda.is_available():
        sys.exit(
            f"gpu_check: device {options.device}: there is no CUDA device; --device cpu tests the script itself"
        )
    report = Report(options.device, options.seconds, options.quick, about(options.device, missing))
    sections = {
        section.__name__: section
        for section in (
            speed.chip,
            exactness.networks,
            exactness.recordings,
            exactness.onnx,
            exactness.streams,
            speed.objects,
            speed.faces,
            memory.memory,
            training.training,
            memory.out_of_memory,  # last: it may leave a driver in disorder
        )
    }
    chosen = [name for name in options.only.split(",") if name] or list(sections)
    if unknown := set(chosen) - set(sections):
        sys.exit(f"gpu_check: --only {', '.join(unknown)}: choose from {', '.join(sections)}")
    for name in chosen:
        report.run(name.replace("_", " "), sections[name])
    report.add("time", "whole check", options.seconds - report.left_s, "s")
    report.write(options.output)
    print(f"{'passed' if report.passed else 'FAILED'}: {options.output / 'gpu_check.md'}")
    sys.exit(0 if report.passed else 1)


if __name__ == "__main__":
    main()
