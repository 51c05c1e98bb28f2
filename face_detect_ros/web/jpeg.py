# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Images as JPEG, each encoded once for all browsers."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import cv2

from face_detect_ros.core.errors import ImageError, OutputError
from face_detect_ros.images.resizing import for_eyes
from face_detect_ros.web.options import ServerOptions
from face_detect_ros.web.scene import Shot

_MOST_KEPT = 16


class Jpeg(NamedTuple):
    """Encoded image.

    Attributes:
        data: The JPEG.
        width: Of the original image, in pixels.
        height: Of the original image, in pixels.
    """

    data: bytes
    width: int
    height: int


class JpegCache:
    """Encodes on a thread of its own, so that the server answers meanwhile. Used on the server's event loop only."""

    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="jpeg")
        self._images: dict[int, asyncio.Future[Jpeg]] = {}

    async def get(self, shot: Shot) -> Jpeg:
        """The image of `shot` as JPEG. Raises ImageError or OutputError if it cannot be decoded or encoded."""
        image = self._images.get(shot.number)
        if image is None:
            image = asyncio.get_running_loop().run_in_executor(self._thread, self._encode, shot)
            self._images[shot.number] = image
            while len(self._images) > _MOST_KEPT:
                del self._images[next(iter(self._images))]
        # shielded: one browser that goes away must not cancel the image of the others
        return await asyncio.shield(image)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _encode(self, shot: Shot) -> Jpeg:
        image = shot.frame.frame().image
        height, width = image.shape[:2]
        shown = image
        if width > self._options.max_width_px:
            rows = max(1, round(height * self._options.max_width_px / width))
            shown = for_eyes(image, (rows, self._options.max_width_px))
        try:
            done, data = cv2.imencode(
                ".jpg",
                cv2.cvtColor(shown, cv2.COLOR_RGB2BGR),
                [cv2.IMWRITE_JPEG_QUALITY, self._options.jpeg_quality],
            )
        except cv2.error as error:
            raise ImageError("jpeg", f"the image cannot be encoded: {error}") from error
        if not done:
            raise OutputError(f"an image of {width}x{height} pixels cannot be encoded as JPEG")
        return Jpeg(data.tobytes(), width, height)
