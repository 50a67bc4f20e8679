"""What the value stack holds before each instruction, found by abstract interpretation.

For ``for i in r: x = o.m(i)`` on 3.12 (bottom first)::

    i       FOR_ITER          the loop's iterator
    iv      STORE_FAST i      iterator, its value
    i       LOAD_FAST o
    iv      LOAD_ATTR m       the method form: pushes a method and its object, or NULL and a value
    imv     LOAD_FAST i
    imvv    CALL 1

=====  ==========================================================================================
kind   the slot holds
=====  ==========================================================================================
``v``  a value
``0``  NULL
``m``  a value or NULL, which only the run decides (method slot, hidden variable of a comprehension)
``i``  an iterator a loop works on
``w``  the ``__exit__`` a ``with`` block will call
``e``  the exception that was being handled before this handler
``x``  the exception a handler was entered with
``l``  the offset of the instruction that raised
=====  ==========================================================================================

A stack with `e`, `x` or `l` cannot be made by pushing values: it goes with the interpreter's own
exception state. Such an instruction is no resume point. Neither is one that nothing reaches.

The stack effects are written out here because `dis.stack_effect` gives only the sum, not which
slots are replaced; a test compares the two for every opcode of the running minor.
"""

from __future__ import annotations

from . import bytecode as bc
from .bytecode import MINOR, Bytecode, Handler, Instruction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import TypeAlias

    Effect: TypeAlias = tuple[int, str]

HANDLER_KINDS = frozenset("exl")

# How many are popped, what is pushed.
_FIXED: dict[Effect, str] = {
    (0, ""): """NOP RESUME MAKE_CELL COPY_FREE_VARS KW_NAMES PRECALL SETUP_ANNOTATIONS DELETE_FAST
        DELETE_NAME DELETE_GLOBAL DELETE_DEREF JUMP_FORWARD JUMP_BACKWARD
        JUMP_BACKWARD_NO_INTERRUPT RETURN_CONST RAISE_VARARGS RERAISE""",
    (0, "v"): """LOAD_CONST LOAD_FAST LOAD_FAST_CHECK LOAD_CLOSURE LOAD_DEREF LOAD_CLASSDEREF
        LOAD_LOCALS LOAD_NAME LOAD_BUILD_CLASS LOAD_ASSERTION_ERROR GET_LEN GET_ANEXT MATCH_KEYS
        MATCH_MAPPING MATCH_SEQUENCE WITH_EXCEPT_START IMPORT_FROM RETURN_GENERATOR""",
    (0, "vv"): "LOAD_FAST_LOAD_FAST",
    (0, "m"): "LOAD_FAST_AND_CLEAR",
    (0, "0"): "PUSH_NULL",
    (1, ""): """POP_TOP STORE_FAST STORE_DEREF STORE_NAME STORE_GLOBAL DELETE_ATTR LIST_APPEND
        SET_ADD LIST_EXTEND SET_UPDATE DICT_UPDATE DICT_MERGE POP_EXCEPT IMPORT_STAR PRINT_EXPR
        RETURN_VALUE""",
    (1, "v"): """UNARY_POSITIVE UNARY_NEGATIVE UNARY_NOT UNARY_INVERT TO_BOOL CONVERT_VALUE
        FORMAT_SIMPLE LOAD_FROM_DICT_OR_DEREF LOAD_FROM_DICT_OR_GLOBALS LIST_TO_TUPLE
        CALL_INTRINSIC_1 STORE_FAST_LOAD_FAST GET_AWAITABLE GET_AITER ASYNC_GEN_WRAP YIELD_VALUE
        CHECK_EXC_MATCH""",
    (1, "i"): "GET_ITER GET_YIELD_FROM_ITER",
    (1, "wv"): "BEFORE_WITH BEFORE_ASYNC_WITH",
    (1, "ex"): "PUSH_EXC_INFO",
    (2, ""): "STORE_ATTR DELETE_SUBSCR MAP_ADD STORE_FAST_STORE_FAST END_ASYNC_FOR",
    (2, "v"): """BINARY_OP BINARY_SUBSCR COMPARE_OP IS_OP CONTAINS_OP FORMAT_WITH_SPEC END_SEND
        CALL_INTRINSIC_2 SET_FUNCTION_ATTRIBUTE PREP_RERAISE_STAR IMPORT_NAME""",
    (2, "vv"): "CHECK_EG_MATCH",
    (3, ""): "STORE_SUBSCR",
    (3, "v"): "BINARY_SLICE MATCH_CLASS",
    (3, "vv"): "CLEANUP_THROW",
    (4, ""): "STORE_SLICE",
}

# 3.13 moved the NULL or object of a call from below the callee to above it.
_NULL_CALLEE, _METHOD = ("0v", "mv") if MINOR < (3, 13) else ("v0", "vm")

_BY_ARG: dict[str, Callable[[int], Effect]] = {
    "LOAD_GLOBAL": lambda arg: (0, _NULL_CALLEE if arg & 1 else "v"),
    "LOAD_METHOD": lambda arg: (1, "mv"),
    "LOAD_ATTR": lambda arg: (1, _METHOD if arg & 1 and MINOR >= (3, 12) else "v"),
    "LOAD_SUPER_ATTR": lambda arg: (3, _METHOD if arg & 1 else "v"),
    "CALL": lambda arg: (arg + 2, "v"),
    "CALL_KW": lambda arg: (arg + 3, "v"),
    "CALL_FUNCTION_EX": lambda arg: (3 + (arg & 1), "v"),
    "MAKE_FUNCTION": lambda arg: (1 + (arg & 15).bit_count() * (MINOR < (3, 13)), "v"),
    "FORMAT_VALUE": lambda arg: (2 if arg & 4 else 1, "v"),
    "BUILD_TUPLE": lambda arg: (arg, "v"),
    "BUILD_LIST": lambda arg: (arg, "v"),
    "BUILD_SET": lambda arg: (arg, "v"),
    "BUILD_STRING": lambda arg: (arg, "v"),
    "BUILD_SLICE": lambda arg: (arg, "v"),
    "BUILD_MAP": lambda arg: (2 * arg, "v"),
    "BUILD_CONST_KEY_MAP": lambda arg: (arg + 1, "v"),
    "UNPACK_SEQUENCE": lambda arg: (1, "v" * arg),
    "UNPACK_EX": lambda arg: (1, "v" * ((arg & 0xFF) + (arg >> 8) + 1)),
    "END_FOR": lambda arg: (2 if MINOR == (3, 12) else 1, ""),
    "FOR_ITER": lambda arg: (0, "v"),
    "SEND": lambda arg: (1, "v"),
    "JUMP_IF_FALSE_OR_POP": lambda arg: (1, ""),
    "JUMP_IF_TRUE_OR_POP": lambda arg: (1, ""),
}

# Where the jump leaves another stack than going on does.
_JUMPING: dict[str, Effect] = {
    "FOR_ITER": (1, "") if MINOR < (3, 12) else (0, "v"),
    "SEND": (2, "v") if MINOR < (3, 12) else (1, "v"),
    "JUMP_IF_FALSE_OR_POP": (0, ""),
    "JUMP_IF_TRUE_OR_POP": (0, ""),
}

_EFFECTS = {name: effect for effect, names in _FIXED.items() for name in names.split()}
_ENDS = frozenset(
    (
        *("RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE"),
        *("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"),
    )
)


def effect(name: str, arg: int, jump: bool = False) -> Effect:
    """Say how many slots an instruction pops and the kinds it pushes, going on or jumping."""
    if jump and name in _JUMPING:
        return _JUMPING[name]
    if name in _EFFECTS:
        return _EFFECTS[name]
    if name.startswith("POP_JUMP_"):
        return 1, ""
    return _BY_ARG[name](arg)


def stack_map(code: CodeType) -> dict[int, str]:
    """Map the offset of each reachable instruction to the kinds on the stack before it."""
    bytecode = bc.decode(code)
    stacks = bytecode_stacks(bytecode)
    return {ins.offset: stacks[ins] for ins in bytecode.instructions if ins in stacks}


def fits(kinds: str, stack: str) -> bool:
    """Say whether `stack`, of "v" and "0", can be what an instruction with `kinds` finds."""
    return len(kinds) == len(stack) and all(
        kind in ("0m" if slot == "0" else "vmiw") for kind, slot in zip(kinds, stack, strict=True)
    )


def is_resumable(kinds: str) -> bool:
    """Say whether a stack of these kinds can be made by pushing values and NULLs."""
    return HANDLER_KINDS.isdisjoint(kinds)


def resume_map(code: CodeType) -> dict[int, str]:
    """`stack_map` of the instructions at which the function can be resumed as it is.

    Left out: handlers; what stands before RESUME; and what is between KW_NAMES and its call, the
    call included (3.11, 3.12), because the names are in no stack slot there: resume at the
    KW_NAMES, or at the call with a callee and arguments that take no names.
    """
    bytecode = bc.decode(code)
    stacks = bytecode_stacks(bytecode)
    found: dict[int, str] = {}
    started = names_pending = False
    for ins in bytecode.instructions:
        started = started or ins.name == "RESUME"
        kinds = stacks.get(ins)
        if started and not names_pending and kinds is not None and is_resumable(kinds):
            found[ins.offset] = kinds
        names_pending = ins.name == "KW_NAMES" or (names_pending and ins.name != "CALL")
    return found


def bytecode_stacks(bytecode: Bytecode) -> dict[Instruction, str]:
    """Interpret from the first instruction on until no stack changes any more."""
    instructions = bytecode.instructions
    index = {ins: i for i, ins in enumerate(instructions)}
    handlers = _handlers_by_instruction(bytecode, index)
    stacks: dict[Instruction, str] = {}
    work = [(0, "")]
    while work:
        i, stack = work.pop()
        while True:
            ins = instructions[i]
            known = stacks.get(ins)
            if known is not None and known != stack:
                stack = _join(known, stack, ins)
            if stack == known:
                break
            stacks[ins] = stack
            if handler := handlers[i]:
                entered = stack[: handler.depth] + ("lx" if handler.lasti else "x")
                work.append((index[handler.target], entered))
            if ins.target is not None:
                work.append((index[ins.target], _after(ins, stack, jump=True)))
            if ins.name in _ENDS:
                break
            stack = _after(ins, stack)
            i += 1
    return stacks


def _handlers_by_instruction(
    bytecode: Bytecode, index: dict[Instruction, int]
) -> list[Handler | None]:
    found: list[Handler | None] = [None] * len(index)
    for handler in bytecode.handlers:
        end = len(index) if handler.end is None else index[handler.end]
        for i in range(index[handler.first], end):
            found[i] = handler
    return found


def _after(ins: Instruction, stack: str, jump: bool = False) -> str:
    match ins.name:
        case "COPY":
            return stack + stack[-ins.arg]
        case "SWAP":
            slots = list(stack)
            slots[-1], slots[-ins.arg] = slots[-ins.arg], slots[-1]
            return "".join(slots)
        case "PRECALL":
            # A bound method is split into function and object here, the object where NULL was.
            at = len(stack) - ins.arg - 2
            return stack[:at] + ("m" if stack[at] == "0" else stack[at]) + stack[at + 1 :]
    popped, pushed = effect(ins.name, ins.arg, jump)
    assert popped <= len(stack), (ins, stack)
    return stack[: len(stack) - popped] + pushed


def _join(one: str, other: str, ins: Instruction) -> str:
    assert len(one) == len(other), (ins, one, other)
    return "".join(a if a == b else _either(a, b) for a, b in zip(one, other, strict=True))


def _either(a: str, b: str) -> str:
    if not HANDLER_KINDS.isdisjoint(a + b):
        return "x"
    return "m" if a in "0m" or b in "0m" else "v"
