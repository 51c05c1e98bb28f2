# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The findings of a check: a Markdown table for people, JSON for programs."""

from __future__ import annotations

import json
import math
import platform
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from face_detect_ros.engines import cpu


def about(device: str, missing: list[str]) -> dict[str, str]:
    """The chip and the versions of the libraries."""
    import cv2
    import numpy as np
    import onnxruntime
    import torch

    gpu = device != "cpu"
    return {
        "chip": torch.cuda.get_device_name(device) if gpu else cpu.name(),
        "cores": str(cpu.cores()),
        "Python": platform.python_version(),
        "PyTorch": torch.__version__,
        "CUDA": str(torch.version.cuda) if gpu else "none",
        "NumPy": np.__version__,
        "OpenCV": cv2.__version__,
        "ONNX Runtime": onnxruntime.__version__,
        "not installed": ", ".join(missing) or "nothing",
    }


@dataclass(frozen=True)
class Finding:
    """One check or measurement.

    Attributes:
        section, name: What was checked.
        value, unit: The result.
        limit: What the value is compared with.
        share: Of what the chip reaches at best, 0 to 1.
        passed: None for a measurement.
    """

    section: str
    name: str
    value: float | str
    unit: str = ""
    limit: float | None = None
    share: float | None = None
    passed: bool | None = None


@dataclass
class Report:
    """Collects findings; starts no section after `seconds`."""

    device: str
    seconds: float
    quick: bool
    about: dict[str, str]
    findings: list[Finding] = field(default_factory=list)
    _started_s: float = field(default_factory=time.monotonic)

    @property
    def left_s(self) -> float:
        return self.seconds - (time.monotonic() - self._started_s)

    @property
    def passed(self) -> bool:
        return all(finding.passed is not False for finding in self.findings)

    def add(self, section: str, name: str, value: float | str, unit: str = "", **more: Any) -> None:
        if not isinstance(value, str):
            value = float(value) if math.isfinite(value) else str(float(value))  # JSON has no nan
        if more.get("passed") is not None:
            more["passed"] = bool(more["passed"])  # JSON has none of NumPy's
        finding = Finding(section, name, value, unit, **more)
        self.findings.append(finding)
        print(_line(finding), flush=True)

    def run(self, section: str, check: Callable[[Report], None]) -> None:
        """Run one section. What it raises is recorded as a failure."""
        if self.left_s < 0:
            self.add(section, "all", "no time left; give more --seconds", passed=False)
            return
        start_s = time.monotonic()
        try:
            check(self)
        except Exception as error:  # noqa: BLE001 - the other sections tell more about whatever failed here
            traceback.print_exc()
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            self.add(section, "error", reason, passed=False)
        self.add("time", section, time.monotonic() - start_s, "s")

    def write(self, folder: Path) -> None:
        """Write gpu_check.json and gpu_check.md."""
        folder.mkdir(parents=True, exist_ok=True)
        record = {**self.about, "device": self.device, "passed": self.passed}
        record["findings"] = [asdict(finding) for finding in self.findings]
        (folder / "gpu_check.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        lines = [
            f"# GPU check: {self.device}",
            "",
            *(f"- {key}: {value}" for key, value in self.about.items()),
        ]
        lines += ["", f"{'Passed' if self.passed else 'FAILED'}.", ""]
        lines += [
            "| section | what | value | limit | of the chip | |",
            "| --- | --- | ---: | ---: | ---: | --- |",
        ]
        for each in self.findings:
            limit = "" if each.limit is None else f"{each.limit:.3g}"
            share = "" if each.share is None else f"{100 * each.share:.0f} %"
            lines.append(
                f"| {each.section} | {each.name} | {_value(each)} | {limit} | {share} | {_verdict(each)} |"
            )
        (folder / "gpu_check.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _value(finding: Finding) -> str:
    value = finding.value if isinstance(finding.value, str) else f"{finding.value:.4g}"
    return f"{value} {finding.unit}".strip()


def _verdict(finding: Finding) -> str:
    return {True: "ok", False: "FAILED", None: ""}[finding.passed]


def _line(finding: Finding) -> str:
    limit = "" if finding.limit is None else f" (limit {finding.limit:.3g})"
    share = "" if finding.share is None else f" ({100 * finding.share:.0f} % of the chip)"
    return f"{_verdict(finding):<6}  {finding.section}: {finding.name}: {_value(finding)}{limit}{share}"
