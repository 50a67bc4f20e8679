"""Build generic IR from a function's bytecode, by interpreting it abstractly.

The builder runs each basic block once with a symbolic value stack and symbolic locals. A step that
computes becomes one `py.*` operation; loads, stores and stack shuffles leave no trace. Example
(`s = s + n`, then a return):

    LOAD_FAST s; LOAD_FAST n; BINARY_OP +; STORE_FAST s; LOAD_FAST s; RETURN_VALUE

    %2:obj 's' = py.binop %0, %1 {op='+', inplace=False} @6 [6 | %0, %1 | %0, %1]
    ret %2 @14

What later stages may rely on:

* Every operation that may raise or leave has the frame state of the instruction that would be
  repeated: all locals, the whole stack as it is *before* the instruction (None in the stack is a
  NULL, None in the locals an unbound one).
* A local that is bound on some paths only is a `Maybe(value, bound)`; the value is None where it is
  unbound. `py.check` leaves when it is unbound; its operand is the value, its flag is found in
  `state.locals[index]`.
* Blocks at targets of backward jumps are **headers** and take every bound or maybe-bound local and
  every stack value as parameters, in the order of `Header.slots`. Other blocks take only what
  differs between their predecessors. A header that is reached only through an instruction left to
  the interpreter has no edge from the function's start.
* `raise` (from the start of its statement), `assert` that fails and any instruction without a model
  end in `leave`; the last kind is also a `Finding`.
* For a call with keywords on 3.11 and 3.12 the frame state's offset is that of KW_NAMES, because
  repeating the call needs it; the operation's own `offset` is that of the CALL (3.11: PRECALL)
  instruction.
* On 3.13 a comparison fused with its test is `py.compare`, then `py.truth`, both with the
  COMPARE_OP's state.
"""

from __future__ import annotations

from dataclasses import dataclass
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_VARARGS, CO_VARKEYWORDS
from types import CodeType, FunctionType
from typing import NamedTuple

from pyvorin.frontend import flow, fused, joining, variables
from pyvorin.frontend.emit import BlockEmitter, Finding, Layout, Unit, frame_locals
from pyvorin.frontend.native import DYNAMIC_BUILTINS
from pyvorin.frontend.opcodes import MINOR, SUPPORTED_MINORS, Instruction, decode, handlers_of
from pyvorin.frontend.prune import prune
from pyvorin.ir.consumer import BEST, KEEPING
from pyvorin.ir.model import Block, Entry, FrameState, Function, Maybe, Rep, Slot

__all__ = ["Built", "Finding", "Header", "build_function"]


@dataclass(frozen=True, slots=True)
class Header:
    """A loop header: where interpreted code enters native code again.

    `slots` says what each parameter of `block` is, in order: for each local by index ("local",
    index) and, if it may be unbound, ("bound", index) with an I1; then ("stack", depth) for each
    stack value, bottom first. Locals that are unbound whenever control is here, and NULLs, have no
    slot. `stack` is the shape: "v" a value, "0" a NULL. `consumer`: see `ir.model.Function`; such a
    header only native code comes to.
    """

    offset: int
    block: Block
    slots: tuple[tuple[str, int], ...]
    stack: str
    consumer: str = ""


class Built(NamedTuple):
    """A function's generic IR, or None with the findings that say why there is none.

    `headers` are in offset order. `findings` beside a function name instructions that only the
    interpreter does. `blames`: the position of an error depends on how warm the code is
    (`frontend.joining`).
    """

    function: Function | None
    headers: list[Header]
    findings: list[Finding]
    code: CodeType
    blames: bool = False


def build_function(
    source: FunctionType | CodeType, index: int = 0, consumer: str | None = None
) -> Built:
    """Build the generic IR of one function; `index` numbers it in its module. With a `consumer`, of
    a generator expression together with that; it is "" for a comprehension.
    """
    if MINOR not in SUPPORTED_MINORS:
        raise RuntimeError(f"no bytecode table for Python 3.{MINOR}")
    code = source.__code__ if isinstance(source, FunctionType) else source
    instructions = decode(code)
    if consumer is None and code.co_name in variables.COMPREHENSIONS:
        consumer = ""
    refused = _refusals(code, instructions, consumer)
    if refused:
        return Built(None, [], refused, code)
    nlocals = variables.slots(code) + bool(consumer)
    function = Function(code.co_name, index=index, nlocals=nlocals, consumer=consumer or "")
    unit = Unit(function, code, {})
    handlers = handlers_of(code)
    bound = entry_variables(code)
    if function.consumer in BEST:
        instructions = [fused.keeping(item, len(unit.names) - 1) for item in instructions]
    elif function.consumer in KEEPING:
        bound.append(len(unit.names) - 1)
    unit.raw.update(flow.split(instructions, handlers))
    flow.analyse(unit.raw, bound, len(unit.names), handlers)
    _emit_blocks(unit)
    headers = [
        _header(layout, function.consumer)
        for _, layout in sorted(unit.layouts.items())
        if layout.raw.is_header
    ]
    _order_blocks(unit)
    prune(unit.function, keep={header.block for header in headers})
    blames = joining.may_blame(unit.raw.values())
    return Built(unit.function, headers, unit.findings, code, blames)


def entry_variables(code: CodeType) -> list[int]:
    """The numbers of what is bound on entry: parameters, shared cells, free variables."""
    every = len(variables.names(code))
    given = {*range(code.co_argcount + code.co_kwonlyargcount), *variables.shared(code)}
    return sorted({*given, *range(every - len(code.co_freevars), every)})


def _emit_blocks(unit: Unit) -> None:
    """Emit everything reachable from the start and from the loop headers."""
    start = next(iter(unit.raw.values()))
    assert not start.is_header, "the first instruction is RESUME, which nothing jumps to"
    function, code = unit.function, unit.code
    entry = function.new_block("entry")
    names = variables.names(code)
    local: list[Slot] = [None] * len(unit.names)
    for number in entry_variables(code):
        local[number] = param = function.new_value(Rep.OBJ, names[number])
        entry.params.append(param)
    shared = variables.shared(code)
    slots = [("cell" if n in shared else "local", n) for n in entry_variables(code)]
    function.entries.append(Entry(-1, entry, slots))
    BlockEmitter(unit, start, entry, local, []).run()
    for raw in unit.raw.values():
        if raw.is_header and raw.entering is not None and {*raw.entering.shape} <= {*"v0"}:
            unit.layout(raw.offset)
    while unit.work:
        layout = unit.work.pop()
        at = layout.raw, layout.block, layout.locals, layout.stack, layout.before
        BlockEmitter(unit, *at).run()


def _order_blocks(unit: Unit) -> None:
    """Order blocks as in the bytecode, the entry first."""
    order = {layout.block: key for key, layout in unit.layouts.items()}
    unit.function.blocks.sort(key=lambda block: order.get(block, (-1, False)))


def _header(layout: Layout, consumer: str) -> Header:
    entering = layout.raw.entering
    assert entering is not None
    return Header(layout.raw.offset, layout.block, layout.slots, entering.shape, consumer)


def header_state(header: Header, code: CodeType) -> FrameState:
    """The generic frame state at a loop header."""
    by_slot = dict(zip(header.slots, header.block.params, strict=True))
    locals_: list[Slot] = []
    for number in range(len(variables.names(code)) + bool(header.consumer)):
        value = by_slot.get(("local", number))
        bound = by_slot.get(("bound", number))
        locals_.append(Maybe(value, bound) if value is not None and bound is not None else value)
    stack = tuple(by_slot.get(("stack", depth)) for depth in range(len(header.stack)))
    local = frame_locals(code, header.consumer, variables.private(code), locals_, stack)
    return FrameState(header.offset, local, stack)


_FLAGS = (
    (CO_ASYNC_GENERATOR, "async generator"),
    (CO_COROUTINE, "coroutine"),
    (CO_GENERATOR, "generator"),
    (CO_VARARGS, "star arguments"),
    (CO_VARKEYWORDS, "keyword arguments"),
)


def _refusals(
    code: CodeType, instructions: list[Instruction], consumer: str | None
) -> list[Finding]:
    """Why the function has no IR at all. `consumer` is None unless it is called at once."""
    line = code.co_firstlineno
    flags = code.co_flags & ~CO_GENERATOR if consumer else code.co_flags
    found = [Finding(kind, code.co_name, 0, line) for flag, kind in _FLAGS if flags & flag]
    if consumer is not None and variables.shared(code):
        found.append(Finding("closure", "shared by a function inside", 0, line))
    if code.co_freevars and consumer is None:
        found.append(Finding("closure", ", ".join(code.co_freevars), 0, line))
    found += [
        Finding("dynamic code", str(step.args[0]), item.offset, item.line)
        for item in instructions
        for step in item.steps
        if step.kind == "global" and step.args[0] in DYNAMIC_BUILTINS
    ]
    return found
