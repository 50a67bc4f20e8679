"""The control flow of a function's bytecode, and what is known of locals and stack at the start of
each block.

A forward analysis over canonical steps finds, for every reachable block, the **shape** of the value
stack (which slots are NULL) and the **boundness** of each local ("bound", "unbound", or "maybe"
when paths disagree). It needs no values, so it also runs through instructions that only the
interpreter executes: a loop behind such an instruction still gets its loop header, where native
code can be entered again.
"""

from __future__ import annotations

import dis
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyvorin.frontend.opcodes import Instruction, Step

Shape = str  # bottom first: "v" a value, "0" a NULL
Bound = tuple[str, ...]  # for each local: "bound", "unbound" or "maybe"


@dataclass(frozen=True, slots=True)
class Entering:
    """What holds at the start of a block, on every path."""

    shape: Shape
    bound: Bound


@dataclass(eq=False, slots=True)
class RawBlock:
    """A run of instructions entered only at its first one. `entering` is None when nothing reaches
    it.
    """

    offset: int
    instructions: list[Instruction]
    falls_to: int  # offset of the next block, -1 for none
    is_header: bool
    entering: Entering | None = None


class ShapeError(Exception):
    """Paths disagree about the value stack; CPython's compiler never emits that."""


def split(instructions: list[Instruction]) -> dict[int, RawBlock]:
    """Cut instructions into blocks keyed by offset; targets of backward jumps are headers."""
    leaders = {instructions[0].offset}
    headers: set[int] = set()
    for here, after in zip(instructions, [*instructions[1:], None], strict=True):
        targets = {target for step in here.steps for target in step_targets(step)}
        leaders |= targets
        headers |= {target for target in targets if target <= here.offset}
        if after is not None and any(step.kind in _ENDS for step in here.steps):
            leaders.add(after.offset)
    blocks: dict[int, RawBlock] = {}
    for item in instructions:
        if item.offset in leaders:
            current = RawBlock(item.offset, [], -1, item.offset in headers)
            blocks[item.offset] = current
        current.instructions.append(item)
    order = list(blocks.values())
    for block, following in itertools.pairwise(order):
        if falls_through(block.instructions[-1]):
            block.falls_to = following.offset
    return blocks


_ENDS = frozenset({"next", "jump", "branch", "return", "raise"})


def step_targets(step: Step) -> list[int]:
    """The offsets that a step may jump to."""
    match step.kind:
        case "next" | "jump":
            return [step.args[0]]
        case "branch":
            return [step.args[1]]
        case _:
            return []


def falls_through(instruction: Instruction) -> bool:
    """Say whether the next instruction may follow."""
    return not any(step.kind in ("jump", "return", "raise") for step in instruction.steps)


# ---- stack effects -------------------------------------------------------------------------------
# For each kind: how many slots it pops and what it pushes (when it does not jump).
_EFFECTS: dict[str, Callable[..., tuple[int, str]]] = {
    "const": lambda source: (0, "v"),
    "load": lambda index: (0, "v"),
    "store": lambda index: (1, ""),
    "delete": lambda index: (0, ""),
    "pop": lambda: (1, ""),
    "null": lambda: (0, "0"),
    "global": lambda name, shape: (0, shape),
    "attr": lambda name, shape: (1, shape),
    "binop": lambda op, inplace: (2, "v"),
    "unary": lambda op: (1, "v"),
    "not": lambda: (1, "v"),
    "compare": lambda op, test: (2, "v"),
    "is": lambda invert: (2, "v"),
    "contains": lambda invert: (2, "v"),
    "truth": lambda: (1, "v"),
    "getitem": lambda: (2, "v"),
    "setitem": lambda: (3, ""),
    "kwnames": lambda names: (0, ""),
    "call": lambda count, names_on_stack: (2 + count + names_on_stack, "v"),
    "iter": lambda: (1, "v"),
    "next": lambda target: (0, "v"),
    "tuple": lambda count: (count, "v"),
    "unpack": lambda count: (1, "v" * count),
    "jump": lambda target: (0, ""),
    "branch": lambda test, target, keep: (1, ""),
    "return": lambda: (1, ""),
    "raise": lambda count: (count, ""),
}


def shape_after(shape: Shape, instruction: Instruction, step: Step) -> Shape:
    """The stack after a step that does not jump."""
    match step.kind:
        case "copy":
            return shape + shape[-step.args[0]]
        case "swap":
            depth = step.args[0]
            return shape[:-depth] + shape[-1] + shape[len(shape) - depth + 1 : -1] + shape[-depth]
        case "leave":
            change = dis.stack_effect(
                dis.opmap[instruction.name], _argument(instruction), jump=False
            )
            return shape + "v" * change if change >= 0 else shape[:change]
        case _:
            pops, pushes = _EFFECTS[step.kind](*step.args)
            return shape[: len(shape) - pops] + pushes


def _argument(instruction: Instruction) -> int | None:
    return instruction.arg if dis.opmap[instruction.name] >= dis.HAVE_ARGUMENT else None


# ---- the analysis --------------------------------------------------------------------------------
def analyse(blocks: dict[int, RawBlock], parameters: int, nlocals: int) -> None:
    """Fill `entering` of every block that control can reach. The first `parameters` locals start
    bound.
    """
    first = next(iter(blocks.values()))
    first.entering = Entering("", ("bound",) * parameters + ("unbound",) * (nlocals - parameters))
    work = [first.offset]
    while work:
        for target, entering in _walk(blocks[work.pop()]):
            block = blocks[target]
            joined = _join(block.entering, entering)
            if joined != block.entering:
                block.entering = joined
                work.append(target)


def _walk(block: RawBlock) -> list[tuple[int, Entering]]:
    """What the block hands to each successor."""
    assert block.entering is not None
    shape, bound = block.entering.shape, list(block.entering.bound)
    handed: list[tuple[int, Entering]] = []
    for instruction in block.instructions:
        for step in instruction.steps:
            for target in step_targets(step):
                handed.append((target, Entering(_jumping(shape, step), tuple(bound))))
            shape = shape_after(shape, instruction, step)
            _bind(bound, step)
    if block.falls_to >= 0:
        handed.append((block.falls_to, Entering(shape, tuple(bound))))
    return handed


def _jumping(shape: Shape, step: Step) -> Shape:
    match step.kind:
        case "jump":
            return shape
        case "branch" if step.args[2]:
            return shape
        case _:  # a branch pops its operand, an exhausted `next` its iterator
            return shape[:-1]


def _bind(bound: list[str], step: Step) -> None:
    match step.kind:
        case "store" | "load":  # a load that succeeds proves it
            bound[step.args[0]] = "bound"
        case "delete":
            bound[step.args[0]] = "unbound"


def _join(old: Entering | None, new: Entering) -> Entering:
    if old is None:
        return new
    if old.shape != new.shape:
        raise ShapeError(f"value stack {old.shape!r} against {new.shape!r}")
    pairs: list[tuple[Any, Any]] = list(zip(old.bound, new.bound, strict=True))
    return Entering(old.shape, tuple(a if a == b else "maybe" for a, b in pairs))
