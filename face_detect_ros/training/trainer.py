# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The training loop, which can be interrupted at any moment and continued.

The folder of a training holds the moving average of the weights as "last" and "best", ready for a detector (see
`Learner.result`), `state.pt` (all that the next step depends on), `curve.csv`, TensorBoard's events if tensorboardX
is installed, and at the end `curve.png` if matplotlib is.
"""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from face_detect_ros.core.errors import TrainingError
from face_detect_ros.training import curve, state
from face_detect_ros.training.data.loader import Batch, BatchLoader
from face_detect_ros.training.learners.protocol import Learner
from face_detect_ros.training.losses.detection import Losses, Truth
from face_detect_ros.training.optimization import (
    MovingAverage,
    freeze,
    make_optimizer,
    rate_over_steps,
    set_to_train,
)
from face_detect_ros.training.options import TrainOptions

LAST, BEST = "last", "best"
MEASURE = "AP"  # what "best" goes by
_SEEDS_APART = 2**32
_SAVES_APART_S = 30.0  # at the ends of epochs
_PARTS = ("total", "box", "classes", "distribution")


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes:
        epoch: From 0.
        epochs: How many there are.
        step: Of the epoch, from 1.
        steps: Of an epoch.
        losses: Means since the epoch began, by name.
        images_per_s: Images per second.
        left_s: Time that is left, in seconds.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    losses: Mapping[str, float]
    images_per_s: float
    left_s: float


class Trainer:
    """Trains the network of a `Learner`.

    Args:
        learner: The network and its loss.
        loader: Batches of images.
        options: Settings of the training.
        folder: Of this training.
        device: Where to compute.
        dtype: Number format of the forward and backward pass.
        evaluate: Computes the figures of the averaged network, `AP` among them.
        depends_on: What the result depends on besides the options; a saved state that differs in it is refused.
        name_images: Names the images with these numbers in messages.
        on_progress: Called after each step.
        on_epoch: Called with the figures of each epoch.
        on_best: Called with the figures of an epoch that is better than all before it.
    """

    def __init__(
        self,
        learner: Learner,
        loader: BatchLoader,
        options: TrainOptions,
        folder: Path,
        *,
        device: torch.device,
        dtype: torch.dtype,
        evaluate: Callable[[nn.Module], Mapping[str, float]],
        depends_on: Mapping[str, Any] | None = None,
        name_images: Callable[[tuple[int, ...]], str] = str,
        on_progress: Callable[[Progress], None] = lambda _: None,
        on_epoch: Callable[[Mapping[str, float]], None] = lambda _: None,
        on_best: Callable[[Mapping[str, float]], None] = lambda _: None,
    ) -> None:
        self._options = options
        self._folder = folder
        self._device = device
        self._dtype = dtype
        self._loader = loader
        self._evaluate = evaluate
        self._learner = learner
        self._depends_on = dict(depends_on or {})
        self._name_images = name_images
        self._on_progress = on_progress
        self._on_epoch = on_epoch
        self._on_best = on_best
        self._stop_asked = False

        self._model = learner.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        freeze(self._model, options.freeze)
        self._optimizer = make_optimizer(self._model, options)
        self._full_rates = [group["lr"] for group in self._optimizer.param_groups]
        self._share_of_rate = rate_over_steps(options, loader.steps)
        self._scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
        self._average = MovingAverage(self._model, options.ema_decay)
        self._epoch, self._step = 0, 0
        self._sums = dict.fromkeys(_PARTS, 0.0)
        self._rows: list[dict[str, float]] = []
        self._best = -1.0
        self._saved_s = -math.inf  # when the state was saved, by time.monotonic
        network: nn.Module = _NetworkAndLoss(self._model, learner)
        if _distributed():
            ids = [device.index] if device.type == "cuda" else None
            network = DistributedDataParallel(network, device_ids=ids)
        self._network = network

    def restore(self) -> bool:
        """Continue the training in the folder, which may have been meant for fewer epochs.

        Returns:
            False if there is none.

        Raises:
            TrainingError: It is a training with other settings.
        """
        saved = state.load_state(self._folder)
        if saved is None:
            return False
        now = self._record()
        before = saved["options"].get("epochs", now["epochs"])
        if saved["epoch"] <= now["epochs"] and now["epochs"] > before:  # it is lengthened
            saved["options"]["epochs"] = now["epochs"]
        different = state.differences(saved["options"], now)
        if different:
            raise TrainingError(
                f"{self._folder}: holds a training with other settings ({'; '.join(different)}); "
                "give the same, or another folder"
            )
        self._model.load_state_dict(saved["model"])
        self._average.model.load_state_dict(saved["average"])
        self._optimizer.load_state_dict(saved["optimizer"])
        self._scaler.load_state_dict(saved["scaler"])
        self._epoch, self._step, self._best = saved["epoch"], saved["step"], saved["best"]
        self._sums, self._rows = saved["sums"], saved["rows"]
        return True

    def run(self) -> list[dict[str, float]]:
        """Train to the last epoch. Ctrl-C and SIGTERM save the state and raise KeyboardInterrupt.

        Returns:
            The rows of the learning curve.

        Raises:
            TrainingError: The loss is not finite.
            OutputError: The folder cannot be written.
        """
        with self._stopping_politely():
            while self._epoch < self._options.epochs:
                seconds = self._train_epoch()
                row = self._row(seconds)
                done = self._epoch + 1 == self._options.epochs
                # epochs of a GPU may take less than to save what they have learned
                due = done or time.monotonic() - self._saved_s > _SAVES_APART_S
                if self._leads:
                    self._finish_epoch(row, due)
                if _distributed():
                    dist.barrier()
                self._epoch, self._step = self._epoch + 1, 0
                self._sums = dict.fromkeys(_PARTS, 0.0)
                self._rows.append(row)
                if due:
                    self._save()
        if self._leads:
            curve.draw(self._folder, self._rows)
        return self._rows

    @property
    def _leads(self) -> bool:
        return not _distributed() or dist.get_rank() == 0

    def _record(self) -> dict[str, Any]:
        return _plain({**self._options.as_record(), **self._depends_on, "steps": self._loader.steps})

    def _train_epoch(self) -> float:
        """Run the remaining steps of the epoch. Returns the seconds they took."""
        options, steps = self._options, self._loader.steps
        settled = self._epoch >= options.epochs - options.settle_epochs
        augment = options.augment.settled() if settled else options.augment
        set_to_train(self._model, options.freeze)
        started_s = time.monotonic()
        first = self._step
        for batch in self._loader.epoch(self._epoch, augment, first):
            losses = self._learn(batch)
            for name in _PARTS:
                self._sums[name] += losses[name]
            self._step += 1
            now_s = time.monotonic()
            pace_s = (now_s - started_s) / (self._step - first)
            left = (options.epochs - self._epoch) * steps - self._step
            means = {name: value / self._step for name, value in self._sums.items()}
            self._on_progress(
                Progress(
                    self._epoch,
                    options.epochs,
                    self._step,
                    steps,
                    means,
                    options.batch / pace_s,
                    left * pace_s,
                )
            )
            stop = self._must_stop()
            if stop or now_s - max(self._saved_s, started_s) > options.save_every_s:
                self._save()
            if stop:
                raise KeyboardInterrupt
        return time.monotonic() - started_s

    def _must_stop(self) -> bool:
        """Whether any process was asked to stop. All must stop after the same step, or some would wait for the
        others.
        """
        if not _distributed():
            return self._stop_asked
        asked = torch.tensor(float(self._stop_asked), device=self._device)
        dist.all_reduce(asked, dist.ReduceOp.MAX)
        return bool(asked.item())

    def _learn(self, batch: Batch) -> dict[str, float]:
        number = self._epoch * self._loader.steps + self._step
        for group, rate in zip(self._optimizer.param_groups, self._full_rates, strict=True):
            group["lr"] = rate * self._share_of_rate(number)
        torch.manual_seed(self._options.seed * _SEEDS_APART + number)  # of what networks draw themselves
        images = batch.images.to(self._device, non_blocking=True).permute(0, 3, 1, 2).float() / 255
        truth = batch.truth.to(self._device)
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
            losses: Losses = self._network(images, truth)
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(losses.total * _images(images)).backward()
        self._scaler.unscale_(self._optimizer)
        length = nn.utils.clip_grad_norm_(self._model.parameters(), self._options.clip_norm)
        # one transfer a step, as each waits for the device
        tensors = [getattr(losses, name).detach() for name in _PARTS]
        *values, norm = torch.stack([*tensors, length]).tolist()
        # a gradient that overflowed in float16 is left out by the scaler
        halved = self._scaler.is_enabled()
        for what, value in (("loss", values[0]), ("gradient's length", 0.0 if halved else norm)):
            if not math.isfinite(value):
                raise TrainingError(
                    f"epoch {self._epoch + 1}, step {self._step + 1}: the {what} is {value}; "
                    f"images: {self._name_images(batch.sources)}; look at their labels, or lower the learning rate"
                    + (", or give precision bfloat16 or float32" if halved else "")
                )
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._average.update(number)
        return dict(zip(_PARTS, values, strict=True))

    def _row(self, seconds: float) -> dict[str, float]:
        means = {f"loss_{name}": value / self._step for name, value in self._sums.items()}
        rate = self._optimizer.param_groups[0]["lr"]
        return {"epoch": self._epoch + 1, **means, "learning_rate": rate, "seconds": seconds}

    def _finish_epoch(self, row: dict[str, float], write: bool) -> None:
        done = self._epoch + 1
        if write:
            self._learner.write(self._average.model, self._folder, LAST)
        if done % self._options.evaluate_every == 0 or done == self._options.epochs:
            row.update(self._evaluate(self._average.model))
            if row[MEASURE] > self._best:
                self._best = row[MEASURE]
                self._learner.write(self._average.model, self._folder, BEST)
                self._on_best(row)
        curve.write(self._folder, [*self._rows, row])
        self._on_epoch(row)

    def _save(self) -> None:
        self._saved_s = time.monotonic()
        if self._leads:
            state.save_state(
                self._folder,
                {
                    "options": self._record(),
                    "model": self._model.state_dict(),
                    "average": self._average.model.state_dict(),
                    "optimizer": self._optimizer.state_dict(),
                    "scaler": self._scaler.state_dict(),
                    "epoch": self._epoch,
                    "step": self._step,
                    "best": self._best,
                    "sums": self._sums,
                    "rows": self._rows,
                },
            )

    @contextlib.contextmanager
    def _stopping_politely(self) -> Iterator[None]:
        """Let Ctrl-C, SIGTERM and a closed terminal end the training after the current step."""

        def ask(signum: int, frame: FrameType | None) -> None:
            self._stop_asked = True

        before = {
            number: signal.signal(number, ask)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
            if signal.getsignal(number) != signal.SIG_IGN  # nohup
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _NetworkAndLoss(nn.Module):
    """Both in one module: DistributedDataParallel averages the gradients of what one forward call used."""

    def __init__(self, network: nn.Module, learner: Learner) -> None:
        super().__init__()
        self.network = network
        self._learner = learner

    def forward(self, images: Tensor, truth: Truth) -> Losses:
        return self._learner.losses(self.network, images, truth)


def _images(images: Tensor) -> int:
    """As in YOLO's recipe a step's loss is a sum over its images; DDP takes the mean over processes, so all count."""
    return len(images) * (dist.get_world_size() if _distributed() else 1)


def _distributed() -> bool:
    return dist.is_available() and dist.is_initialized()


def _plain(value: Any) -> Any:
    """Tuples as lists, so that what was saved equals what is."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
