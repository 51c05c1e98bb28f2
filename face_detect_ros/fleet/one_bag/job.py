# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is to be done with a bag, as data that can be sent to another process."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from face_detect_ros import __version__
from face_detect_ros.bags.reading import END_NS, BagReader
from face_detect_ros.bags.stored import Outline
from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.text import without_credentials
from face_detect_ros.detectors import model_file
from face_detect_ros.detectors.class_filter import class_ids
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.recipe import Recipe

NODES = {"faces": "face_detector", "objects": "object_detector"}
"""Below whose names the results of each task are written, as nodes publish them."""
_MOST_S = 1e9  # 31 years


@dataclass(frozen=True)
class Task:
    """What to look for, and how.

    Attributes:
        recipe: Builds the pipeline.
        detect: Fields of `DetectOptions` that differ from the model's own.
        classes: Names of the classes to report; empty for all, as in `class_filter.class_ids`.
    """

    recipe: Recipe
    detect: dict[str, Any] = field(default_factory=dict)
    classes: str = ""

    @property
    def name(self) -> str:
        return self.recipe.task

    @property
    def node(self) -> str:
        return NODES[self.name]

    def options(self, pipeline: Pipeline, *, cover: bool) -> PipelineOptions:
        """Settings of every call of its pipeline. Raises ConfigError for a class that the model does not know."""
        options = pipeline.default_options
        detect = replace(options.detect, **self.detect, class_ids=class_ids(self.classes, pipeline.labels))
        return replace(options, detect=detect, cover=cover)


@dataclass(frozen=True)
class Job:
    """What to do with one bag.

    Attributes:
        bag: Its path.
        tasks: What to look for. With `anonymize` the first one is for faces.
        topics: Image topics to process; empty for every camera.
        from_s, to_s: Seconds from the start of the bag; only what was recorded in between.
        every: Process one image in so many of each topic.
        annotate: Also write images with the detections drawn on them.
        anonymize: Cover the faces in every image topic and copy everything else.
        without: Topics that `anonymize` leaves out.
        keep: Topics that `anonymize` copies though it cannot tell what they show.
        every_name: Whether the bag must have all topics of `without` and `keep`; not one of many bags.
        name: What results call the bag; empty for its path.
    """

    bag: Path
    tasks: tuple[Task, ...]
    topics: tuple[str, ...] = ()
    from_s: float = 0.0
    to_s: float | None = None
    every: int = 1
    annotate: bool = False
    anonymize: bool = False
    without: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    every_name: bool = True
    name: str = ""

    def __post_init__(self) -> None:
        for name, seconds in (("from", self.from_s), ("to", self.to_s)):
            if seconds is not None and not 0 <= seconds < _MOST_S:
                raise ConfigError(f"{name} is {seconds:g} s; give 0 or more, less than {_MOST_S:g}")
        if self.to_s is not None and self.to_s <= self.from_s:
            raise ConfigError(
                f"the end, {self.to_s:g} s, is not after the start, {self.from_s:g} s; give a later end"
            )
        if self.every < 1:
            raise ConfigError(f"every is {self.every}; give 1 or more")
        if self.anonymize and [task.name for task in self.tasks] != ["faces"]:
            raise ConfigError("an anonymized bag needs the task faces, and no other")

    @property
    def called(self) -> str:
        """What results call the bag."""
        return self.name or str(self.bag)

    def span_ns(self, reader: BagReader | Outline) -> tuple[int, int]:
        """The times of recording that it covers, the end exclusive."""
        start_ns = min(reader.start_ns + round(self.from_s * 1e9), END_NS)
        if self.to_s is None:
            return start_ns, END_NS
        return start_ns, min(reader.start_ns + round(self.to_s * 1e9), END_NS)

    def describe(self, reader: BagReader) -> str:
        """A text that is the same for the same work on the same bag only."""
        files = []
        for path in reader.files:
            status = path.stat()
            # a compressed file is unpacked anew each time
            files.append([path.name, status.st_size, 0 if reader.compressed_files else status.st_mtime_ns])
        return self.described(files)

    def described(self, files: list[list[Any]]) -> str:
        """As `describe`, of a bag with these files: name, size and time of each."""
        models = [model_file.stamp(task.recipe.model) for task in self.tasks]
        return _as_text([__version__, self._settings(), files, models])

    @property
    def options(self) -> str:
        """A text that is the same for the same work on any bag, wherever the bag and the models lie."""
        return _as_text(self._settings())

    def _settings(self) -> dict[str, Any]:
        content = asdict(replace(self, bag=Path()))
        for task in content["tasks"]:
            task["recipe"]["model"] = model_file.without_folder(task["recipe"]["model"])
        return content


def _as_text(content: Any) -> str:
    return without_credentials(json.dumps(content, default=str, sort_keys=True))
