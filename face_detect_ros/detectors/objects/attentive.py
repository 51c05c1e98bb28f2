# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Object detectors that show which parts of an image counted for a detection."""

from __future__ import annotations

from typing import Any, Protocol

import cv2
import numpy as np

from face_detect_ros.core.errors import DetectorError
from face_detect_ros.core.frame import check_image
from face_detect_ros.core.letterbox import Letterbox
from face_detect_ros.detectors.objects.detector import NetworkDetector, ObjectNetwork


class AttentiveNetwork(ObjectNetwork, Protocol):
    """An `ObjectNetwork` that tells what counted for a detection."""

    def attend(
        self, batch: Any, box: np.ndarray, place: Letterbox, class_id: int | None = None
    ) -> np.ndarray:
        """What counted for the detection nearest to `box`.

        Args:
            batch: What `prepare` gave for one image at `place`.
            box: (4,) float32 xyxy, pixels of the network's input.
            place: Of the image in the input.
            class_id: Class of the detection; None: the most likely one at `box`.

        Returns:
            (h, w) float32, none below 0, over the whole input.
        """
        ...


class AttentiveNetworkDetector(NetworkDetector):
    """A `NetworkDetector` that is an `AttentionSource` too.

    Args:
        network: Computes candidates and heat maps.
        name: Of the model, for messages.
        largest_batch: Most images at once.
    """

    # stated again for its narrower type: what gives no attention must not look like a source of it
    def __init__(
        self, network: AttentiveNetwork, *, name: str = "the object detector", largest_batch: int = 8
    ) -> None:
        super().__init__(network, name=name, largest_batch=largest_batch)

    def attention(self, image: np.ndarray, box: np.ndarray, class_id: int | None = None) -> np.ndarray:
        """See `AttentionSource`."""
        check_image(image)
        network: Any = self._open_network()
        place = network.place(*image.shape[:2])
        try:
            batch = network.prepare([image], [place])
            seen = network.attend(batch, place.boxes_to_input(np.reshape(box, (1, 4)))[0], place, class_id)
        except (RuntimeError, MemoryError) as error:
            raise self._failure(error, image) from error
        heat = _over_image(seen, place)
        greatest = heat.max()
        if not (np.isfinite(greatest) and greatest > 0):
            raise DetectorError(
                f"{self.name}: the heat map of box {np.asarray(box).round(1).tolist()} is empty or not finite; set "
                "precision to float32, and if that does not help, the weights are damaged"
            )
        result: np.ndarray = heat / greatest
        return result


def _over_image(seen: np.ndarray, place: Letterbox) -> np.ndarray:
    """(h, w) over the network's input to (H, W) float32 over the image, without the padding."""
    (top, left), (height, width) = place.offset, place.resized
    over_input = cv2.resize(seen.astype(np.float32), place.target[::-1], interpolation=cv2.INTER_LINEAR)
    inside = over_input[top : top + height, left : left + width]
    return cv2.resize(inside, place.original[::-1], interpolation=cv2.INTER_LINEAR)
