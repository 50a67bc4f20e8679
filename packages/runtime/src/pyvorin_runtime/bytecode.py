"""Take a code object apart into instructions, and put instructions back together.

CPython stores a function as four byte strings that refer to each other by offset: ``co_code`` (two
bytes a code unit), ``co_exceptiontable``, ``co_linetable`` and, inside the code, relative jumps.
Inserting one instruction moves all of them. Here the references are objects instead:

=================  =======================================  ==================================
in the code object  as decoded                               why
=================  =======================================  ==================================
EXTENDED_ARG        folded into ``Instruction.arg``          an argument may grow when code moves
inline caches       left out (their number follows the op)   never carry meaning in ``co_code``
jump distance       ``Instruction.target``, an Instruction   follows whatever is inserted between
exception table     ``Handler``: first, end, target          the same
line table          ``Instruction.position``                 travels with its instruction
=================  =======================================  ==================================

``assemble(decode(code), code)`` gives back the same bytes for everything CPython's compiler wrote:
an unchanged instruction never becomes shorter than it was. Offsets are bytes from the start of
``co_code``, as ``f_lasti`` counts.

Since 3.12 an exhausted FOR_ITER lands behind its target: it skips END_FOR (3.13: and POP_TOP), so
nothing may be inserted between these and nothing but them may be its target.

Opcode numbers, cache sizes and jumps are the running interpreter's own (module ``opcode``), so this
handles exactly the minor it runs on. Formats: CPython ``Objects/exception_handling_notes.txt`` and
``Objects/locations.md``; they are the same from 3.11 to 3.13.
"""

from __future__ import annotations

import opcode
from sys import version_info

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import CodeType
    from typing import Any, TypeAlias

    Position: TypeAlias = tuple[int | None, int | None, int | None, int | None]

MINOR = version_info[:2]
NO_POSITION: Position = (None, None, None, None)
"""Line, end line, column, end column, as ``code.co_positions`` gives them."""

_UNIT = 2


def _cache_sizes() -> dict[str, int]:
    # A list by opcode number on 3.11 and 3.12, a dict by name on 3.13; private on all three.
    entries: Any = opcode._inline_cache_entries  # type: ignore[attr-defined]
    if isinstance(entries, dict):
        return dict(entries)
    return {opcode.opname[number]: size for number, size in enumerate(entries) if size}


CACHE_UNITS: dict[str, int] = _cache_sizes()
"""Code units of inline cache that follow an instruction, by name; absent means none."""

JUMPS: frozenset[str] = frozenset(opcode.opname[n] for n in (*opcode.hasjrel, *opcode.hasjabs))


class Instruction:
    """One instruction; compared by identity, because jumps and handlers refer to it.

    ``offset``: where it began in the code it came from, EXTENDED_ARG included; -1 when inserted.
    ``prefixes``: EXTENDED_ARG units in front of it, as decoded or as last assembled.
    """

    __slots__ = ("arg", "name", "offset", "position", "prefixes", "target")

    def __init__(
        self,
        name: str,
        arg: int = 0,
        target: Instruction | None = None,
        position: Position = NO_POSITION,
    ) -> None:
        self.name = name
        self.arg = arg
        self.target = target
        self.position = position
        self.offset = -1
        self.prefixes = 0

    def __repr__(self) -> str:
        operand = f"to {self.target.offset}" if self.target is not None else self.arg
        return f"<{self.offset} {self.name} {operand}>"

    @property
    def units(self) -> int:
        """Code units it takes, with prefixes and caches."""
        return self.prefixes + 1 + CACHE_UNITS.get(self.name, 0)


class Handler:
    """One entry of the exception table: instructions from ``first`` up to, not with, ``end``."""

    __slots__ = ("depth", "end", "first", "lasti", "target")

    def __init__(
        self,
        first: Instruction,
        end: Instruction | None,
        target: Instruction,
        depth: int,
        lasti: bool,
    ) -> None:
        self.first = first
        self.end = end  # None: up to the end of the code
        self.target = target
        self.depth = depth  # values kept on the stack before the exception is pushed
        self.lasti = lasti  # the offset of the raising instruction is pushed first


class Bytecode:
    """The instructions of a code object in order, and its exception table in order."""

    __slots__ = ("handlers", "instructions")

    def __init__(self, instructions: list[Instruction], handlers: list[Handler]) -> None:
        self.instructions = instructions
        self.handlers = handlers

    def by_offset(self) -> dict[int, Instruction]:
        """Map each decoded offset to its instruction."""
        return {ins.offset: ins for ins in self.instructions if ins.offset >= 0}


# -- decode ----------------------------------------------------------------------------------------


def decode(code: CodeType) -> Bytecode:
    """Take ``code`` apart. Specialised and instrumented opcodes read as the original ones."""
    instructions = _decode_instructions(code)
    at = {ins.offset: ins for ins in instructions}
    for ins in instructions:
        if ins.name in JUMPS:
            after = ins.offset + ins.units * _UNIT
            distance = ins.arg * _UNIT
            ins.target = at[after - distance if "BACKWARD" in ins.name else after + distance]
    handlers = [
        Handler(at[start], at.get(end), at[target], depth, lasti)
        for start, end, target, depth, lasti in exception_entries(code.co_exceptiontable)
    ]
    return Bytecode(instructions, handlers)


def _decode_instructions(code: CodeType) -> list[Instruction]:
    raw = code.co_code
    positions = list(code.co_positions())
    names, caches, extended = opcode.opname, CACHE_UNITS, opcode.EXTENDED_ARG
    instructions = []
    offset, size = 0, len(raw)
    while offset < size:
        start, arg, prefixes = offset, raw[offset + 1], 0
        while raw[offset] == extended:
            offset += _UNIT
            arg = arg << 8 | raw[offset + 1]
            prefixes += 1
        name = names[raw[offset]]
        ins = Instruction(name, arg, None, positions[offset // _UNIT])
        ins.offset = start
        ins.prefixes = prefixes
        instructions.append(ins)
        offset += _UNIT * (1 + caches.get(name, 0))
    return instructions


def exception_entries(table: bytes) -> list[tuple[int, int, int, int, bool]]:
    """Read ``co_exceptiontable``: start, end, target (byte offsets), stack depth, push lasti."""
    entries = []
    numbers = _read_varints(table)
    for start in numbers:
        length, target, packed = next(numbers), next(numbers), next(numbers)
        bounds = (start * _UNIT, (start + length) * _UNIT, target * _UNIT)
        entries.append((*bounds, packed >> 1, bool(packed & 1)))
    return entries


def _read_varints(table: bytes) -> Iterator[int]:
    # Big-endian groups of six bits; 0x40 says another follows, 0x80 marks an entry's first byte.
    value = 0
    for byte in table:
        value = value << 6 | byte & 0x3F
        if not byte & 0x40:
            yield value
            value = 0


# -- assemble --------------------------------------------------------------------------------------


def assemble(bytecode: Bytecode, code: CodeType, **changes: Any) -> CodeType:
    """Return ``code`` with its instructions replaced, and ``changes`` as for ``code.replace``.

    Constants, names and stack size are the caller's to extend. Lines are relative to
    ``co_firstlineno``, so changing that together with the instructions is not supported.
    """
    starts = place(bytecode.instructions)
    return code.replace(
        co_code=_encode_code(bytecode.instructions, starts),
        co_linetable=_encode_positions(bytecode.instructions, code.co_firstlineno),
        co_exceptiontable=_encode_handlers(bytecode, starts),
        **changes,
    )


def place(instructions: list[Instruction]) -> dict[Instruction, int]:
    """Give every instruction its first code unit and resolve jumps, widening until stable."""
    for ins in instructions:
        if ins.target is None:
            ins.prefixes = max(ins.prefixes, _prefixes(ins.arg))
    jumps = [ins for ins in instructions if ins.target is not None]
    while True:
        starts, at = {}, 0
        for ins in instructions:
            starts[ins] = at
            at += ins.units
        if not _resolve(jumps, starts):
            return starts


def _resolve(jumps: list[Instruction], starts: dict[Instruction, int]) -> bool:
    """Set the argument of every jump; say whether one needed more room than it had."""
    grown = False
    for ins in jumps:
        assert ins.target is not None
        distance = starts[ins.target] - (starts[ins] + ins.units)
        ins.arg = -distance if "BACKWARD" in ins.name else distance
        assert ins.arg >= 0, ins
        needed = _prefixes(ins.arg)
        if needed > ins.prefixes:
            ins.prefixes, grown = needed, True
    return grown


def _prefixes(arg: int) -> int:
    return (max(arg.bit_length(), 1) - 1) // 8


def _encode_code(instructions: list[Instruction], starts: dict[Instruction, int]) -> bytes:
    numbers, caches, extended = opcode.opmap, CACHE_UNITS, opcode.EXTENDED_ARG
    out = bytearray()
    for ins in instructions:
        for shift in range(8 * ins.prefixes, 0, -8):
            out += bytes((extended, ins.arg >> shift & 0xFF))
        out += bytes((numbers[ins.name], ins.arg & 0xFF))
        out += bytes(_UNIT * caches.get(ins.name, 0))
    return bytes(out)


def _encode_handlers(bytecode: Bytecode, starts: dict[Instruction, int]) -> bytes:
    last = bytecode.instructions[-1]
    size = starts[last] + last.units
    out = bytearray()
    for handler in bytecode.handlers:
        start = starts[handler.first]
        end = size if handler.end is None else starts[handler.end]
        entry = bytearray()
        for number in (start, end - start, starts[handler.target], _packed(handler)):
            entry += _big_endian_varint(number)
        entry[0] |= 0x80
        out += entry
    return bytes(out)


def _packed(handler: Handler) -> int:
    return handler.depth << 1 | handler.lasti


def _big_endian_varint(value: int) -> bytes:
    groups = [value & 0x3F]
    while value := value >> 6:
        groups.append(value & 0x3F | 0x40)
    return bytes(reversed(groups))


# -- positions (PEP 626 and PEP 657) ---------------------------------------------------------------

_LONGEST_RUN = 8  # code units one entry of the line table can cover
_ENTRY_EACH = MINOR == (3, 11)  # there CPython writes an entry for every instruction


def _encode_positions(instructions: Iterable[Instruction], first_line: int) -> bytes:
    out = bytearray()
    line, run, at = first_line, 0, NO_POSITION
    for ins in instructions:
        if _ENTRY_EACH or ins.position != at:
            line = _append_run(out, run, at, line)
            run, at = 0, ins.position
        run += ins.units
    _append_run(out, run, at, line)
    return bytes(out)


def _append_run(out: bytearray, units: int, at: Position, line: int) -> int:
    """Append entries for ``units`` code units at one position; return the line now current."""
    while units > 0:
        covered = min(units, _LONGEST_RUN)
        kind, payload = _location(at, line)
        out.append(0x80 | kind << 3 | covered - 1)
        out += payload
        units -= covered
        if at[0] is not None:
            line = at[0]
    return line


_LONG, _NO_COLUMNS, _NOWHERE, _ONE_LINE = 14, 13, 15, 10


def _location(at: Position, line: int) -> tuple[int, bytes]:
    """Choose the shortest form CPython's own assembler would choose."""
    start, end, column, end_column = at
    if start is None:
        return _NOWHERE, b""
    delta = start - line
    if column is None or end_column is None:
        return _NO_COLUMNS, _signed_varint(delta)
    if end == start:
        width = end_column - column
        if delta == 0 and column < 80 and 0 <= width < 16:
            return column >> 3, bytes(((column & 7) << 4 | width,))
        if 0 <= delta < 3 and column < 128 and end_column < 128:
            return _ONE_LINE + delta, bytes((column, end_column))
    lines = (end if end is not None else start) - start
    ends = _varint(lines) + _varint(column + 1) + _varint(end_column + 1)
    return _LONG, _signed_varint(delta) + ends


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x3F:
        out.append(value & 0x3F | 0x40)
        value >>= 6
    out.append(value)
    return bytes(out)


def _signed_varint(value: int) -> bytes:
    return _varint(-value << 1 | 1 if value < 0 else value << 1)
