# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Networks take as many cores as they have threads, in the order of asking."""

import threading
import time

import pytest

from face_detect_ros.engines import turns


def start(action):
    thread = threading.Thread(target=action)
    thread.start()
    return thread


def until(condition):
    end_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.001)


def test_networks_of_all_cores_take_turns_in_the_order_of_asking():
    queue, order, threads = turns.Turns(2), [], []

    def ask(number):
        with queue.take(2):
            order.append(number)

    with queue.take(2):
        for number in range(5):
            threads.append(start(lambda number=number: ask(number)))
            until(lambda number=number: len(queue._waiting) > number)
        assert order == []
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]


def test_networks_that_fit_side_by_side_run_so():
    queue, both = turns.Turns(2), threading.Barrier(2, timeout=10)

    def work():
        with queue.take(1):
            both.wait()  # only where the other one is inside, too

    for thread in [start(work) for _ in range(2)]:
        thread.join()
    assert not both.broken


def test_a_large_network_is_not_overtaken_for_ever():
    queue, order, threads = turns.Turns(2), [], []

    def ask(name, count):
        with queue.take(count):
            order.append(name)

    with queue.take(1):
        for name, count in (("large", 2), ("small", 1)):
            threads.append(start(lambda name=name, count=count: ask(name, count)))
            until(lambda: len(queue._waiting) == len(threads))
    for thread in threads:
        thread.join()
    assert order == ["large", "small"]


def test_more_threads_than_cores_are_all_cores():
    queue = turns.Turns(2)
    with queue.take(64):
        done = start(lambda: queue.take(1).__enter__())
        until(lambda: queue._waiting)
    done.join(10)
    assert not done.is_alive()


def test_an_error_inside_gives_the_cores_back():
    queue = turns.Turns(1)
    with pytest.raises(RuntimeError, match="failed"), queue.take(1):
        raise RuntimeError("failed")
    with queue.take(1):
        pass


def test_never_more_than_there_are_under_load():
    queue, inside, most = turns.Turns(3), [], []

    def work(count):
        for _ in range(200):
            with queue.take(count):
                inside.extend([1] * count)
                most.append(len(inside))
                del inside[:count]

    for thread in [start(lambda count=count: work(count)) for count in (1, 1, 2, 3)]:
        thread.join()
    assert max(most) <= 3
    assert len(most) == 800


def test_a_gpu_waits_for_nobody():
    with turns.take(1000):
        done = start(lambda: turns.take(0).__enter__())
        done.join(5)
        assert not done.is_alive()
