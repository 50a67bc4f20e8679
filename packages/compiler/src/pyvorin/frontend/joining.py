"""Which instructions CPython 3.11 joins once code is warm, and so blames for each other.

    STORE_FAST a; LOAD_FAST b; LOAD_FAST c      →      STORE_FAST__LOAD_FAST; LOAD_FAST

It joins from left to right as it runs, so what is joined depends on where it came from: behind the
target of a jump, the block that falls into the target may join its last instruction with the first
there. A load that finds its local unbound is then reported at the instruction before it. Leaving in
front of that one is right whether or not CPython has joined them yet. Later minors load what may be
unbound by an instruction of its own, which is never joined.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pyvorin_runtime.bytecode import MINOR

from pyvorin.frontend.flow import RawBlock, states
from pyvorin.frontend.opcodes import Instruction
from pyvorin.ir.model import FrameState, Maybe, Slot

_PAIRS = {
    ("LOAD_FAST", "LOAD_FAST"),
    ("LOAD_FAST", "LOAD_CONST"),
    ("LOAD_CONST", "LOAD_FAST"),
    ("STORE_FAST", "LOAD_FAST"),
    ("STORE_FAST", "STORE_FAST"),
}


def is_joined(before: Instruction, instruction: Instruction) -> bool:
    """Are two instructions joined, if the first is not with the one before it? EXTENDED_ARG stands
    between them if the second has one.
    """
    pair = before.name, instruction.name
    return MINOR == (3, 11) and instruction.arg < 256 and pair in _PAIRS


def matters(block: RawBlock) -> bool:
    """May a load find its local unbound before anything that is never joined?"""
    if block.is_header or block.entering is None:
        return False
    for instruction in block.instructions:
        if instruction.name not in ("LOAD_FAST", "LOAD_CONST", "STORE_FAST"):
            return False
        if instruction.name == "LOAD_FAST" and block.entering.bound[instruction.arg] != "bound":
            return True
    return False


def may_blame(blocks: Iterable[RawBlock]) -> bool:
    """May CPython blame an earlier instruction for a local that is unbound, anywhere in these?"""
    return MINOR == (3, 11) and any(map(_may_blame, blocks))


def _may_blame(block: RawBlock) -> bool:
    before: Instruction | None = None
    for instruction, step, state in states(block) if block.entering is not None else ():
        if step is None:
            unbound = instruction.name == "LOAD_FAST" and state.bound[instruction.arg] != "bound"
            if unbound and (before is None or is_joined(before, instruction)):
                return True
            before = instruction
    return False


def state_before(before: Instruction, state: FrameState, local: Sequence[Slot]) -> FrameState:
    """The state in front of an instruction that has run: running it again changes nothing."""
    stack = state.stack[:-1]
    if before.name == "STORE_FAST":
        slot = local[before.arg]
        stack = (*state.stack, slot.value if isinstance(slot, Maybe) else slot)
    return FrameState(before.offset, state.locals, stack)
