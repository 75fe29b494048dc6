"""The background thread: order, errors, and that it goes away."""

import gc
import itertools
import threading

import pytest

from vaejax.data.prefetch import AHEAD, Prefetched


def threads():
    return [t for t in threading.enumerate() if t.name.startswith("vaejax-prefetch")]


def test_items_in_order_then_the_end():
    items = Prefetched(lambda n: n * n, range(5))
    assert list(items) == [0, 1, 4, 9, 16]
    assert list(items) == []
    assert not threads()


def test_made_ahead_but_no_more_than_that():
    made, enough = [], threading.Event()

    def make(number):
        made.append(number)
        if len(made) == 1 + AHEAD:
            enough.set()
        return number

    with Prefetched(make, itertools.count()) as items:
        assert next(items) == 0
        assert enough.wait(10)  # without asking for a second item
    assert made == list(range(1 + AHEAD))  # the thread has ended: no others were made


def test_error_surfaces_and_ends_the_iteration():
    def make(number):
        if number == 2:
            raise OSError("disk gone")
        return number

    items = Prefetched(make, itertools.count())
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(OSError, match="disk gone"):
        next(items)
    assert not threads()
    assert list(items) == []


def test_close_waits_for_one_item_only():
    started, release, made = threading.Event(), threading.Event(), []

    def make(number):
        started.set()
        release.wait(10)
        made.append(number)

    items = Prefetched(make, itertools.count())
    assert started.wait(10)
    closing = threading.Thread(target=items.close)
    closing.start()
    release.set()
    closing.join(10)
    items.close()
    assert not threads()
    assert made in ([0], [0, 1])  # the second may have begun before `close` came to drop it


def test_leaves_with_block_on_error():
    with pytest.raises(KeyError), Prefetched(lambda n: n, itertools.count()) as items:
        next(items)
        raise KeyError
    assert not threads()


def test_abandoned_iterator_ends_its_thread():
    items = Prefetched(lambda n: n, itertools.count())
    next(items)
    running = threads()
    assert len(running) == 1
    del items
    gc.collect()
    running[0].join(10)
    assert not running[0].is_alive()
