"""Leaves as users write them, outside of the library: the tests of its contracts.

Each is named in a configuration as `tests.leaves.<file>:<name>`.
"""
