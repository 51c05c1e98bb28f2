# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

import pytest

from face_detect_ros.detectors import catalogue
from face_detect_ros.detectors.entry import ANY_PRECISION


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a detector in the catalogue that is exported in no time."""
    monkeypatch.setitem(
        catalogue.CATALOGUE,
        "tiny",
        catalogue.CatalogueEntry(
            "tiny", "objects", "helpers.exportable:create_tiny", "none", "for tests", precisions=ANY_PRECISION
        ),
    )
    return "tiny"
