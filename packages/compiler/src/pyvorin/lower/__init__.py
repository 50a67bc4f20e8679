"""Lowering: from generic IR and predicted types to typed IR, where every reliance on a prediction
is a guard.
"""

from pyvorin.lower import (
    attributes,
    buffers,
    dicts,
    generators,
    heaps,
    iterators,
    lists,
    ops,
    texts,
)
from pyvorin.lower.body import Body, Unlowered, lower_body

__all__ = [
    "Body",
    "Unlowered",
    "attributes",
    "buffers",
    "dicts",
    "generators",
    "heaps",
    "iterators",
    "lists",
    "lower_body",
    "ops",
    "texts",
]
