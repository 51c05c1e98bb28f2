# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""From a source's options to the source itself."""

from __future__ import annotations

from pathlib import Path

from face_detect_ros.bags.finding import is_bag, split_topic
from face_detect_ros.core.errors import SourceError
from face_detect_ros.files.looking import exists, is_file, is_folder
from face_detect_ros.files.near import near_path
from face_detect_ros.images.reading import is_image_file, sample_file
from face_detect_ros.sources.base import FrameSource, Warn, no_warning
from face_detect_ros.sources.camera import open_device, open_stream
from face_detect_ros.sources.options import Kind, SourceOptions, expand_path
from face_detect_ros.sources.screen import ScreenSource
from face_detect_ros.sources.stills import StillsSource, open_folder
from face_detect_ros.sources.video import VideoFileSource


def open_source(options: SourceOptions, warn: Warn = no_warning) -> FrameSource:
    """Open a source.

    Args:
        options: Of the source.
        warn: Told of what is passed over, now and while reading.

    Raises:
        SourceError: It is not there or cannot be read.
        ConfigError: Trying again cannot help: a program or package is missing, a sample is unknown, there is no
            display.
    """
    kind = options.kind
    if kind is Kind.SAMPLE:
        name = options.source.strip().partition(":")[2]
        return StillsSource([sample_file(name)], options, warn)
    if kind is Kind.CAMERA:
        return open_device(options, warn)
    if kind is Kind.STREAM:
        return open_stream(options, warn)
    if kind is Kind.SCREEN:
        return ScreenSource(options)
    path, topic = split_topic(expand_path(options.source))
    if is_bag(path):
        from face_detect_ros.sources.bag import BagSource  # needs rosbags, which nodes do without

        return BagSource(path, topic, options, warn)
    if is_folder(path, SourceError):
        return open_folder(path, options, warn)
    if not is_file(path):
        raise _absent(options, path)
    return (
        StillsSource([path], options, warn) if is_image_file(path) else VideoFileSource(path, options, warn)
    )


def require(options: SourceOptions) -> None:
    """Raises SourceError if `options` name a file, folder or bag that does not exist. Other sources are not tried."""
    path = expand_path(options.source)
    if options.kind is Kind.FILE and not exists(path, SourceError) and not split_topic(path)[1]:
        raise _absent(options, path)


def _absent(options: SourceOptions, path: Path) -> SourceError:
    return SourceError(
        f"{options.description}: no such file or folder{near_path(path)}; give an image, a folder of images, a "
        "video or a bag"
    )
