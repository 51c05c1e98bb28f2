"""Where pictures come from when no camera node runs: files, folders, videos, devices, streams, the screen."""

from .base import Capture, FrameSource
from .capture_thread import CaptureThread, SourceEvent
from .motion import Motion
from .opening import open_source
from .options import SourceOptions

__all__ = ["Capture", "CaptureThread", "FrameSource", "Motion", "SourceEvent", "SourceOptions", "open_source"]
