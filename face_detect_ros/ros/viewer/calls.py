# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Calls of services for other threads: the page's actions come on the server's thread."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Coroutine
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future

from face_detect_ros.core.errors import DetectorError, PerceptionError
from face_detect_ros.ros.runtime import Resting

DISCOVERY_S = 3.0
"""How long a service may take to be found."""
ANSWER_S = 25.0
"""How long a service may take to answer."""
_LOOK_S = 0.05


class Calls:
    """Service clients of `node`, used by coroutines that run in its executor.

    Args:
        node: A node with a `steady` clock.
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        self._clients: dict[str, Any] = {}
        # a coroutine that waits for one answer must not hold back the next
        self._group = ReentrantCallbackGroup()

    def run(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> concurrent.futures.Future[Any]:
        """Have the executor run the coroutine `work()`. Called on any thread; errors are PerceptionErrors."""
        outcome: concurrent.futures.Future[Any] = concurrent.futures.Future()
        outcome.set_running_or_notify_cancel()

        async def task() -> None:
            try:
                result = await work()
            except PerceptionError as error:
                outcome.set_exception(error)
            except Exception as error:  # noqa: BLE001 - somebody waits for the outcome, whatever it is
                self._node.report_failure("the page", error)
                outcome.set_exception(DetectorError(f"{type(error).__name__}: {error}"))
            else:
                outcome.set_result(result)

        executor = self._node.executor
        if executor is None or not self._node.context.ok():
            outcome.set_exception(DetectorError("the viewer is about to end"))
        else:
            executor.create_task(task)
        return outcome

    async def call(self, kind: Any, service: str, request: Any) -> Any:
        """Call a service of another node.

        Args:
            kind: Type of the service.
            service: Fully qualified name.
            request: Of that type.

        Returns:
            The response.

        Raises:
            DetectorError: There is no such service, or no response in time.
        """
        client = self._clients.get(service)
        if client is None:
            client = self._node.create_client(kind, service, callback_group=self._group)
            self._clients[service] = client
        waited_s = 0.0
        while not client.service_is_ready():
            if waited_s >= DISCOVERY_S:
                node, _, name = service.rpartition("/")
                raise DetectorError(f"{node} does not answer ({name}); is it running?")
            await self.sleep(_LOOK_S)
            waited_s += _LOOK_S
        return await self._answer(client, request, service)

    async def _answer(self, client: Any, request: Any, service: str) -> Any:
        # of a node that was killed, services stay listed for a while
        pending = client.call_async(request)
        came: Future = Future(executor=self._node.executor)
        pending.add_done_callback(lambda _: came.done() or came.set_result(True))
        timer = self._node.create_timer(
            ANSWER_S, lambda: came.done() or came.set_result(False), clock=self._node.steady
        )
        try:
            if not await Resting(came):
                client.remove_pending_request(pending)
                raise DetectorError(f"{service} did not answer within {ANSWER_S:g} s")
        finally:
            self._node.destroy_timer(timer)
        return pending.result()

    async def sleep(self, seconds: float) -> None:
        """Let the executor do something else for a while."""
        future: Future = Future(executor=self._node.executor)
        timer = self._node.create_timer(
            seconds, lambda: future.done() or future.set_result(None), clock=self._node.steady
        )
        try:
            await Resting(future)
        finally:
            self._node.destroy_timer(timer)

    def close(self) -> None:
        """Destroy the clients."""
        for client in self._clients.values():
            self._node.destroy_client(client)
        self._clients.clear()
