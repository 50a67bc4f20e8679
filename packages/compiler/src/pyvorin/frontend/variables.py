"""The variables of a code object in one numbering, and the functions nested in it that have IR too.

CPython keeps them in one array: locals (`co_varnames`), cells of captured variables that are no
parameters, then free variables, whose cells come with the function's closure:

    def scaled(values, factor):               locals  values factor(cell)
        offset = 1                            cells   offset
        return [v * factor + offset for v in values]
                                              locals of the comprehension  .0 v; free  factor offset

A captured variable lives in a cell. Where only comprehensions that are called at once capture it,
or generator expressions that are consumed in place (`frontend.consumers`), nobody else can read or
write the cell while native code runs: it is **private**, the front end treats the variable as a
local, and a frame state says that its slot holds a cell with the value.
Any other cell is **shared**: the slot holds the cell itself, which is read and written in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType

from pyvorin.frontend.consumers import consumed

COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>"})


def slots(code: CodeType) -> int:
    """How many variables a frame state lists: locals and cells, without the free ones."""
    return code.co_nlocals + len(set(code.co_cellvars) - set(code.co_varnames))


def names(code: CodeType) -> tuple[str, ...]:
    """Every variable's name, in CPython's order."""
    own = tuple(name for name in code.co_cellvars if name not in code.co_varnames)
    return (*code.co_varnames, *own, *code.co_freevars)


def captured(code: CodeType) -> frozenset[int]:
    """The numbers of the variables that live in cells."""
    return private(code) | shared(code)


def private(code: CodeType) -> frozenset[int]:
    """The numbers of the variables that live in private cells, the free ones included."""
    kept = {*code.co_cellvars, *code.co_freevars} - _escaping(code)
    return frozenset(i for i, name in enumerate(names(code)) if name in kept)


def shared(code: CodeType) -> frozenset[int]:
    """The numbers of the variables that live in shared cells."""
    escaping = _escaping(code)
    return frozenset(i for i, name in enumerate(names(code)) if name in escaping)


def _escaping(code: CodeType) -> set[str]:
    """The variables that a function, class or generator inside captures, at any depth."""
    found: set[str] = set()
    at_once = dict(nested(code))
    for place, constant in enumerate(code.co_consts):
        if isinstance(constant, CodeType):
            kept = place not in at_once
            found |= set(constant.co_freevars) if kept else _escaping(constant)
    return found & {*code.co_cellvars, *code.co_freevars}


def nested(code: CodeType) -> Iterator[tuple[int, CodeType]]:
    """The comprehensions and the generator expressions consumed in place among the constants, with
    their place there.
    """
    generators = consumed(code)
    for index, constant in enumerate(code.co_consts):
        if isinstance(constant, CodeType) and (
            constant.co_name in COMPREHENSIONS or index in generators
        ):
            yield index, constant
