# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What happens in a stream of images: things appear, leave, are recognized, enter and leave zones.

Every change is debounced: it is reported once it has lasted, so that a detector that misses a thing in one image, or
a box that trembles on the border of a zone, makes no events.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from face_detect_ros.core.stamps import StampClock

DEBOUNCE_S = 0.5
_SEEN_IMAGES = 2  # images that a change must be seen in, whatever the time between them
_MISSED_IMAGES = 3  # a slow camera may miss a thing in one or two without its leaving


@dataclass(frozen=True)
class Thing:
    """A tracked detection in one image.

    Attributes:
        track: Its confirmed track.
        label: Name of its class.
        box: Left, top, right, bottom in pixels.
        name: Who it is; None if unknown.
        zones: Names of the zones that it is in.
    """

    track: int
    label: str
    box: tuple[float, float, float, float]
    name: str | None = None
    zones: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Event:
    """One change.

    Attributes:
        kind: "appeared", "left", "recognized", or with a zone "entered", "left".
        thing: As it was last seen.
        stamp_ns: Of the first image that shows the change, in nanoseconds.
        zone: Name of the zone; empty for the image as a whole.
    """

    kind: str
    thing: Thing
    stamp_ns: int
    zone: str = ""

    def to_json(self, frame_id: str) -> str:
        """The event as a line of JSON; `frame_id` is that of the camera's images."""
        sec, nanosec = divmod(self.stamp_ns, 1_000_000_000)
        values = {
            "event": self.kind,
            **({"zone": self.zone} if self.zone else {}),
            "track": self.thing.track,
            "class": self.thing.label,
            "name": self.thing.name,
            "box": [round(value, 1) for value in self.thing.box],
            "stamp": {"sec": sec, "nanosec": nanosec},
            "frame_id": frame_id,
        }
        return json.dumps(values, ensure_ascii=False)


@dataclass
class _Change:
    """A difference between what is seen and what was reported."""

    began_s: float
    stamp_ns: int
    images: int = 0


@dataclass
class _Fact:
    """Something that is true or not, as it was last reported."""

    value: bool = False
    change: _Change | None = None

    @classmethod
    def lasting(cls, stamp_ns: int) -> _Fact:
        """One that has been true for long enough, and is reported with this stamp if the next image shows it."""
        return cls(change=_Change(-math.inf, stamp_ns, _SEEN_IMAGES))

    def see(self, value: bool, now_s: float, stamp_ns: int, lasts_s: float, images: int) -> int | None:
        """The stamp at which the value changed, once that has lasted; None while there is nothing to report."""
        if value == self.value:
            self.change = None
            return None
        if self.change is None:
            self.change = _Change(now_s, stamp_ns)
        self.change.images += 1
        if self.change.images < images or now_s - self.change.began_s < lasts_s:
            return None
        began_ns = self.change.stamp_ns
        self.value, self.change = value, None
        return began_ns


@dataclass
class _Known:
    """A track that is, or was until a moment ago, in the image."""

    thing: Thing
    present: _Fact = field(default_factory=_Fact)
    zones: dict[str, _Fact] = field(default_factory=dict)
    name: str | None = None  # as reported


class EventWatch:
    """Turns the tracked things of one stream into events. One thread at a time may use an instance.

    Args:
        debounce_s: How long a change must last before it is reported, in seconds. Recognition is reported at once: it
            comes from several looks already.
    """

    def __init__(self, debounce_s: float = DEBOUNCE_S) -> None:
        self.debounce_s = debounce_s
        self._clock = StampClock()
        self._known: dict[int, _Known] = {}
        self._stamp_ns = 0

    def update(
        self,
        things: Sequence[Thing],
        stamp_ns: int,
        arrival_s: float | None = None,
        *,
        renamed: Mapping[int, int] = MappingProxyType({}),
    ) -> list[Event]:
        """Take in the next image.

        Args:
            things: Everything in it that has a confirmed track.
            stamp_ns: Its stamp, 0 if it has none.
            arrival_s: When it arrived, in seconds of a monotonic clock, if known.
            renamed: Tracks that have got the id of an earlier thing: that id by the one they had. What was reported
                with the id they had leaves, and goes on with the earlier one.

        Returns:
            What can be reported now, in order.
        """
        if not self._clock.advance(stamp_ns, arrival_s):
            gone = [event for known in self._known.values() for event in self._leave(known, self._stamp_ns)]
            self._known = {}
            return [*gone, *self._see(things, stamp_ns)]
        events = [event for old, new in renamed.items() for event in self._rename(old, new, stamp_ns)]
        return events if self._clock.late else [*events, *self._see(things, stamp_ns)]

    def _rename(self, old: int, new: int, stamp_ns: int) -> Iterator[Event]:
        known = self._known.pop(old, None)
        if known is None:
            return
        yield from self._leave(known, stamp_ns)  # by the id that it was reported with
        reported = known.present.value
        earlier = self._known.get(new)
        if earlier is not None and (earlier.present.value or not reported):
            return  # the earlier thing goes on as if it had never been away
        known.thing = replace(known.thing, track=new)
        if reported:
            known.name = None
            known.present = _Fact.lasting(stamp_ns)
            known.zones = {zone: _Fact.lasting(stamp_ns) for zone, fact in known.zones.items() if fact.value}
        self._known[new] = known

    def _see(self, things: Sequence[Thing], stamp_ns: int) -> list[Event]:
        self._stamp_ns = stamp_ns
        events: list[Event] = []
        present = {thing.track: thing for thing in things}
        for track, thing in present.items():
            known = self._known.setdefault(track, _Known(thing))
            known.thing = thing
            events += self._present(known, stamp_ns)
        for track, known in list(self._known.items()):
            if track not in present:
                events += self._absent(known, stamp_ns)
        return events

    def _present(self, known: _Known, stamp_ns: int) -> Iterator[Event]:
        thing, now_s = known.thing, self._clock.now_s
        began_ns = known.present.see(True, now_s, stamp_ns, self.debounce_s, _SEEN_IMAGES)
        if began_ns is not None:
            yield Event("appeared", thing, began_ns)
        reported = known.present.value
        if reported and thing.name is not None and thing.name != known.name:
            known.name = thing.name
            yield Event("recognized", thing, stamp_ns)
        # what appears in a zone has been there since its first image, and enters right after it appears
        lasts_s = self.debounce_s if reported else math.inf
        for zone in sorted({*thing.zones, *known.zones}):
            fact = known.zones.setdefault(zone, _Fact())
            began_ns = fact.see(zone in thing.zones, now_s, stamp_ns, lasts_s, _SEEN_IMAGES)
            if began_ns is not None:
                yield Event("entered" if fact.value else "left", thing, began_ns, zone)

    def _absent(self, known: _Known, stamp_ns: int) -> Iterator[Event]:
        if not known.present.value:  # never reported
            del self._known[known.thing.track]
            return
        began_ns = known.present.see(False, self._clock.now_s, stamp_ns, self.debounce_s, _MISSED_IMAGES)
        if began_ns is not None:
            known.present.value = True
            yield from self._leave(known, began_ns)
            del self._known[known.thing.track]

    def _leave(self, known: _Known, stamp_ns: int) -> Iterator[Event]:
        """A track has gone, and with it out of its zones."""
        if not known.present.value:
            return
        for zone in sorted(known.zones):
            if known.zones[zone].value:
                yield Event("left", known.thing, stamp_ns, zone)
        yield Event("left", known.thing, stamp_ns)
