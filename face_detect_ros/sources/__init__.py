"""Where pictures come from when no camera node runs: files, folders, videos, devices, streams, the screen."""

from face_detect_ros.sources.base import Capture, FrameSource
from face_detect_ros.sources.capture_thread import CaptureThread, SourceEvent
from face_detect_ros.sources.motion import Motion
from face_detect_ros.sources.opening import open_source
from face_detect_ros.sources.options import SourceOptions

__all__ = ["Capture", "CaptureThread", "FrameSource", "Motion", "SourceEvent", "SourceOptions", "open_source"]
