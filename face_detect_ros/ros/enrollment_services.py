# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The services that change the gallery: `~/enroll`, `~/forget`, `~/rename`, `~/list_people`.

All are std_srvs/Trigger, because a Python package cannot define services of its own; the parameters `enroll_name` and
`rename_to` say which person they act on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import numpy as np
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from std_srvs.srv import Trigger

from face_detect_ros.core.errors import GalleryError, PerceptionError
from face_detect_ros.faces.enrollment import Accepted, Refusal, judge
from face_detect_ros.faces.gallery.gallery import Gallery
from face_detect_ros.faces.gallery.people import check_name
from face_detect_ros.faces.options import EnrollmentOptions, MatchOptions
from face_detect_ros.pipeline.result import Result
from face_detect_ros.pipeline.stages.recognize import Recognize
from face_detect_ros.ros.runtime import Resting

# looks taken for one call, and how long the call may wait for them
LOOKS = 3
PATIENCE_S = 5.0


class EnrollmentParameters(Protocol):
    """Parameters that the services read."""

    @property
    def enroll_name(self) -> str: ...
    @property
    def rename_to(self) -> str: ...
    @property
    def recognize(self) -> bool: ...
    @property
    def locked(self) -> bool: ...
    @property
    def match_options(self) -> MatchOptions: ...
    @property
    def enrollment_options(self) -> EnrollmentOptions: ...


class EnrollingNode(Protocol):
    """What the services need of the face detector node, besides rclpy's own methods."""

    active: bool

    @property
    def params(self) -> EnrollmentParameters: ...
    @property
    def recognition(self) -> Recognize | None: ...
    @property
    def wire_topic(self) -> str: ...
    def announce_people(self) -> None: ...


class _Request:
    """One call of `~/enroll` that waits for images."""

    def __init__(self, name: str, future: Future) -> None:
        self.name = name
        self.future = future
        self.accepted = 0  # images
        self.taken = 0  # looks that were new
        self.refusal: Refusal | None = None
        self.camera: str | None = None  # that the looks are from


class EnrollmentServices:
    """The services of one face detector node. The worker offers results, the executor brings the calls.

    Every call has one outcome: what it reports is what the gallery holds.
    """

    def __init__(self, node: EnrollingNode) -> None:
        self._node = node
        self._ros = ros = cast("Any", node)
        self._request: _Request | None = None
        self._lock = threading.Lock()
        for name, answer in (("forget", self._forget), ("rename", self._rename), ("list_people", self._list)):
            ros.create_service(Trigger, f"~/{name}", self._answering(answer))
        # in a group of its own: until a call is answered, rclpy's wait-set executors (all before Kilted) hold back
        # the rest of its group, which would be the images and the timer that the call waits for
        group = ReentrantCallbackGroup()
        ros.create_service(Trigger, "~/enroll", self._enroll, callback_group=group)

    @property
    def waiting(self) -> bool:
        """Whether a call waits for images."""
        return self._request is not None

    def give_up(self, reason: str) -> None:
        """Refuse the call that waits, if there is one."""
        self._finish(reason)

    def offer(self, result: Result, camera: str, followed: Mapping[str, int]) -> None:
        """Take an image and its faces, for the call that waits for one. Called by the worker for every image.

        All looks of a call are from one camera: another one may show somebody else.

        Args:
            result: The image and its faces.
            camera: Name of its camera.
            followed: Track of the face to enroll, by the cameras that follow one; 0 while it is not found. Other
                cameras are left out. If no camera follows a face, the one large face of the image is meant.
        """
        request, recognition = self._request, self._node.recognition
        if request is None or recognition is None or recognition.gallery is None:
            return
        if request.camera not in (None, camera):
            return
        absent = Refusal("no_face", "the face that is followed is not in the image")
        if followed and camera not in followed:
            request.refusal = request.refusal or absent
            return
        gallery, faces = recognition.gallery, result.detections
        if followed:
            track = followed[camera]
            ids = np.zeros(len(faces), np.int64) if faces.track_ids is None else np.abs(faces.track_ids)
            faces = faces.select(np.flatnonzero((ids == track) & (track > 0)))
            if not len(faces):
                request.refusal = absent
                return
        options, people = self._node.params.match_options, gallery.snapshot()
        verdict = judge(
            request.name,
            result.frame.image,
            faces,
            recognition.embedder,
            people,
            options,
            self._node.params.enrollment_options,
        )
        if isinstance(verdict, Refusal):
            request.refusal = verdict
            return
        self._take(request, gallery, verdict, camera)

    def _take(self, request: _Request, gallery: Gallery, accepted: Accepted, camera: str) -> None:
        with self._lock:
            if self._request is not request:
                return  # answered meanwhile: what was refused is never stored
            try:
                request.taken += gallery.enroll(request.name, accepted.embedding, self._node.wire_topic)
            except GalleryError as error:
                self._request = None
                request.future.set_result(str(error))
                return
            request.accepted += 1
            request.camera = camera
        if request.accepted >= LOOKS:
            self._finish("")

    async def _enroll(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            waiting = self._begin()
        except PerceptionError as error:
            response.success, response.message = False, str(error)
            return response
        timer = self._ros.create_timer(PATIENCE_S, lambda: self._finish(""), clock=self._ros.steady)
        problem = await Resting(waiting.future)
        self._ros.destroy_timer(timer)
        response.success = waiting.accepted > 0
        if response.success:
            response.message = f"{waiting.name} is enrolled; new looks: {waiting.taken}"
            self._node.announce_people()
        elif problem:
            response.message = problem
        elif waiting.refusal is not None:
            response.message = f"{waiting.name} was not enrolled: {waiting.refusal.message}"
        else:
            response.message = f"{waiting.name} was not enrolled: no image came within {PATIENCE_S:g} s"
        self._ros.get_logger().info(response.message)
        return response

    def _begin(self) -> _Request:
        """The request of a call that may wait for images. Raises PerceptionError with the reason if it may not."""
        self._check_unlocked()
        name = check_name(self._node.params.enroll_name)
        self._gallery()
        if not self._node.active:
            raise GalleryError("the node is not active; activate it, so that it sees images")
        with self._lock:
            if self._request is not None:
                raise GalleryError(f"'{self._request.name}' is being enrolled; call again when that is done")
            self._request = _Request(name, Future(executor=self._ros.executor))
            return self._request

    def _finish(self, problem: str) -> None:
        """Let the waiting call answer, whichever of worker and timer comes first."""
        with self._lock:
            request, self._request = self._request, None
        if request is not None:
            request.future.set_result(problem)

    def _forget(self) -> str:
        self._check_unlocked()
        name = check_name(self._node.params.enroll_name)
        looks = self._gallery().forget(name)
        return f"{name}: erased, with {looks} look{'s' * (looks != 1)}"

    def _rename(self) -> str:
        self._check_unlocked()
        old, new = check_name(self._node.params.enroll_name), check_name(self._node.params.rename_to)
        self._gallery().rename(old, new)
        return f"{old} is now {new}"

    def _list(self) -> str:
        people = self._gallery().people()
        return "\n".join(f"{person.name}: {person.looks} looks" for person in people)

    def _check_unlocked(self) -> None:
        if self._node.params.locked:
            raise GalleryError(
                "the node is locked; change the gallery with `face_detect_ros people` and `enroll`"
            )

    def _gallery(self) -> Gallery:
        recognition = self._node.recognition
        if recognition is not None and recognition.gallery is not None:
            return recognition.gallery
        if self._node.params.recognize:
            raise GalleryError("the node is not ready; configure it, or wait until its weights are loaded")
        raise GalleryError("recognition is off; set the parameter recognize to true and configure the node")

    def _answering(
        self, answer: Callable[[], str]
    ) -> Callable[[Trigger.Request, Trigger.Response], Trigger.Response]:
        def serve(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            try:
                response.message = answer()
                response.success = True
                self._node.announce_people()
            except PerceptionError as error:
                response.success, response.message = False, str(error)
            return response

        return serve
