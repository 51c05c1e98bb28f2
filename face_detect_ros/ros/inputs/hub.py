# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One decoded frame for every node of a process."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Protocol

from face_detect_ros.core.frame import LazyFrame


class Consumer(Protocol):
    """What the hub gives frames to.

    Attributes:
        topic: Fully qualified name of the image topic, without the transport.
        key: Consumers with the same key can share one subscription.
    """

    topic: str

    @property
    def key(self) -> Hashable: ...

    def receive(self, frame: LazyFrame) -> None:
        """Take a frame, on the thread that produced or received it."""
        ...

    def subscribe(self) -> None:
        """Receive frames over DDS and hand them to `ImageHub.arrived`."""
        ...

    def unsubscribe(self) -> None:
        """Stop that. Fine if there is no subscription."""
        ...


class ImageHub:
    """Gives every node of a process the same frames, each decoded at most once.

    Consumers with the same key share one subscription, which the first of them owns. Where the producer lives in this
    process too, frames go straight to them and never through DDS. Safe between threads.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._groups: dict[Hashable, list[Consumer]] = {}
        self._local: set[str] = set()

    def is_local(self, topic: str) -> bool:
        """Whether a node of this process delivers the frames of `topic`."""
        return topic in self._local

    def advertise(self, topic: str) -> None:
        """Say that a node of this process will `deliver` the fully qualified `topic` from now on."""
        with self._lock:
            self._local.add(topic)
            for group in self._of_topic(topic):
                group[0].unsubscribe()

    def withdraw(self, topic: str) -> None:
        """Say that it no longer will: its consumers listen to other processes."""
        with self._lock:
            if topic in self._local:
                self._local.remove(topic)
                for group in self._of_topic(topic):
                    group[0].subscribe()

    def deliver(self, topic: str, frame: LazyFrame) -> None:
        """Hand a frame of an advertised topic to its consumers, whatever transport they asked for."""
        with self._lock:
            consumers = [consumer for group in self._of_topic(topic) for consumer in group]
        for consumer in consumers:
            consumer.receive(frame)

    def arrived(self, key: Hashable, frame: LazyFrame) -> None:
        """Hand a frame that came over DDS to all consumers with this key."""
        with self._lock:
            consumers = tuple(self._groups.get(key, ()))
        for consumer in consumers:
            consumer.receive(frame)

    def join(self, consumer: Consumer) -> None:
        """Let `consumer` have frames. What its `subscribe` raises leaves it without."""
        with self._lock:
            group = self._groups.setdefault(consumer.key, [])
            if consumer in group:
                return
            group.append(consumer)
            if len(group) == 1 and not self.is_local(consumer.topic):
                try:
                    consumer.subscribe()
                except BaseException:
                    self.leave(consumer)
                    raise

    def leave(self, consumer: Consumer) -> None:
        """Let `consumer` have no more frames. Fine if it has none."""
        with self._lock:
            group = self._groups.get(consumer.key, [])
            if consumer not in group:
                return
            owner = group[0] is consumer
            group.remove(consumer)
            if not group:
                del self._groups[consumer.key]
            if owner:
                consumer.unsubscribe()
                if group and not self.is_local(consumer.topic):
                    group[0].subscribe()

    def owner(self, key: Hashable) -> Consumer | None:
        """Consumer that owns the subscription that those with this key share."""
        with self._lock:
            group = self._groups.get(key)
            return group[0] if group else None

    def _of_topic(self, topic: str) -> list[list[Consumer]]:
        return [group for group in self._groups.values() if group[0].topic == topic]
