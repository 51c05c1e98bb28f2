"""The services that change the gallery: `~/enroll`, `~/forget`, `~/rename`, `~/list_people`.

All are std_srvs/Trigger, because a Python package cannot define services of its own; whom they are about is said by the
parameters `enroll_name` and `rename_to`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.task import Future
from std_srvs.srv import Trigger

from face_detect_ros.core.detections import Detections
from face_detect_ros.core.errors import GalleryError, PerceptionError
from face_detect_ros.faces.embedders.catalogue import Embedder
from face_detect_ros.faces.enrollment import Accepted, Refusal, judge
from face_detect_ros.faces.gallery.gallery import Gallery
from face_detect_ros.faces.gallery.people import check_name
from face_detect_ros.faces.options import EnrollmentOptions

if TYPE_CHECKING:
    from face_detect_ros.ros.nodes.face_detector import FaceDetector

# looks taken for one call, and how long the call may wait for them
LOOKS = 3
PATIENCE_S = 5.0


class _Request:
    """One call of `~/enroll` that waits for pictures."""

    def __init__(self, name: str, future: Future) -> None:
        self.name = name
        self.future = future
        self.accepted = 0  # pictures
        self.taken = 0  # looks that were new
        self.refusal: Refusal | None = None


class Enrollment:
    """The services of one face detector node. Pictures are offered by the worker, calls come from the executor."""

    def __init__(self, node: FaceDetector) -> None:
        self._node = node
        self._gallery: Gallery | None = None
        self._embedder: Embedder | None = None
        self._request: _Request | None = None
        self._lock = threading.Lock()
        for name, answer in (("forget", self._forget), ("rename", self._rename), ("list_people", self._list)):
            node.create_service(Trigger, f"~/{name}", self._answering(answer))
        # in a group of its own: until a call is answered, rclpy's wait-set executors (all before Kilted) hold back
        # the rest of its group, which would be the pictures and the timer that the call waits for
        group = ReentrantCallbackGroup()
        node.create_service(Trigger, "~/enroll", self._enroll, callback_group=group)

    def open(self, gallery: Gallery, embedder: Embedder) -> None:
        self._gallery, self._embedder = gallery, embedder

    def close(self) -> None:
        self._gallery = self._embedder = None
        self._finish("the node was cleaned up")

    def offer(self, image: np.ndarray, faces: Detections) -> None:
        """A picture and its faces, for the enrollment that waits for one. Called by the worker for every picture."""
        request, gallery, embedder = self._request, self._gallery, self._embedder
        if request is None or gallery is None or embedder is None:
            return
        options, people = self._node.params.match_options, gallery.snapshot()
        verdict = judge(request.name, image, faces, embedder, people, options, EnrollmentOptions())
        if isinstance(verdict, Refusal):
            request.refusal = verdict
            return
        self._take(request, gallery, verdict)

    def _take(self, request: _Request, gallery: Gallery, accepted: Accepted) -> None:
        try:
            request.taken += gallery.enroll(request.name, accepted.embedding, self._node.wire_topic)
        except GalleryError as error:
            self._finish(str(error))
            return
        request.accepted += 1
        if request.accepted >= LOOKS:
            self._finish("")

    async def _enroll(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            name = check_name(self._node.params.enroll_name)
            self._open_gallery()
            if not self._node.active:
                raise GalleryError("the node is not active; activate it, so that it sees pictures")
            with self._lock:
                if self._request is not None:
                    raise GalleryError(
                        f"'{self._request.name}' is being enrolled; call again when that is done"
                    )
                waiting = self._request = _Request(name, Future(executor=self._node.executor))
        except PerceptionError as error:
            response.success, response.message = False, str(error)
            return response
        timer = self._node.create_timer(
            PATIENCE_S, lambda: self._finish(""), clock=Clock(clock_type=ClockType.STEADY_TIME)
        )
        problem = await waiting.future
        self._node.destroy_timer(timer)
        response.success = waiting.accepted > 0
        if response.success:
            response.message = f"{name} is enrolled; new looks: {waiting.taken}"
            self._node.publish_people()
        elif problem:
            response.message = problem
        elif waiting.refusal is not None:
            response.message = f"{name} was not enrolled: {waiting.refusal.message}"
        else:
            response.message = f"{name} was not enrolled: no picture came within {PATIENCE_S:g} s"
        self._node.get_logger().info(response.message)
        return response

    def _finish(self, problem: str) -> None:
        """Let the waiting call answer, whichever of worker and timer comes first."""
        with self._lock:
            request, self._request = self._request, None
        if request is not None:
            request.future.set_result(problem)

    def _forget(self) -> str:
        name = check_name(self._node.params.enroll_name)
        looks = self._open_gallery().forget(name)
        return f"{name}: erased, with {looks} look{'s' * (looks != 1)}"

    def _rename(self) -> str:
        old, new = check_name(self._node.params.enroll_name), check_name(self._node.params.rename_to)
        self._open_gallery().rename(old, new)
        return f"{old} is now {new}"

    def _list(self) -> str:
        people = self._open_gallery().people()
        return "\n".join(f"{person.name}: {person.looks} looks" for person in people)

    def _open_gallery(self) -> Gallery:
        if self._gallery is None:
            raise GalleryError(
                "recognition is off; set the parameter recognize to true and configure the node"
            )
        return self._gallery

    def _answering(
        self, answer: Callable[[], str]
    ) -> Callable[[Trigger.Request, Trigger.Response], Trigger.Response]:
        def serve(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            try:
                response.message = answer()
                response.success = True
            except PerceptionError as error:
                response.success, response.message = False, str(error)
            self._node.publish_people()
            return response

        return serve
