"""What takes the items of a generator expression that is consumed in place.

any, all    nothing is kept; the first item that decides ends the loop
sum         one number
min, max    the best item so far, if there was one
list        a list, which is the answer
items       a list, given to the callee at the end: `tuple`, `sorted` and `str.join` read all items
            before they do anything else
"""

from __future__ import annotations

from collections.abc import Mapping

# The callee that a generator is given to → the consumer. A method's name starts with a point.
CONSUMERS: Mapping[str, str] = {
    "any": "any",
    "all": "all",
    "sum": "sum",
    "min": "min",
    "max": "max",
    "list": "list",
    "tuple": "items",
    "sorted": "items",
    ".join": "items",
}
LISTING = frozenset(("list", "items"))
BEST = frozenset(("min", "max"))
KEEPING = LISTING | BEST | {"sum"}
