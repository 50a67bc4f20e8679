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
    take        local index                          → v; the local is not read again
    hide        local index                          → v, or NULL when it is unbound; then unbound
    conceal     local index                          the same of one in a cell → v or NULL
    pop                                              v →
    copy, swap  n (1 is the top)
    null                                             → NULL
    cell        local index                          → the cell of a captured variable
    function                                         [cells] code → v
    closed                                           cells v → v (3.13: the function has them)
    begin                                            (a generator runs for the first time)
    yield       [local index]                        v → v (what was sent); the local is bound then
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
    setattr     name                                 v x →
    delitem                                          x i →
    slice       n                                    start stop [step] → v
    getslice                                         x start stop → v
    setslice                                         v x start stop →
    kwnames     names                                (the next call has them)
    call        positional count, names on stack?    NULL callee arguments… → v
    iter                                             a → v
    next        exit offset                          i → i v, or (at exit) nothing
    tuple, list, set n                               n values → v
    dict        n                                    n keys and values in turn → v
    keyed       n                                    n values, tuple of n keys → v (a dict)
    append      depth of the list below v            v →
    extend      depth of the list below v            v →
    setadd      depth of the set below v             v →
    mapadd      depth of the dict below v            key v →
    setupdate   depth of the set below v             v →
    totuple                                          v → v (a list under construction)
    unpack      n                                    v → n values, first on top
    unpackstar  n, m                                 v → n values, a list, m values
    format      conversion, spec?, format?           v [spec] → v (conversion: "", "str", …)
    string      n                                    n texts → v
    jump        target offset
    branch      "true" | "false" | "none" | "not none", target, keep?   v → (keep: stays on a jump)
    return                                           v →
    raise       number of operands
    leave       reason                               only the interpreter does it
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from inspect import CO_GENERATOR
from types import CodeType
from typing import Any, NamedTuple

from pyvorin_runtime import bytecode

from pyvorin.frontend.variables import captured

MINOR = sys.version_info[1]
SUPPORTED_MINORS = (11, 12, 13)


class Step(NamedTuple):
    """One canonical step; the module docstring lists the kinds."""

    kind: str
    args: tuple[Any, ...] = ()


Steps = tuple[Step, ...]


class Instruction(NamedTuple):
    """One bytecode instruction with its EXTENDED_ARG prefixes.

    `offset` is where execution of it starts (its first EXTENDED_ARG), in bytes; jumps land there.
    """

    offset: int
    name: str
    arg: int
    target: int  # offset a jump goes to, -1 for other instructions
    line: int
    steps: Steps


class Handler(NamedTuple):
    """An entry of the exception table, by offsets: `target` handles what the instructions from
    `first` up to `end` raise (-1: to the end). It finds the lowest `depth` values of the stack, and
    `handed` on top.
    """

    first: int
    end: int
    target: int
    depth: int
    handed: str

    def covers(self, offset: int) -> bool:
        """Does it handle what the instruction at `offset` raises?"""
        return self.first <= offset and (self.end < 0 or offset < self.end)


class _Raw(NamedTuple):
    """What a rule reads: the argument, the jump target, the code object and which of its variables
    live in cells.
    """

    arg: int
    target: int
    code: CodeType
    captured: frozenset[int]


Rule = Callable[[_Raw], Steps]


def decode(code: CodeType) -> list[Instruction]:
    """List the instructions of the original (unspecialised) bytecode in order, caches left out."""
    cells = captured(code)
    return [_instruction(item, code, cells) for item in bytecode.decode(code).instructions]


def handlers_of(code: CodeType) -> list[Handler]:
    """The exception table. A handler is handed the exception, and below it, for one that reraises,
    where it was raised.
    """
    return [
        Handler(
            item.first.offset,
            -1 if item.end is None else item.end.offset,
            item.target.offset,
            item.depth,
            "x" * (1 + item.lasti),
        )
        for item in bytecode.decode(code).handlers
    ]


def _instruction(item: bytecode.Instruction, code: CodeType, cells: frozenset[int]) -> Instruction:
    raw = _Raw(item.arg, -1 if item.target is None else item.target.offset, code, cells)
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
_UNARY_POSITIVE_INTRINSIC, _LIST_TO_TUPLE_INTRINSIC = 5, 6


def _plain(kind: str, *args: Any) -> Rule:
    steps = (Step(kind, args),)
    return lambda raw: steps


def _counted(kind: str) -> Rule:
    return lambda raw: (Step(kind, (raw.arg,)),)


def _nothing(raw: _Raw) -> Steps:
    return ()


def _resume(raw: _Raw) -> Steps:
    return (Step("begin"),) if raw.code.co_flags & CO_GENERATOR and not raw.arg & 3 else ()


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


def _load_fast(raw: _Raw) -> Steps:
    """A comprehension loads its iterator once, and then has it on the stack; so does a generator
    expression.
    """
    kind = "take" if raw.arg == 0 and raw.code.co_varnames[:1] == (".0",) else "load"
    return (Step(kind, (raw.arg,)),)


def _name_at(kind: str, *args: Any) -> Rule:
    return lambda raw: (Step(kind, (raw.code.co_names[raw.arg], *args)),)


_COMMON: dict[str, Rule] = {
    "NOP": _nothing,
    "RESUME": _resume,
    "RETURN_GENERATOR": _plain("null"),  # a POP_TOP drops it
    "YIELD_VALUE": _plain("yield"),
    "CACHE": _nothing,
    "LOAD_CONST": _load_const,
    "LOAD_FAST": _load_fast,
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
    "STORE_ATTR": _name_at("setattr"),
    "GET_ITER": _plain("iter"),
    "BUILD_TUPLE": _counted("tuple"),
    "DELETE_SUBSCR": _plain("delitem"),
    "BUILD_SLICE": _counted("slice"),
    "UNPACK_EX": lambda raw: (Step("unpackstar", (raw.arg & 255, raw.arg >> 8)),),
    "BUILD_STRING": _counted("string"),
    "BUILD_LIST": _counted("list"),
    "BUILD_SET": _counted("set"),
    "BUILD_MAP": _counted("dict"),
    "BUILD_CONST_KEY_MAP": _counted("keyed"),
    "LIST_APPEND": _counted("append"),
    "LIST_EXTEND": _counted("extend"),
    "SET_UPDATE": _counted("setupdate"),
    "SET_ADD": _counted("setadd"),
    "MAP_ADD": _counted("mapadd"),
    "UNPACK_SEQUENCE": _counted("unpack"),
    "JUMP_FORWARD": _jump,
    "JUMP_BACKWARD": _jump,
    "JUMP_BACKWARD_NO_INTERRUPT": _jump,  # from a handler to where its statement ends
    "RETURN_VALUE": _plain("return"),
    "RAISE_VARARGS": _counted("raise"),
    "LOAD_ASSERTION_ERROR": _plain("leave", "assert"),
    "MAKE_FUNCTION": _plain("function"),
    "MAKE_CELL": _nothing,
    "COPY_FREE_VARS": _nothing,
    "LOAD_CLOSURE": _counted("cell"),
    "LOAD_DEREF": _counted("load"),
    "STORE_DEREF": _counted("store"),
}


_CONVERSIONS = ("", "str", "repr", "ascii")


def _format_value(raw: _Raw) -> Steps:
    return (Step("format", (_CONVERSIONS[raw.arg & 3], bool(raw.arg & 4), True)),)


# ---- 3.11 ----------------------------------------------------------------------------------------
_ONLY_311: dict[str, Rule] = {
    "FORMAT_VALUE": _format_value,
    "UNARY_POSITIVE": _plain("unary", "+"),
    "LIST_TO_TUPLE": _plain("totuple"),
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
    if raw.arg == _LIST_TO_TUPLE_INTRINSIC:
        return (Step("totuple"),)
    return unsupported(f"CALL_INTRINSIC_1 {raw.arg}")


def _for_iter(skipped: int) -> Rule:
    """An exhausted FOR_ITER jumps over the END_FOR (3.13: and POP_TOP) at its target: `skipped`
    bytes.
    """
    return lambda raw: (Step("next", (raw.target + skipped,)),)


def _hide(raw: _Raw) -> Steps:
    return (Step("conceal" if raw.arg in raw.captured else "hide", (raw.arg,)),)


def _return_const(raw: _Raw) -> Steps:
    return (*_load_const(raw), Step("return"))


_SINCE_312: dict[str, Rule] = {
    "LOAD_FAST_CHECK": _counted("load"),
    "BINARY_SLICE": _plain("getslice"),
    "STORE_SLICE": _plain("setslice"),
    "LOAD_FAST_AND_CLEAR": _hide,
    "CALL_INTRINSIC_1": _intrinsic_1,
    "RETURN_CONST": _return_const,
    "POP_JUMP_IF_TRUE": _branch("true"),
    "POP_JUMP_IF_FALSE": _branch("false"),
    "POP_JUMP_IF_NONE": _branch("none"),
    "POP_JUMP_IF_NOT_NONE": _branch("not none"),
}

_ONLY_312: dict[str, Rule] = {
    "FORMAT_VALUE": _format_value,
    "COMPARE_OP": lambda raw: (Step("compare", (_COMPARE[raw.arg >> 4], False)),),
    "LOAD_GLOBAL": _load_global("0v"),
    "LOAD_ATTR": _load_attr("0v"),
    "KW_NAMES": _kw_names,
    "CALL": _call,
    "FOR_ITER": _for_iter(2),
}


def _two_locals(first: str, second: str) -> Rule:
    """A fused pair of local accesses; the first index is in the high four bits."""

    def rule(raw: _Raw) -> Steps:
        return _local(first, raw.arg >> 4, raw) + _local(second, raw.arg & 15, raw)

    return rule


def _local(kind: str, index: int, raw: _Raw) -> Steps:
    """Since 3.13 a closure's cells are loaded like locals."""
    return (Step("cell" if kind == "load" and index in raw.captured else kind, (index,)),)


def _load_local(raw: _Raw) -> Steps:
    (kind, (index,)) = _load_fast(raw)[0]
    return _local(kind, index, raw)


def _set_function_attribute(raw: _Raw) -> Steps:
    return (Step("closed"),) if raw.arg == _CLOSURE else unsupported("SET_FUNCTION_ATTRIBUTE")


_CLOSURE = 8


_ONLY_313: dict[str, Rule] = {
    "CONVERT_VALUE": lambda raw: (Step("format", (_CONVERSIONS[raw.arg], False, False)),),
    "FORMAT_SIMPLE": _plain("format", "", False, True),
    "FORMAT_WITH_SPEC": _plain("format", "", True, True),
    "LOAD_FAST": _load_local,
    "LOAD_FAST_LOAD_FAST": _two_locals("load", "load"),
    "STORE_FAST_LOAD_FAST": _two_locals("store", "load"),
    "STORE_FAST_STORE_FAST": _two_locals("store", "store"),
    "COMPARE_OP": lambda raw: (Step("compare", (_COMPARE[raw.arg >> 5], bool(raw.arg & 16))),),
    "SET_FUNCTION_ATTRIBUTE": _set_function_attribute,
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
