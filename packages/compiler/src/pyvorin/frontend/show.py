"""Tables about a built function, for the command line: resume points and headers.

offset  line  instruction     operation   locals            stack
    22     2  CALL            py.call     n=%0 s=%1 i=-     %2 0 %0
"""

from __future__ import annotations

from pyvorin.frontend.build import Built
from pyvorin.frontend.opcodes import Instruction, decode
from pyvorin.ir.model import FrameState, Op
from pyvorin.ir.table import Row, table
from pyvorin.ir.text import write_slot


def resume_points(built: Built) -> str:
    """Every place from which CPython may go on, with what the frame holds there."""
    instructions = {item.offset: item for item in decode(built.code)}
    rows: list[Row] = [("offset", "line", "instruction", "operation", "locals", "stack")]
    if built.function is not None:
        for op in sorted(built.function.ops(), key=lambda op: op.state.offset if op.state else -1):
            if op.state is not None:
                rows.append(_point(op, op.state, instructions[op.state.offset], built))
    return table(rows, numbers=2)


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
    return table(rows, numbers=2)


def _slot_name(built: Built, kind: str, number: int) -> str:
    if kind == "stack":
        return f"stack[{number}]"
    return built.code.co_varnames[number] + ("?" if kind == "bound" else "")
