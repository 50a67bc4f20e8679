"""Tables about a built function, for the command line: resume points, headers, recorded classes.

offset  line  instruction     operation   locals            stack
    22     2  CALL            py.call     n=%0 s=%1 i=-     %2 0 %0
"""

from __future__ import annotations

from collections.abc import Iterator

from pyvorin.frontend.build import Built
from pyvorin.frontend.opcodes import Instruction, decode
from pyvorin.ir.model import FrameState, Op
from pyvorin.ir.text import write_slot
from pyvorin.record.profile import FunctionProfile

Row = tuple[str, ...]


def resume_points(built: Built) -> str:
    """Every place from which CPython may go on, with what the frame holds there."""
    instructions = {item.offset: item for item in decode(built.code)}
    rows: list[Row] = [("offset", "line", "instruction", "operation", "locals", "stack")]
    if built.function is not None:
        for op in sorted(built.function.ops(), key=lambda op: op.state.offset if op.state else -1):
            if op.state is not None:
                rows.append(_point(op, op.state, instructions[op.state.offset], built))
    return _table(rows, numbers=2)


def _point(op: Op, state: FrameState, instruction: Instruction, built: Built) -> Row:
    local = " ".join(
        f"{name}={write_slot(slot)}"
        for name, slot in zip(built.code.co_varnames, state.locals, strict=True)
    )
    stack = " ".join("0" if slot is None else write_slot(slot) for slot in state.stack)
    return str(state.offset), str(instruction.line), instruction.name, op.name, local, stack


def headers(built: Built) -> str:
    """The loop headers: where native code is entered again, and from what."""
    lines = {item.offset: item.line for item in decode(built.code)}
    rows: list[Row] = [("offset", "line", "block", "stack", "parameters")]
    for header in built.headers:
        names = " ".join(_slot_name(built, *slot) for slot in header.slots)
        line = str(lines[header.offset])
        rows.append((str(header.offset), line, header.block.label, header.stack or "-", names))
    return _table(rows, numbers=2)


def _slot_name(built: Built, kind: str, number: int) -> str:
    if kind == "stack":
        return f"stack[{number}]"
    return built.code.co_varnames[number] + ("?" if kind == "bound" else "")


def recorded(built: Built, profile: FunctionProfile) -> str:
    """The classes recorded for each value, and for its elements."""
    rows: list[Row] = [("value", "name", "classes", "elements")]
    if built.function is not None:
        for block in built.function.blocks:
            values = [*block.params, *(value for op in block.ops for value in op.results)]
            for value in values:
                classes = _counts(profile.values.get(value.id, {}))
                if classes:
                    elements = _counts(profile.elements.get(value.id, {}))
                    rows.append((repr(value), value.hint, classes, elements))
    return _table(rows, numbers=0)


def _counts(counts: dict[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count}" for name, count in ordered)


def _table(rows: list[Row], numbers: int) -> str:
    """Columns padded to their widest cell; the first `numbers` of them to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join(f"{'  '.join(_cells(row, widths, numbers)).rstrip()}\n" for row in rows)


def _cells(row: Row, widths: list[int], numbers: int) -> Iterator[str]:
    for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.rjust(width) if place < numbers else cell.ljust(width)
