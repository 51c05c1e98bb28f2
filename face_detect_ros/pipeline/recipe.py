# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How to build a pipeline, as data: names and options that can be pickled and sent to another process."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from face_detect_ros.core.errors import ConfigError
from face_detect_ros.core.protocols import Detector
from face_detect_ros.detectors import catalogue, model_file
from face_detect_ros.engines import catalogue as engines
from face_detect_ros.faces.embedders import catalogue as embedders
from face_detect_ros.faces.gallery.gallery import Gallery, default_path
from face_detect_ros.faces.recognizer import LOOKS_PER_IMAGE, KnownPeople
from face_detect_ros.pipeline.options import PipelineOptions
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.stage import Stage
from face_detect_ros.pipeline.stages.cover import Cover, CoverEverything, CoverFaces
from face_detect_ros.pipeline.stages.locate import Locate
from face_detect_ros.pipeline.stages.recognize import Recognize
from face_detect_ros.pipeline.stages.track import Track
from face_detect_ros.tracking import catalogue as trackers
from face_detect_ros.tracking.options import TrackerOptions
from face_detect_ros.viz.anonymize import AnonymizerOptions


@dataclass(frozen=True)
class Recognition:
    """Who the faces are compared with. Paths become absolute, for processes with another working folder.

    Attributes:
        gallery: File of the gallery; None is the usual one.
        embedder: Name of the network that compares faces.
        looks_per_image: Most faces compared in one image; None for all of them.
        frozen: Take the people as they are now, and do not watch the gallery.

    Raises ConfigError for the gallery in the home of a user who does not exist.
    """

    gallery: Path | None = None
    embedder: str = embedders.DEFAULT
    looks_per_image: int | None = LOOKS_PER_IMAGE
    frozen: bool = False

    def __post_init__(self) -> None:
        if self.gallery is not None:
            path = os.path.expanduser(self.gallery)
            if path.startswith("~"):  # else a folder of this name would be made
                raise ConfigError(f"gallery {path}: there is no such user; give another path")
            object.__setattr__(self, "gallery", Path(path).absolute())
        object.__setattr__(self, "embedder", model_file.absolute(self.embedder))


@dataclass(frozen=True)
class Recipe:
    """Names and options of a pipeline; `build` makes the same one wherever it is called: paths become absolute.

    Attributes:
        task: "faces" or "objects".
        model: Detector, by its name in the catalogue; empty is the task's default.
        device: "auto", "cpu", "cuda" or "cuda:N".
        precision: "auto", "float32", "bfloat16" or "float16".
        engine: What computes the networks; "auto" is the fastest by measurement or experience. An embedder that does
            not offer the engine takes its own.
        threads: Of each network on a CPU; 0 is one for each core.
        steady: Compute images of one size alike from the first on: for results that can be repeated.
        input_size: Longest side in pixels of what the network of an object detector sees; 0 is the model's own.
        classes: What a detector finds that takes its classes as a text; others have their own.
        tracker: By its name in the catalogue of trackers; None where images have nothing to do with each other.
        tracker_options: How long tracks last.
        recognition: Who the faces are; None does not ask.
        anonymizer: How faces are covered.
        cover: What is covered: "faces"; "heads", also the upper part of each person without a face; or "persons".
    """

    task: str
    model: str = ""
    device: str = "auto"
    precision: str = "auto"
    engine: str = engines.AUTO
    threads: int = 0
    steady: bool = False
    input_size: int = 0
    classes: str = ""
    tracker: str | None = trackers.DEFAULT_TRACKER
    tracker_options: TrackerOptions = field(default_factory=TrackerOptions)
    recognition: Recognition | None = None
    anonymizer: AnonymizerOptions = field(default_factory=AnonymizerOptions)
    cover: Cover = "faces"

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", model_file.absolute(self.model))

    def build(self) -> Pipeline:
        """Load the weights and put the pipeline together; close it after use.

        Raises:
            ConfigError: A name or an option cannot be used, or a library is missing.
            DeviceError: The device or the precision is not here.
            WeightsError: A model file is missing or damaged.
            GalleryError: The gallery cannot be used.
        """
        model = self.model or catalogue.default_model(self.task)
        stages: list[Stage] = [self._track(), Locate()]
        detector: Detector | None = None
        detecting = threading.Lock()
        try:
            if self.recognition is not None:
                stages.append(self._recognize(self.recognition))
            detector = catalogue.create(
                model,
                task=self.task,
                device=self.device,
                precision=self.precision,
                input_size=self.input_size,
                engine=self.engine,
                threads=self.threads,
                steady=self.steady,
                classes=self.classes,
            )
            stages.append(self._cover(detector, detecting) if self.task == "faces" else CoverEverything())
        except BaseException:
            if detector is not None:
                detector.close()
            for stage in stages:
                stage.close()
            raise
        options = PipelineOptions(catalogue.default_options(model, task=self.task))
        if self.recognition is not None:
            options = replace(options, match=embedders.find(self.recognition.embedder).match)
        return Pipeline(detector, stages, options, detecting)

    def _cover(self, faces: Detector, detecting: threading.Lock) -> CoverFaces:
        if self.cover == "faces":
            return CoverFaces(self.anonymizer)
        model = catalogue.default_model("objects")
        persons = catalogue.create(model, task="objects", device=self.device, threads=self.threads)
        try:
            return CoverFaces(self.anonymizer, self.cover, persons, faces, detecting)
        except BaseException:
            persons.close()
            raise

    def _track(self) -> Track:
        if self.tracker is None:
            return Track(None)
        trackers.find(self.tracker)
        return Track(partial(trackers.create, self.tracker, self.tracker_options))

    def _recognize(self, wanted: Recognition) -> Recognize:
        offered = embedders.find(wanted.embedder).engines
        engine = self.engine if self.engine in offered else engines.AUTO  # the detector's may be another's
        embedder = embedders.create(wanted.embedder, self.device, engine=engine, threads=self.threads)
        memory: dict[str, Any] = {
            "looks_per_image": wanted.looks_per_image,
            "lost_age_s": self.tracker_options.lost_age_s,
        }
        try:
            path = wanted.gallery or default_path()
            gallery = Gallery(path, embedder.model_id, embedder.model_version, read_only=wanted.frozen)
            if not wanted.frozen:
                return Recognize(embedder, gallery, **memory)
            with gallery:
                people = KnownPeople(gallery.snapshot())
        except BaseException:
            embedder.close()
            raise
        return Recognize(embedder, people, **memory)
