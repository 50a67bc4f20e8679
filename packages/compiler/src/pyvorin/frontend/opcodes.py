"""Bytecode of every supported minor, reduced to one small set of canonical steps.

CPython renames, splits and fuses instructions in each minor version. The rest of the front end does
not want to know: it reads **steps**, and this module says which steps an instruction stands for.
The same source in three minors:

    3.11    LOAD_FAST s; LOAD_FAST n; COMPARE_OP 0; POP_JUMP_FORWARD_IF_FALSE
    3.12    LOAD_FAST s; LOAD_FAST n; COMPARE_OP 2; POP_JUMP_IF_FALSE
    3.13    LOAD_FAST_LOAD_FAST;      COMPARE_OP 18 (bool bit); POP_JUMP_IF_FALSE

    steps   load s, load n, compare < (3.13: and test), branch false

A step is a kind and its arguments:

    kind        arguments                            stack effect (bottom → top)
    const       source as in `ir.model.Const`        → v
    load        local index                          → v
    store       local index                          v →
    delete      local index
    pop                                              v →
    copy, swap  n (1 is the top)
    null                                             → NULL
    global      name, shape of what is pushed        → "v", "0v" or "v0" (0 is a NULL)
    attr        name, shape of what is pushed        v → "v", "0v" or "v0"
    binop       operator, in place?                  a b → v
    unary       operator                             a → v
    not                                              a → v
    compare     operator, test?                      a b → v (test: already a truth value)
    is          invert?                              a b → v
    contains    invert?                              item container → v
    truth                                            a → truth value
    getitem                                          x i → v
    setitem                                          v x i →
    kwnames     names                                (the next call has them)
    call        positional count, names on stack?    NULL callee arguments… → v
    iter                                             a → v
    next        exit offset                          i → i v, or (at exit) nothing
    tuple       n                                    n values → v
    unpack      n                                    v → n values, first on top
    jump        target offset
    branch      "true" | "false" | "none" | "not none", target, keep?   v → (keep: stays on a jump)
    return                                           v →
    raise       number of operands
    leave       reason                               only the interpreter does it
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType
from typing import Any

from pyvorin_runtime import bytecode

MINOR = sys.version_info[1]
SUPPORTED_MINORS = (11, 12, 13)


@dataclass(frozen=True, slots=True)
class Step:
    """One canonical step; the module docstring lists the kinds."""

    kind: str
    args: tuple[Any, ...] = ()


Steps = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Instruction:
    """One bytecode instruction with its EXTENDED_ARG prefixes.

    `offset` is where execution of it starts (its first EXTENDED_ARG), in bytes; jumps land there.
    """

    offset: int
    name: str
    arg: int
    target: int  # offset a jump goes to, -1 for other instructions
    line: int
    steps: Steps


@dataclass(frozen=True, slots=True)
class _Raw:
    """What a rule reads: the argument, the jump target and the code object."""

    arg: int
    target: int
    code: CodeType


Rule = Callable[[_Raw], Steps]


def decode(code: CodeType) -> list[Instruction]:
    """List the instructions of the original (unspecialised) bytecode in order, caches left out."""
    return [_instruction(item, code) for item in bytecode.decode(code).instructions]


def _instruction(item: bytecode.Instruction, code: CodeType) -> Instruction:
    raw = _Raw(item.arg, -1 if item.target is None else item.target.offset, code)
    rule = RULES.get(item.name)
    steps = rule(raw) if rule is not None else unsupported(item.name)
    line = item.position[0] or code.co_firstlineno
    return Instruction(item.offset, item.name, raw.arg, raw.target, line, steps)


def unsupported(name: str) -> Steps:
    """The steps of an instruction that only the interpreter executes."""
    return (Step("leave", (name,)),)


# ---- rules shared by all minors ------------------------------------------------------------------
_BINARY = ("+", "&", "//", "<<", "@", "*", "%", "|", "**", ">>", "-", "/", "^")  # NB_ADD, NB_AND…
_COMPARE = ("<", "<=", "==", "!=", ">", ">=")
_UNARY_POSITIVE_INTRINSIC = 5


def _plain(kind: str, *args: Any) -> Rule:
    steps = (Step(kind, args),)
    return lambda raw: steps


def _counted(kind: str) -> Rule:
    return lambda raw: (Step(kind, (raw.arg,)),)


def _nothing(raw: _Raw) -> Steps:
    return ()


def _binary_op(raw: _Raw) -> Steps:
    inplace, index = divmod(raw.arg, len(_BINARY))
    return (Step("binop", (_BINARY[index], bool(inplace))),)


def _jump(raw: _Raw) -> Steps:
    return (Step("jump", (raw.target,)),)


def _branch(test: str, *, keep: bool = False) -> Rule:
    return lambda raw: (Step("branch", (test, raw.target, keep)),)


def _load_const(raw: _Raw) -> Steps:
    return (Step("const", (("const", raw.arg),)),)


def _load_global(shape: str) -> Rule:
    """`shape` is what the variant with a NULL (argument bit 0) pushes."""

    def rule(raw: _Raw) -> Steps:
        name = raw.code.co_names[raw.arg >> 1]
        return (Step("global", (name, shape if raw.arg & 1 else "v")),)

    return rule


def _call(raw: _Raw) -> Steps:
    return (Step("call", (raw.arg, False)),)


def _kw_names(raw: _Raw) -> Steps:
    return (Step("kwnames", (raw.code.co_consts[raw.arg],)),)


_COMMON: dict[str, Rule] = {
    "NOP": _nothing,
    "RESUME": _nothing,
    "CACHE": _nothing,
    "LOAD_CONST": _load_const,
    "LOAD_FAST": _counted("load"),
    "STORE_FAST": _counted("store"),
    "DELETE_FAST": _counted("delete"),
    "POP_TOP": _plain("pop"),
    "COPY": _counted("copy"),
    "SWAP": _counted("swap"),
    "PUSH_NULL": _plain("null"),
    "BINARY_OP": _binary_op,
    "UNARY_NEGATIVE": _plain("unary", "-"),
    "UNARY_INVERT": _plain("unary", "~"),
    "UNARY_NOT": _plain("not"),
    "IS_OP": lambda raw: (Step("is", (bool(raw.arg),)),),
    "CONTAINS_OP": lambda raw: (Step("contains", (bool(raw.arg),)),),
    "BINARY_SUBSCR": _plain("getitem"),
    "STORE_SUBSCR": _plain("setitem"),
    "GET_ITER": _plain("iter"),
    "BUILD_TUPLE": _counted("tuple"),
    "UNPACK_SEQUENCE": _counted("unpack"),
    "JUMP_FORWARD": _jump,
    "JUMP_BACKWARD": _jump,
    "RETURN_VALUE": _plain("return"),
    "RAISE_VARARGS": _counted("raise"),
    "LOAD_ASSERTION_ERROR": _plain("leave", "assert"),
}


# ---- 3.11 ----------------------------------------------------------------------------------------
def _name_at(kind: str, *args: Any) -> Rule:
    return lambda raw: (Step(kind, (raw.code.co_names[raw.arg], *args)),)


_ONLY_311: dict[str, Rule] = {
    "UNARY_POSITIVE": _plain("unary", "+"),
    "COMPARE_OP": lambda raw: (Step("compare", (_COMPARE[raw.arg], False)),),
    "LOAD_GLOBAL": _load_global("0v"),
    "LOAD_ATTR": _name_at("attr", "v"),
    "LOAD_METHOD": _name_at("attr", "0v"),
    "KW_NAMES": _kw_names,
    "PRECALL": _call,
    "CALL": _nothing,  # done at its PRECALL
    "FOR_ITER": lambda raw: (Step("next", (raw.target,)),),
    "JUMP_IF_TRUE_OR_POP": _branch("true", keep=True),
    "JUMP_IF_FALSE_OR_POP": _branch("false", keep=True),
    **{
        f"POP_JUMP_{way}_IF_{test.upper().replace(' ', '_')}": _branch(test)
        for way in ("FORWARD", "BACKWARD")
        for test in ("true", "false", "none", "not none")
    },
}


# ---- 3.12 and 3.13 -------------------------------------------------------------------------------
def _load_attr(shape: str) -> Rule:
    def rule(raw: _Raw) -> Steps:
        return (Step("attr", (raw.code.co_names[raw.arg >> 1], shape if raw.arg & 1 else "v")),)

    return rule


def _intrinsic_1(raw: _Raw) -> Steps:
    if raw.arg == _UNARY_POSITIVE_INTRINSIC:
        return (Step("unary", ("+",)),)
    return unsupported(f"CALL_INTRINSIC_1 {raw.arg}")


def _for_iter(skipped: int) -> Rule:
    """An exhausted FOR_ITER jumps over the END_FOR (3.13: and POP_TOP) at its target: `skipped`
    bytes.
    """
    return lambda raw: (Step("next", (raw.target + skipped,)),)


def _return_const(raw: _Raw) -> Steps:
    return (*_load_const(raw), Step("return"))


_SINCE_312: dict[str, Rule] = {
    "LOAD_FAST_CHECK": _counted("load"),
    "CALL_INTRINSIC_1": _intrinsic_1,
    "RETURN_CONST": _return_const,
    "POP_JUMP_IF_TRUE": _branch("true"),
    "POP_JUMP_IF_FALSE": _branch("false"),
    "POP_JUMP_IF_NONE": _branch("none"),
    "POP_JUMP_IF_NOT_NONE": _branch("not none"),
}

_ONLY_312: dict[str, Rule] = {
    "COMPARE_OP": lambda raw: (Step("compare", (_COMPARE[raw.arg >> 4], False)),),
    "LOAD_GLOBAL": _load_global("0v"),
    "LOAD_ATTR": _load_attr("0v"),
    "KW_NAMES": _kw_names,
    "CALL": _call,
    "FOR_ITER": _for_iter(2),
}


def _two_locals(first: str, second: str) -> Rule:
    """A fused pair of local accesses; the first index is in the high four bits."""
    return lambda raw: (Step(first, (raw.arg >> 4,)), Step(second, (raw.arg & 15,)))


_ONLY_313: dict[str, Rule] = {
    "LOAD_FAST_LOAD_FAST": _two_locals("load", "load"),
    "STORE_FAST_LOAD_FAST": _two_locals("store", "load"),
    "STORE_FAST_STORE_FAST": _two_locals("store", "store"),
    "COMPARE_OP": lambda raw: (Step("compare", (_COMPARE[raw.arg >> 5], bool(raw.arg & 16))),),
    "TO_BOOL": _plain("truth"),
    "LOAD_GLOBAL": _load_global("v0"),
    "LOAD_ATTR": _load_attr("v0"),
    "CALL": _call,
    "CALL_KW": lambda raw: (Step("call", (raw.arg, True)),),
    "FOR_ITER": _for_iter(4),
}

_BY_MINOR: dict[int, dict[str, Rule]] = {
    11: {**_COMMON, **_ONLY_311},
    12: {**_COMMON, **_SINCE_312, **_ONLY_312},
    13: {**_COMMON, **_SINCE_312, **_ONLY_313},
}
RULES: dict[str, Rule] = _BY_MINOR.get(MINOR, {})
