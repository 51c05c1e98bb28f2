# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""From a bag to a bag: every image once, in order, through the pipeline that the nodes use.

Three threads overlap: one reads and decodes, one runs the networks, one tracks, draws and writes.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from face_detect_ros.bags.reading import BagReader
from face_detect_ros.core.errors import ImageError, SourceError
from face_detect_ros.fleet.one_bag.channel import Channel, Steps, StoppedError
from face_detect_ros.fleet.one_bag.job import Job
from face_detect_ros.fleet.one_bag.journal import Answer, ImageKey, Journal
from face_detect_ros.fleet.one_bag.look_ahead import LookAhead
from face_detect_ros.fleet.one_bag.output_folder import OutputFolder
from face_detect_ros.fleet.one_bag.plan import Plan
from face_detect_ros.fleet.one_bag.reading import Recorded, Work, detect, read
from face_detect_ros.fleet.one_bag.result_bag import ResultBag
from face_detect_ros.fleet.one_bag.stages import Stages
from face_detect_ros.fleet.one_bag.table import FILE, ResultsWriter, problems_in
from face_detect_ros.pipeline.pipeline import Pipeline
from face_detect_ros.pipeline.result import Result

JOURNAL = "journal.sqlite3"
_MOST_PROBLEMS = 100


@dataclass
class Summary:
    """What became of a bag.

    Attributes:
        images: Images processed.
        resumed: Of these, how many an earlier run had put through the network.
        failed: Images that could not be read or processed.
        detections: Found in all images.
        copied: Messages copied.
        network_s: Seconds that this run spent in the networks.
        seconds: Seconds of this run.
        problems: What could not be read or processed; the first hundred.
    """

    images: int = 0
    resumed: int = 0
    failed: int = 0
    detections: int = 0
    copied: int = 0
    network_s: float = 0.0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    done_before: bool = False

    def fail(self, problem: str) -> None:
        """Count an image that could not be processed."""
        self.failed += 1
        self.note(problem)

    def note(self, problem: str) -> None:
        """Remember a problem."""
        if len(self.problems) < _MOST_PROBLEMS and problem not in self.problems:
            self.problems.append(problem)


class Watcher:
    """Told how work goes on. This one does not care."""

    def begin(self, images: int) -> None:
        """There are about so many images."""

    def result(self, task: str, key: ImageKey, result: Result) -> None:
        """An image was processed."""

    def image(self) -> None:
        """All tasks are done with an image."""


@contextlib.contextmanager
def build(job: Job) -> Iterator[dict[str, Pipeline]]:
    """The pipelines of a job, by task. Raises as `Recipe.build`."""
    with contextlib.ExitStack() as stack:
        yield {task.name: stack.enter_context(task.recipe.build()) for task in job.tasks}


def process(
    job: Job,
    out: Path,
    pipelines: Callable[[], Mapping[str, Pipeline]],
    watcher: Watcher | None = None,
    recorded: Recorded | None = None,
) -> Summary:
    """Process a bag, or go on where an interrupted run has left off.

    Args:
        job: What to do.
        out: Folder of the result: a bag, and the table `table.FILE`.
        pipelines: Gives the pipelines by task. Called once all else is known to be in order.
        watcher: Told of progress and of each result.
        recorded: Answers of the detectors that were computed elsewhere; those that it does not have are computed.

    Raises:
        ConfigError: The job does not fit the bag, or `out` exists.
        SourceError: Nothing of the bag can be read, or it shows what must not be shown.
        OutputError: The result cannot be written.
        PerceptionError: As of the pipelines.
    """
    started_s = time.monotonic()
    watcher = watcher or Watcher()
    with BagReader(job.bag) as reader:
        plan = Plan.of(job, reader)
        work = job.describe(reader)
        with OutputFolder(out) as folder:
            try:
                if folder.is_done(work):
                    return Summary(done_before=True, problems=problems_in(out / FILE))
                built = pipelines()
                folder.clear_draft()
                run = _Run(job, plan, reader, built, folder.draft, watcher)
            except BaseException:
                folder.discard_part_if_new()
                raise
            journal = Journal(folder.part / JOURNAL, work)
            known = Journal(folder.part / JOURNAL, work)
            try:
                run.all(recorded or known.get, journal)
            finally:
                journal.close()
                known.close()
            folder.complete(work)
    run.summary.seconds = time.monotonic() - started_s
    return run.summary


def detect_only(
    job: Job,
    span_ns: tuple[int, int],
    path: Path,
    pipelines: Mapping[str, Pipeline],
    on_image: Callable[[], None] = lambda: None,
) -> Summary:
    """Run the networks over a part of a bag, and keep their answers in a journal.

    The journal says when it is complete; one that is not is continued.

    Args:
        job: What to do.
        span_ns: Times of recording, the end exclusive.
        path: The journal.
        pipelines: By task.
        on_image: Called after each image.

    Raises:
        PerceptionError: As `process`.
    """
    started_s = time.monotonic()
    summary = Summary()
    with BagReader(job.bag) as reader:
        plan = Plan.of(job, reader)
        reading = plan.reading.part(span_ns)
        described = job.describe(reader)
        journal, known = Journal(path, described), Journal(path, described)
        try:
            options = {
                task.name: task.options(pipelines[task.name], cover=job.anonymize) for task in job.tasks
            }
            steps = Steps()
            decoded: Channel[Work] = Channel(steps.stop)
            steps.start("bag-read", read(reader, reading, list(options), known.get), decoded)
            try:
                for work in detect(decoded, pipelines, options, journal):
                    if work.key is not None:
                        summary.images += 1
                        summary.network_s += (
                            sum(answer.times.network_ms for answer in work.answers.values()) * 1e-3
                        )
                        on_image()
            except StoppedError:
                pass
            finally:
                steps.finish()
            summary.problems = list(reader.problems)
            summary.seconds = time.monotonic() - started_s
            known.close()
            journal.complete(
                {
                    "span_ns": span_ns,
                    "images": summary.images,
                    "network_s": summary.network_s,
                    "seconds": summary.seconds,
                }
            )
        finally:
            known.close()
            journal.close()
    return summary


class _Run:
    """One run over a bag."""

    def __init__(
        self,
        job: Job,
        plan: Plan,
        reader: BagReader,
        pipelines: Mapping[str, Pipeline],
        draft: Path,
        watcher: Watcher,
    ) -> None:
        self.summary = Summary()
        self._job = job
        self._plan = plan
        self._reader = reader
        self._pipelines = pipelines
        self._draft = draft
        self._watcher = watcher
        self._options = {
            task.name: task.options(pipelines[task.name], cover=job.anonymize) for task in job.tasks
        }
        self._ahead = LookAhead(job.tasks[0].recipe.anonymizer)
        self._topics = {topic.key: topic for topic in (*plan.reading.images, *plan.reading.others)}

    def all(self, recorded: Recorded, journal: Journal) -> None:
        """Write the whole result to the draft folder."""
        job, reading = self._job, self._plan.reading
        self._watcher.begin(self._plan.expected(self._reader))
        stages = {name: Stages(self._pipelines[name], options) for name, options in self._options.items()}
        bag = ResultBag(
            self._draft, reading.images, annotate=job.annotate, taken=[topic.name for topic in reading.others]
        )
        table = ResultsWriter(self._draft / FILE, job.called)
        resumed = _Counting(recorded)
        steps = Steps()
        try:
            start_ns = max(reading.span_ns[0], self._reader.start_ns)
            labels = {name: pipeline.labels for name, pipeline in self._pipelines.items()}
            bag.announce(
                labels,
                {name: options.detect.score_threshold for name, options in self._options.items()},
                start_ns,
            )
            if job.anonymize:
                bag.declare((*reading.images, *reading.others))
                self._copy_latched(bag, start_ns)
            decoded: Channel[Work] = Channel(steps.stop)
            answered: Channel[Work] = Channel(steps.stop)
            steps.start("bag-read", read(self._reader, reading, list(stages), resumed), decoded)
            steps.start("bag-detect", detect(decoded, self._pipelines, self._options, journal), answered)
            with contextlib.suppress(StoppedError):  # what stopped it is raised by `finish`
                for work in answered:
                    self._write(work, stages, bag, table)
            steps.finish()
            self._ahead.finish()
            for problem in self._reader.problems:
                # of a copy, by the name of the bag
                self.summary.note(problem.replace(str(job.bag), job.called))
            table.close(self.summary.problems)
            bag.close()
        except BaseException:
            steps.stop.set()
            with contextlib.suppress(BaseException):
                steps.finish()
            bag.abort()
            table.abort()
            raise
        self.summary.resumed = resumed.count // max(1, len(stages))
        self.summary.network_s -= resumed.network_s

    def _copy_latched(self, bag: ResultBag, start_ns: int) -> None:
        """Copy what late subscribers would have got at the start: latched messages from before it."""
        if start_ns <= self._reader.start_ns:
            return
        latched = [topic for topic in self._plan.reading.others if topic.latched]
        for message in self._reader.messages(latched, self._reader.start_ns, start_ns):
            self._check(message.key, message.data)
            bag.copy(message, start_ns)

    def _check(self, key: object, data: bytes) -> None:
        passing = self._plan.passing
        if passing is not None:
            passing.check(self._topics[key], data)  # type: ignore[index]

    def _write(self, work: Work, stages: Mapping[str, Stages], bag: ResultBag, table: ResultsWriter) -> None:
        message, key = work.message, work.key
        if key is None:
            self._check(message.key, message.data)
            self._ahead.other(message.log_ns, lambda: bag.copy(message))
            self.summary.copied += 1
            return
        self.summary.images += 1
        if work.frame is None or work.image is None:
            self._failed(work, str(work.problem), table, stages)
            return
        for name, steps in stages.items():
            answer = work.answers[name]
            if answer.error:
                table.add_failed(name, key.topic, key.log_ns)
                self.summary.fail(f"{key.topic} at {key.log_ns}: {answer.error}")
                continue
            self.summary.network_s += answer.times.network_ms * 1e-3
            result = steps.process(key.topic, work.frame, answer, work.scene)
            self.summary.detections += len(result.detections)
            written = partial(self._written, name, work, bag, table)
            if self._job.anonymize:
                self._ahead.image(key.topic, message.log_ns, result, written)
            else:
                written(result)
        self._watcher.image()

    def _written(self, name: str, work: Work, bag: ResultBag, table: ResultsWriter, result: Result) -> None:
        """Write the final result of an image."""
        if work.key is None or work.image is None:
            return
        if self._job.anonymize:
            bag.replace(work.message, work.image, result)
        bag.add(name, work.message, result)
        table.add(name, work.key.topic, work.key.log_ns, result)
        self._watcher.result(name, work.key, result)

    def _failed(self, work: Work, problem: str, table: ResultsWriter, stages: Mapping[str, Stages]) -> None:
        """An image that cannot be decoded. In a bag that is to show nobody it must not be one of an unknown kind."""
        topic, log_ns = work.message.key.name, work.message.log_ns
        if self._job.anonymize and isinstance(work.problem, ImageError) and work.problem.reason == "encoding":
            raise SourceError(
                f"an image of {topic} is not understood ({problem}); leave the topic out with --without {topic}"
            )
        self.summary.fail(f"{topic} at {log_ns}: {problem}")
        for name in stages:
            table.add_failed(name, topic, log_ns)
        self._watcher.image()


class _Counting:
    """Counts the answers that were known already."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded
        self.count = 0
        self.network_s = 0.0

    def __call__(self, task: str, key: ImageKey) -> Answer | None:
        answer = self._recorded(task, key)
        if answer is not None:
            self.count += 1
            self.network_s += answer.times.network_ms * 1e-3
        return answer
