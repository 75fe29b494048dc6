"""Batches as objectives are given them: a step has filled in the positions."""

import pytest

from vaejax.core.mesh import with_positions


@pytest.fixture(scope="session")
def tiny_batch(tiny_batch):
    return with_positions(tiny_batch)
