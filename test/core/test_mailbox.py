# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The mailbox and its worker: the newest wins, closing wakes, nothing is kept alive."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import pytest

from face_detect_ros.core import mailbox
from face_detect_ros.core.mailbox import Mailbox, Mailboxes, Worker


class Item:
    """Something that can be watched as it goes."""


def wait_until(condition, timeout_s: float = 5.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def test_one_item_goes_in_and_out() -> None:
    box: Mailbox[int] = Mailbox()
    assert box.put(1)
    assert box.take(0) == 1
    assert box.take(0) is None
    assert (box.received, box.dropped) == (1, 0)


def test_the_newest_of_many_wins() -> None:
    box: Mailbox[int] = Mailbox()
    assert [box.put(i) for i in range(5)] == [True, False, False, False, False]
    assert box.take(0) == 4
    assert (box.received, box.dropped) == (5, 4)


def test_take_waits_no_longer_than_asked() -> None:
    began = time.monotonic()
    assert Mailbox().take(0.05) is None
    assert 0.04 <= time.monotonic() - began < 5


def test_take_wakes_for_an_item() -> None:
    box: Mailbox[int] = Mailbox()
    threading.Timer(0.05, box.put, [7]).start()
    assert box.take(10) == 7


def test_closing_wakes_everyone_and_drops_what_is_inside() -> None:
    box: Mailbox[int] = Mailbox()
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(box.take())) for _ in range(3)]
    for thread in threads:
        thread.start()
    box.close()
    for thread in threads:
        thread.join(5)
    assert results == [None] * 3
    full: Mailbox[int] = Mailbox()
    full.put(1)
    full.close()
    assert full.take() is None
    assert (full.received, full.dropped) == (1, 1)


def test_a_closed_mailbox_refuses_and_closes_again() -> None:
    box: Mailbox[int] = Mailbox()
    assert not box.closed
    box.close()
    box.close()
    assert box.closed
    assert not box.put(1)
    assert (box.received, box.dropped) == (1, 1)


def test_many_producers_lose_no_count() -> None:
    box: Mailbox[int] = Mailbox()
    taken: list[int] = []

    def consume() -> None:
        while (item := box.take()) is not None:
            taken.append(item)

    consumer = threading.Thread(target=consume)
    consumer.start()
    producers = [
        threading.Thread(target=lambda n=n: [box.put(n * 1000 + i) for i in range(500)]) for n in range(4)
    ]
    for thread in producers:
        thread.start()
    for thread in producers:
        thread.join()
    assert wait_until(lambda: len(taken) + box.dropped == 2000)
    box.close()
    consumer.join(5)
    assert box.received == 2000
    # newest wins also means: what one producer sent is never overtaken by what it sent before
    for n in range(4):
        mine = [item for item in taken if item // 1000 == n]
        assert mine == sorted(mine)


def test_an_item_that_is_taken_or_replaced_is_not_kept_alive() -> None:
    box: Mailbox[Item] = Mailbox()
    first, second = Item(), Item()
    watched = [weakref.ref(first), weakref.ref(second)]
    box.put(first)
    box.put(second)
    del first
    gc.collect()
    assert watched[0]() is None
    box.take(0)
    del second
    gc.collect()
    assert watched[1]() is None


def test_a_worker_handles_items_in_its_thread() -> None:
    names: list[str] = []
    worker: Worker[int] = Worker(
        lambda item: names.append(threading.current_thread().name), pytest.fail, "detect"
    )
    worker.mailbox.put(1)
    assert wait_until(lambda: names == ["detect"])
    assert worker.stop(5)


def test_a_slow_worker_gets_the_newest() -> None:
    handled: list[int] = []
    busy, go_on = threading.Event(), threading.Event()

    def handle(item: int) -> None:
        handled.append(item)
        busy.set()
        go_on.wait(10)

    worker: Worker[int] = Worker(handle, pytest.fail)
    worker.mailbox.put(0)
    assert busy.wait(5)
    for item in range(1, 10):
        worker.mailbox.put(item)
    go_on.set()
    assert wait_until(lambda: len(handled) == 2)
    assert handled == [0, 9]
    assert worker.stop(5)


def test_a_worker_survives_exceptions() -> None:
    errors: list[str] = []
    handled: list[int] = []

    def handle(item: int) -> None:
        if item == 1:
            raise ValueError("bad item")
        handled.append(item)

    worker: Worker[int] = Worker(handle, lambda error: errors.append(str(error)))
    worker.mailbox.put(1)
    assert wait_until(lambda: errors == ["bad item"])
    worker.mailbox.put(2)
    assert wait_until(lambda: handled == [2])
    assert worker.stop(5)


@pytest.mark.parametrize("fails", [False, True], ids=["handled", "failed"])
def test_a_waiting_worker_keeps_no_item_alive(fails: bool) -> None:
    def handle(item: Item) -> None:
        if fails:
            raise ValueError("no")

    worker: Worker[Item] = Worker(handle, lambda error: None)
    item = Item()
    watched = weakref.ref(item)
    worker.mailbox.put(item)
    del item
    assert wait_until(lambda: gc.collect() is not None and watched() is None)
    assert worker.stop(5)


def test_stop_says_whether_the_worker_is_still_busy() -> None:
    busy, go_on = threading.Event(), threading.Event()

    def handle(item: int) -> None:
        busy.set()
        go_on.wait(10)

    worker: Worker[int] = Worker(handle, pytest.fail)
    worker.mailbox.put(1)
    assert busy.wait(5)
    assert not worker.stop(0.02)
    go_on.set()
    assert worker.stop(5)


def test_a_worker_may_stop_itself() -> None:
    answers: list[bool] = []
    worker: Worker[int]
    worker = Worker(lambda item: answers.append(worker.stop(5)), pytest.fail)
    worker.mailbox.put(1)
    assert wait_until(lambda: answers == [False])  # it is still inside its own call
    assert worker.stop(5)


def test_two_workers_do_not_share() -> None:
    left: list[int] = []
    right: list[int] = []
    one: Worker[int] = Worker(left.append, pytest.fail)
    two: Worker[int] = Worker(right.append, pytest.fail)
    one.mailbox.put(1)
    two.mailbox.put(2)
    assert wait_until(lambda: left == [1] and right == [2])
    assert one.stop(5)
    two.mailbox.put(3)
    assert wait_until(lambda: right == [2, 3])
    assert two.stop(5)


def test_a_mailbox_holds_at_least_one() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Mailbox(0)


def test_a_larger_mailbox_keeps_the_newest_in_order() -> None:
    boxes: Mailboxes[int] = Mailboxes(1, capacity=3)
    (box,) = boxes.boxes
    assert [box.put(i) for i in range(5)] == [True, True, True, False, False]
    assert boxes.take() == [(0, 2), (0, 3), (0, 4)]
    assert (box.received, box.dropped) == (5, 2)


def test_a_batch_has_the_newest_of_each_mailbox_in_order_of_arrival() -> None:
    boxes: Mailboxes[str] = Mailboxes(3)
    for index, item in [(2, "right 1"), (0, "front 1"), (2, "right 2"), (2, "right 3")]:
        boxes.boxes[index].put(item)
    assert boxes.take() == [(0, "front 1"), (2, "right 3")]
    assert [(box.received, box.dropped) for box in boxes.boxes] == [(1, 0), (0, 0), (3, 2)]


def test_a_batch_waits_for_the_others_no_longer_than_it_may() -> None:
    boxes: Mailboxes[int] = Mailboxes(2, max_wait_s=30.0)
    fast, slow = boxes.boxes
    slow.put(0)
    fast.put(0)
    assert boxes.take() == [(1, 0), (0, 0)]
    fast.put(1)
    threading.Timer(0.05, slow.put, [1]).start()
    assert boxes.take() == [(0, 1), (1, 1)]
    boxes._max_wait_s = 0.02
    fast.put(2)
    assert boxes.take() == [(0, 2)]


def test_nobody_waits_for_a_mailbox_that_has_been_silent(monkeypatch) -> None:
    boxes: Mailboxes[int] = Mailboxes(3, max_wait_s=60.0)
    boxes.boxes[1].put(0)
    assert boxes.take() == [(1, 0)]  # the others have never had any
    monkeypatch.setattr(mailbox, "LIVE_S", 0.02)
    boxes.boxes[0].put(1)
    time.sleep(0.03)
    boxes.boxes[2].put(2)
    boxes.boxes[0].put(3)
    assert boxes.take() == [(2, 2), (0, 3)]


def test_closing_ends_the_wait_of_a_batch() -> None:
    boxes: Mailboxes[int] = Mailboxes(2, max_wait_s=60.0)
    boxes.boxes[1].put(0)
    boxes.boxes[0].put(0)
    boxes.take()
    boxes.boxes[0].put(1)
    threading.Timer(0.05, boxes.close).start()
    assert boxes.take() is None
    assert boxes.take() is None
    assert [box.dropped for box in boxes.boxes] == [1, 0]


def test_a_worker_takes_all_that_waits() -> None:
    handled: list[list[tuple[int, int]]] = []
    busy, go_on = threading.Event(), threading.Event()

    def handle(items: list[tuple[int, int]]) -> None:
        handled.append(items)
        busy.set()
        go_on.wait(10)

    boxes: Mailboxes[int] = Mailboxes(1, capacity=3)
    worker: Worker[list[tuple[int, int]]] = Worker(handle, pytest.fail, mailbox=boxes)
    boxes.boxes[0].put(0)
    assert busy.wait(5)
    for item in range(1, 6):
        boxes.boxes[0].put(item)
    go_on.set()
    assert wait_until(lambda: len(handled) == 2)
    assert handled == [[(0, 0)], [(0, 3), (0, 4), (0, 5)]]
    assert worker.stop(5)
