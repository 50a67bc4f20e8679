"""Which generator expressions of a code object are consumed in place, and by what.

    sum(x * k for x in xs)      LOAD_GLOBAL sum; cells; LOAD_CONST <genexpr>; MAKE_FUNCTION;
                                LOAD_FAST xs; GET_ITER; CALL 0; CALL 1

The generator is made by `CALL 0`, and the next call takes it as its only argument: nobody else ever
sees it, as long as the callee is the builtin that its name says. Native code then runs the body of
the expression as a function of its own, with what the consumer does of each item built in
(`frontend.fused`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import CodeType

from pyvorin_runtime import bytecode
from pyvorin_runtime.bytecode import MINOR, Instruction
from pyvorin_runtime.stackmap import bytecode_stacks

from pyvorin.ir.consumer import CONSUMERS

GENERATOR_EXPRESSION = "<genexpr>"
_CLOSURE = 8  # the flag of a function that has cells
_STORES = frozenset(("STORE_DEREF", "DELETE_DEREF"))


@lru_cache(maxsize=512)
def _consumed(code: CodeType, name: str, lines: bytes) -> Mapping[int, str]:
    """`consumed`; code objects compare equal that differ in what the other arguments are."""
    found: dict[int, set[str]] = {}
    places = [
        place
        for place, constant in enumerate(code.co_consts)
        if isinstance(constant, CodeType) and constant.co_name == GENERATOR_EXPRESSION
    ]
    if not places:
        return {}
    read = bytecode.decode(code)
    stacks = bytecode_stacks(read)
    listed = read.instructions
    for at, instruction in enumerate(listed):
        if instruction.name == "LOAD_CONST" and instruction.arg in places:
            callee = _callee(listed, at, code)
            called = _is_called_at_once(listed, at, stacks)
            kind = CONSUMERS.get(callee, "") if called else ""
            found.setdefault(instruction.arg, set()).add(kind)
    hidden = {code.co_varnames[ins.arg] for ins in listed if ins.name == "LOAD_FAST_AND_CLEAR"}
    return {
        place: kind
        for place, kinds in found.items()
        for kind in kinds
        if kind and len(kinds) == 1 and not _reaches_out(code.co_consts[place], hidden)
    }


def _reaches_out(code: CodeType, hidden: set[str]) -> bool:
    """Does an expression assign to variables outside, or use one of a comprehension around it? The
    cell of such a one comes and goes.
    """
    return _stores_outside(code) or not hidden.isdisjoint(code.co_freevars)


def consumed(code: CodeType) -> Mapping[int, str]:
    """The consumer of each generator expression that is consumed in place, by its code's place
    among the constants.
    """
    return _consumed(code, code.co_qualname, code.co_linetable)


def _callee(listed: list[Instruction], at: int, code: CodeType) -> str:
    """The name of what was loaded before the expression's function, whose code is loaded at `at`:
    of a global variable, or of an attribute after a point; empty for anything else.
    """
    has_cells = _has_cells(listed, at)
    at -= 1
    if has_cells:
        cells = listed[at].arg
        while cells > 0:
            at -= 1
            cells -= 2 if listed[at].name == "LOAD_FAST_LOAD_FAST" else 1
        at -= 1
    load = listed[at]
    if load.name == "LOAD_GLOBAL" and load.arg & 1:
        return code.co_names[load.arg >> 1]
    if load.name == "LOAD_METHOD":
        return "." + code.co_names[load.arg]
    if load.name == "LOAD_ATTR" and MINOR >= (3, 12) and load.arg & 1:
        return "." + code.co_names[load.arg >> 1]
    return ""


def _is_called_at_once(listed: list[Instruction], at: int, stacks: dict[Instruction, str]) -> bool:
    """Does the call after the one that makes the generator take it, and nothing else?"""
    calls = ("PRECALL", "CALL") if MINOR < (3, 12) else ("CALL",)
    expected = [*((name, 0) for name in calls), *((name, 1) for name in calls)]
    depth = len(stacks.get(listed[at], "")) + 1 - _has_cells(listed, at)
    for place in range(at, len(listed) - len(expected)):
        if listed[place].target is not None:
            return False  # all of it lies in one block
        if listed[place].name != "GET_ITER" or len(stacks.get(listed[place], "")) != depth + 1:
            continue
        following = listed[place + 1 : place + 1 + len(expected)]
        return [(ins.name, ins.arg) for ins in following] == expected
    return False


def _has_cells(listed: list[Instruction], at: int) -> bool:
    """Is a tuple of cells below the code, for the function to hold?"""
    made, after = listed[at + 1], listed[at + 2]
    if MINOR >= (3, 13):
        return (after.name, after.arg) == ("SET_FUNCTION_ATTRIBUTE", _CLOSURE)
    return bool(made.arg & _CLOSURE)


def _stores_outside(code: CodeType) -> bool:
    """Does the expression, or a function in it, assign to a variable of another function?"""
    if any(ins.name in _STORES for ins in bytecode.decode(code).instructions):
        return True
    return any(map(_stores_outside, _inside(code)))


def _inside(code: CodeType) -> Iterator[CodeType]:
    return (constant for constant in code.co_consts if isinstance(constant, CodeType))
