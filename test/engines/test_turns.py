"""One network at a time, in the order of asking."""

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


def test_one_at_a_time_in_the_order_of_asking():
    queue = turns.Turns()
    order = []

    def ask(number):
        with queue.take():
            order.append(number)

    threads = []
    with queue.take():
        for number in range(5):
            threads.append(start(lambda number=number: ask(number)))
            until(lambda number=number: len(queue._waiting) > number)
        assert order == []
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]
    with queue.take():  # and it is free again
        pass


def test_an_error_inside_passes_the_turn_on():
    queue = turns.Turns()
    with pytest.raises(RuntimeError, match="failed"), queue.take():
        raise RuntimeError("failed")
    with queue.take():
        pass


def test_never_two_under_load():
    queue, inside, most = turns.Turns(), [], []

    def work():
        for _ in range(200):
            with queue.take():
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    for thread in [start(work) for _ in range(4)]:
        thread.join()
    assert max(most) == 1
    assert len(most) == 800


def test_a_gpu_waits_for_nobody():
    with turns.take():
        done = start(lambda: turns.take(on_cpu=False).__enter__())
        done.join(5)
        assert not done.is_alive()
