"""Keyed permutations: the same numbers on every machine and with every version of NumPy.

NumPy promises stable streams for the raw bits of a bit generator, not for what `Generator` makes of
them, so a permutation here is the order of raw Philox bits (Salmon et al., "Parallel random
numbers: as easy as 1, 2, 3", SC 2011). The keyed cipher needs no state: each epoch has its own key.
"""

import functools

import numpy as np


@functools.lru_cache(maxsize=4)
def keyed_permutation(seed: int, stream: int, num_examples: int) -> np.ndarray:
    """A random order of 0 .. N-1, [N] int64, read-only.

    Args:
        seed: first word of the key, in [0, 2^64).
        stream: second word of the key (an epoch, say), in [0, 2^64).
        num_examples: N.
    """
    bits = np.random.Philox(key=np.array([seed, stream], np.uint64)).random_raw(num_examples)
    order = np.argsort(bits, kind="stable")
    order.flags.writeable = False  # shared by all callers through the cache
    return order
