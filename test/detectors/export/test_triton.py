# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Models in the folders that Triton serves from."""

import json
import re

import pytest

from face_detect_ros.core.errors import ConfigError, OutputError
from face_detect_ros.detectors.export.triton import export_triton

pytest.importorskip("onnx")


def test_the_server_gets_the_model_and_passes_its_metadata_on(tmp_path, tiny):
    report = export_triton(tiny, tmp_path / "models")
    folder = tmp_path / "models" / tiny
    assert report.classes == 2
    assert sorted(path.name for path in folder.iterdir()) == ["1", "config.pbtxt"]
    assert [path.name for path in (folder / "1").iterdir()] == ["model.onnx"]
    config = (folder / "config.pbtxt").read_text()
    assert 'name: "tiny"\n' in config
    texts = {
        json.loads(key): json.loads(value)
        for key, value in re.findall(r'key: (".*")\n  value \{ string_value: (".*") \}', config)
    }
    assert json.loads(texts["names"]) == ["a", "b"]
    assert json.loads(texts["face_detect_ros"])["layout"]
    with pytest.raises(OutputError, match="exists already"):
        export_triton(tiny, tmp_path / "models")


def test_what_cannot_be_exported_leaves_nothing(tmp_path):
    with pytest.raises(ConfigError):
        export_triton("unknown", tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == []
