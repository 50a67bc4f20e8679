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
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pyvorin.frontend.opcodes import Handler, Instruction, Step

Shape = str  # bottom first: "v" a value, "0" a NULL, "m" either, "x" what a handler is handed
Bound = tuple[str, ...]  # for each local: "bound", "unbound" or "maybe"


class Entering(NamedTuple):
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


def split(instructions: list[Instruction], handlers: Sequence[Handler] = ()) -> dict[int, RawBlock]:
    """Cut instructions into blocks keyed by offset; targets of backward jumps are headers."""
    leaders = {instructions[0].offset, *(handler.target for handler in handlers)}
    headers: set[int] = set()
    for here, after in zip(instructions, [*instructions[1:], None], strict=True):
        targets = {target for step in here.steps for target in step_targets(step)}
        leaders |= targets
        if here.name != "JUMP_BACKWARD_NO_INTERRUPT":
            headers |= {target for target in targets if target <= here.offset}
        ends = not falls_through(here) or any(step.kind in _ENDS for step in here.steps)
        if after is not None and ends:
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


_ENDS = frozenset({"next", "jump", "branch", "return", "raise", "yield"})


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
    ends = any(step.kind in ("jump", "return", "raise") for step in instruction.steps)
    return not ends and instruction.name != "RERAISE"


# ---- stack effects -------------------------------------------------------------------------------
# For each kind: how many slots it pops and what it pushes (when it does not jump).
_EFFECTS: dict[str, Callable[..., tuple[int, str]]] = {
    "const": lambda source: (0, "v"),
    "load": lambda index: (0, "v"),
    "take": lambda index: (0, "v"),
    "store": lambda index: (1, ""),
    "delete": lambda index: (0, ""),
    "pop": lambda: (1, ""),
    "null": lambda: (0, "0"),
    "cell": lambda index: (0, "v"),
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
    "setattr": lambda name: (2, ""),
    "delitem": lambda: (2, ""),
    "slice": lambda count: (count, "v"),
    "getslice": lambda: (3, "v"),
    "setslice": lambda: (4, ""),
    "kwnames": lambda names: (0, ""),
    "call": lambda count, names_on_stack: (2 + count + names_on_stack, "v"),
    "iter": lambda: (1, "v"),
    "next": lambda target: (0, "v"),
    "tuple": lambda count: (count, "v"),
    "list": lambda count: (count, "v"),
    "totuple": lambda: (1, "v"),
    "set": lambda count: (count, "v"),
    "dict": lambda count: (2 * count, "v"),
    "keyed": lambda count: (count + 1, "v"),
    "format": lambda conversion, spec, formats: (1 + spec, "v"),
    "string": lambda count: (count, "v"),
    "append": lambda depth: (1, ""),
    "extend": lambda depth: (1, ""),
    "setupdate": lambda depth: (1, ""),
    "setadd": lambda depth: (1, ""),
    "mapadd": lambda depth: (2, ""),
    "unpack": lambda count: (1, "v" * count),
    "unpackstar": lambda before, after: (1, "v" * (before + 1 + after)),
    "closed": lambda: (2, "v"),
    "begin": lambda: (0, ""),
    "yield": lambda *index: (1, "v"),
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
        case "leave" | "function":
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
def analyse(
    blocks: dict[int, RawBlock],
    given: Collection[int],
    count: int,
    handlers: Sequence[Handler] = (),
) -> None:
    """Fill `entering` of every block that control can reach. Of `count` variables those in `given`
    start bound.
    """
    first = next(iter(blocks.values()))
    bound = ("bound" if number in given else "unbound" for number in range(count))
    first.entering = Entering("", tuple(bound))
    work = [first.offset]
    while work:
        for target, entering in _walk(blocks[work.pop()], handlers):
            block = blocks[target]
            joined = _join(block.entering, entering)
            if joined != block.entering:
                block.entering = joined
                work.append(target)


def _walk(block: RawBlock, handlers: Sequence[Handler]) -> list[tuple[int, Entering]]:
    """What the block hands to each successor."""
    handed: list[tuple[int, Entering]] = []
    for instruction, step, before in states(block):
        if step is None:
            for handler in handlers:
                if handler.covers(instruction.offset):
                    shape = before.shape[: handler.depth] + handler.handed
                    handed.append((handler.target, Entering(shape, before.bound)))
        else:
            for target in step_targets(step):
                shape = _jumping(before.shape, step)
                handed.append((target, Entering(shape, before.bound)))
    if block.falls_to >= 0:
        handed.append((block.falls_to, _after(block)))
    return handed


def states(block: RawBlock) -> Iterator[tuple[Instruction, Step | None, Entering]]:
    """What holds before each instruction of a block (with None), and before each of its steps."""
    state = block.entering
    assert state is not None
    for instruction in block.instructions:
        yield instruction, None, state
        for step in instruction.steps:
            yield instruction, step, state
            state = _step(state, instruction, step)


def _after(block: RawBlock) -> Entering:
    """What holds where a block ends without a jump."""
    *_, (instruction, step, state) = states(block)
    return state if step is None else _step(state, instruction, step)


def _step(state: Entering, instruction: Instruction, step: Step) -> Entering:
    shape, bound = state.shape, list(state.bound)
    top = shape[-1:]
    if step.kind == "hide":
        shape += _HIDDEN[bound[step.args[0]]]
    elif step.kind == "conceal":
        shape += "m"  # a cell, empty or not, or none
    else:
        shape = shape_after(shape, instruction, step)
    _bind(bound, step, top)
    return Entering(shape, tuple(bound))


def _jumping(shape: Shape, step: Step) -> Shape:
    match step.kind:
        case "jump":
            return shape
        case "branch" if step.args[2]:
            return shape
        case _:  # a branch pops its operand, an exhausted `next` its iterator
            return shape[:-1]


_HIDDEN = {"bound": "v", "unbound": "0", "maybe": "m"}
_BOUND = {kind: bound for bound, kind in _HIDDEN.items()}


def _bind(bound: list[str], step: Step, top: str) -> None:
    """What a step does to a local; `top` is what lay on top of the stack."""
    match step.kind:
        case "store":  # of NULL: the end of a comprehension whose variable hid an unbound local
            bound[step.args[0]] = _BOUND.get(top, "bound")
        case "yield" if step.args:
            bound[step.args[0]] = "bound"
        case "load":  # a load that succeeds proves it
            bound[step.args[0]] = "bound"
        case "delete" | "hide" | "conceal" | "take":
            bound[step.args[0]] = "unbound"


def _join(old: Entering | None, new: Entering) -> Entering:
    if old is None:
        return new
    shape = "".join(map(_either, old.shape, new.shape))
    if len(old.shape) != len(new.shape):
        raise ShapeError(f"value stack {old.shape!r} against {new.shape!r}")
    pairs: list[tuple[Any, Any]] = list(zip(old.bound, new.bound, strict=True))
    return Entering(shape, tuple(a if a == b else "maybe" for a, b in pairs))


def _either(a: str, b: str) -> str:
    return a if a == b else "x" if "x" in (a, b) else "m"
