"""Errors for bad input. Each message says what is wrong, where, and what to do next."""


class PerceptionError(Exception):
    """Base of every error this package raises for bad input; anything else is a bug."""


class ConfigError(PerceptionError):
    """A parameter, option, model name or configuration file cannot be used."""


class DeviceError(ConfigError):
    """A compute device does not exist or cannot run what was asked of it."""


class EngineError(ConfigError):
    """An engine is not installed or cannot compute a model; another one may."""


class WeightsError(PerceptionError):
    """A model file is missing, damaged or belongs to another network."""


class SourceError(PerceptionError):
    """A picture, video, camera or stream cannot be opened or read."""


class OutputError(PerceptionError):
    """A result cannot be written."""


class DetectorError(PerceptionError):
    """A detector failed on a picture that was valid."""


class TrainingError(PerceptionError):
    """A training cannot go on: a loss that is no number, or a state that does not fit."""


class GalleryError(PerceptionError):
    """The gallery of known people cannot be opened, read or written, or refuses what was asked of it."""


class ImageError(PerceptionError):
    """One image cannot be used; the next one may be fine.

    `reason` is a short fixed key (for example ``"step"``) under which diagnostics count such images.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
