"""What is known of a data set, without looking for more than is asked."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any


class Facts(Mapping[str, Any]):
    """Facts by name, each of which is found when it is asked for: some take a look at all images.

    Args:
        find: from nothing to each of them.
    """

    def __init__(self, find: Mapping[str, Callable[[], Any]]):
        self._find = find

    def __getitem__(self, name: str) -> Any:
        return self._find[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._find)

    def __len__(self) -> int:
        return len(self._find)
