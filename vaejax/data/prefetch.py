"""Make things ahead of their use, in one background thread that never outlives its purpose."""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")

AHEAD = 2
"""Items under way: one to use next, one in the making."""


class Prefetched(Iterator[Item], Generic[Item]):
    """The iterator `make(number)` for each of some numbers; also a context manager.

    What `make` raises, `next` raises, and that ends the iteration. `close` (or the end of a `with`)
    waits for the item in the making, drops the others and ends the thread; so does garbage
    collection.

    Args:
        make: item of a number; called in the background thread, in order.
        numbers: which items; may be endless.
    """

    def __init__(self, make: Callable[[int], Item], numbers: Iterable[int]):
        self._make = make
        self._numbers = iter(numbers)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vaejax-prefetch")
        self._ahead: deque[Future[Item]] = deque()
        self._submit(AHEAD)

    def __next__(self) -> Item:
        if not self._ahead:
            self.close()
            raise StopIteration
        try:
            item = self._ahead.popleft().result()
        except BaseException:
            self.close()
            raise
        self._submit(1)
        return item

    def close(self) -> None:
        """Ends the thread and the iteration; may be called twice."""
        self._thread.shutdown(cancel_futures=True)
        self._ahead.clear()

    def __enter__(self) -> "Prefetched[Item]":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _submit(self, count: int) -> None:
        for number in itertools.islice(self._numbers, count):
            self._ahead.append(self._thread.submit(self._make, number))
