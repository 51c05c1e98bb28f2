# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Files that are made here need no process of their own for their first run; `engines/test_trial.py` has it."""

import pytest

from face_detect_ros.engines import trial


@pytest.fixture(autouse=True)
def _tried(monkeypatch):
    monkeypatch.setattr(trial, "run", lambda *_, **__: None)
