# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Errors for bad input. Each message says what is wrong, where, and what to do next."""

_JOINERS = "\u200c\u200d"  # not printable by themselves, but parts of names in Persian and Indian scripts


class PerceptionError(Exception):
    """Base of every error this package raises for bad input; anything else is a bug.

    Its text may quote files, servers and messages of others. Control characters in it are escaped, so that nothing from
    outside moves the cursor of a terminal, hides a part of a line or begins a new one in a log.
    """

    def __str__(self) -> str:
        text = super().__str__()
        if text.isprintable():
            return text
        return "".join(
            letter if letter.isprintable() or letter in _JOINERS else ascii(letter)[1:-1] for letter in text
        )


class ConfigError(PerceptionError):
    """A parameter, option, model name or configuration file cannot be used."""


class DeviceError(ConfigError):
    """A compute device does not exist or cannot run what was asked of it."""


class EngineError(ConfigError):
    """An engine is not installed or cannot compute a model; another one may."""


class WeightsError(PerceptionError):
    """A model file is missing, damaged or belongs to another network."""


class SourceError(PerceptionError):
    """An image file, video, camera or stream cannot be opened or read."""


class OutputError(PerceptionError):
    """A result cannot be written."""


class StoreError(SourceError, OutputError):
    """An object store does not answer, or refuses: nothing can be read from it or written to it for now."""


class StoreAccessError(StoreError):
    """An object store does not let this user read or write a file, or does not say whether there is one."""


class DetectorError(PerceptionError):
    """A detector failed on a valid image."""


class TrainingError(PerceptionError):
    """A training cannot continue: its loss is not a number, or a saved state does not fit."""


class GalleryError(PerceptionError):
    """The gallery of known people cannot be opened, read or written, or refuses a request."""


class ImageError(PerceptionError):
    """One image cannot be used; the next one may be fine.

    Args:
        reason: A short fixed key, such as ``"step"``, under which diagnostics count such images.
        message: What is wrong, and what to do.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
