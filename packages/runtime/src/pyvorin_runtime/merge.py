"""One code object that tries native code first and can go on anywhere in the original bytecode.

`merge` puts three things around a function's own bytecode and changes nothing inside it::

    MAKE_CELL…, COPY_FREE_VARS       as before: cells exist before anything else runs
    entry      if entry(): return its result                    ┐ before RESUME: CPython traces
    took       if not take(): go to start                       │ nothing here, looks at no signal
    restore    locals := …; stack := …; jump to point           ┘ here, and skips the frame
    start      RESUME, the original bytecode, where in front of each loop header stands
      osr k      if osr_k(): drop the loop's stack, return its result
                 if take(): drop the loop's stack, go to restore
      header     …

The function's own frame is the resumed frame, so tracebacks, `sys._getframe` and the recursion
limit see exactly one frame, at the original line and column.

Hooks
-----
`entry`, `osr_k` and `take` are **iterator objects**: "next value" means yes, with that value as the
result; the end of the iteration (``tp_iternext`` returns NULL and sets no exception) means no. They
are asked again and again and are called by FOR_ITER. That is deliberate:

* CALL looks for signals after the callee returned. A poll that leaves native code because a signal
  is pending would have the handler run between "no" and `restore`: at the wrong line, and outside
  the ``try`` that should catch its exception. FOR_ITER never looks. Nothing between leaving native
  code and the original instruction does; backward jumps here are JUMP_BACKWARD_NO_INTERRUPT.
* It branches by itself and passes no arguments. On 3.11 an entry costs what a Python call of
  ``x + 1`` costs, where a builtin with arguments and a test of its result costs 1.4 times that.

What native code sees
---------------------
The running frame is the thread state's current frame, as for any C function.

*entry*: every parameter is in ``localsplus[i]``, i its index in ``co_varnames`` (``*args`` and
``**kwargs`` packed); a cell's slot holds the cell; other locals are NULL; the value stack holds
only the hook. The frame counts as incomplete: `sys._getframe` and ``f_back`` skip it, and it has no
line. Before native code calls anything that may look at frames it stores the frame's instruction
pointer (``prev_instr``; 3.13: ``instr_ptr``) as the original call's instruction in the merged code
(`Merged.offsets`); from then on callees see the right frame at the right line. The interpreter does
not use the stored pointer afterwards. The code object may be shared: ``FunctionType(f.__code__,
…)``. So `entry` says no unless the frame's function (3.11 ``f_func``, else ``f_funcobj``) is the
bound one. Both hooks say no while anything traces, profiles or monitors.

*osr_k*: all locals are in place, NULL where unbound; the value stack, which begins after the
locals, cells and free variables in ``localsplus``, is what `LoopHeader.stack` says, with the hook
on top. The frame is complete, at the loop header's line.

*Ownership*: slots own their objects. Native code may take an object out of a slot (leaving NULL) to
drop it when Python would, if it then says yes, or `take` gives every local; before a "no" without
resuming, the slots must be as they were. The stack slots of an OSR hook must stay valid objects:
they are popped after the hook answered.

*take*: yes, with a new tuple ``(local_0, …, local_n-1, point, stack)``. One item per
``co_varnames``, then one per cell variable that is no parameter; `Hooks.unbound` for an unbound
local; for a slot with a cell the cell itself (the frame's, or another). `point` is the index into
`points`. `stack` is a tuple of the values of that point's stack without the NULLs, top first. Each
local is stored by STORE_FAST in order, which drops what the slot held. No: go on in bytecode here.

The point may be at a call whose callee and arguments the tuple replaces, to run the rest of that
call: a Python function of the same signature, so that it takes the call's keyword names too, and as
many None; its frame then counts as the original callee's would, and takes no C stack. A builtin
does for a call without names: on 3.11 and 3.12 point at PRECALL or CALL itself (keyword names are
not pending then); on 3.13 a CALL_KW takes an empty tuple as its keyword names. Where the stack map
has "0" or "m" beside the callee, that slot is NULL; where it has a value ("vv…": a decorator,
``__exit__``), the function is the lower of the two and None the upper.

A generator expression is only ever resumed: its merged code is that of generators which stand for
one that a consumer had begun to read (`sum(x * x for x in xs)`), and nobody else runs it. They are
made with everything still to restore::

    RETURN_GENERATOR, POP_TOP        a call makes the generator; what follows runs when it is asked
    entry      if entry(): …         never: but it finds out that this is to resume
    took       take()
    restore    locals := …; for each item of `taken`: yield it; stack := …; jump to point
    start      RESUME, the original bytecode

The tuple has one more item, after the locals: `taken`, which the new consumer gets before anything
else. `Hooks.unbound` in it is passed over.

What merged code changes for an observer: ``f.__code__`` and offsets in it (``f_lasti``); under
monitoring, a loop hook makes branch and instruction events of its own. Line, call, return and
exception events are the same.
"""

from __future__ import annotations

from . import bytecode as bc
from .bytecode import MINOR, Bytecode, Instruction
from .stackmap import bytecode_stacks, fits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType

_OPTIMIZED, _NEWLOCALS, _VARARGS, _VARKEYWORDS = 0x1, 0x2, 0x4, 0x8
_GENERATOR = 0x20
_SUSPENDS = 0x20 | 0x80 | 0x200  # generator, coroutine, asynchronous generator
_TAKING = 4  # values on the stack while what was taken is given: above a point and its stack
_ONLY_RESUMED = _GENERATOR, "<genexpr>"

_LESS_THAN = 0 if MINOR == (3, 11) else 2  # COMPARE_OP's argument; since 3.12 with the answer mask
_POP_JUMP = "POP_JUMP_FORWARD_IF_" if MINOR == (3, 11) else "POP_JUMP_IF_"
# Where an exhausted FOR_ITER jumps to; since 3.12 it then skips these itself.
_AFTER_LOOP = {11: ("NOP",), 12: ("END_FOR",), 13: ("END_FOR", "POP_TOP")}.get(MINOR[1], ())


class CannotMerge(ValueError):
    """The code or a point is of a kind that has no merged form; the message says which."""


class ResumePoint:
    """An original instruction to execute next, and the stack it finds.

    `offset`: bytes into the original ``co_code``, at the first EXTENDED_ARG if there is one.
    `stack`: bottom first, "v" a value, "0" a NULL.
    """

    __slots__ = ("offset", "stack")

    def __init__(self, offset: int, stack: str) -> None:
        self.offset = offset
        self.stack = stack

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.offset}, {self.stack!r})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return (self.offset, self.stack) == (other.offset, other.stack)

    def __hash__(self) -> int:
        return hash((type(self), self.offset, self.stack))


class LoopHeader(ResumePoint):
    """The target of a backward jump, and the stack there."""

    __slots__ = ()


class Hooks:
    """The objects a merged code object refers to; the module docstring says what each must do.

    `unbound` stands for "no value" among the locals that `take` gives.
    `gates`: nothing, or one per loop header: while it is false the hook there is passed over. An
    empty `Gate` costs about 2 ns; a hook may also be its own gate.
    """

    __slots__ = ("entry", "gates", "osr", "take", "unbound")

    def __init__(
        self,
        entry: object,
        osr: Sequence[object],
        take: object,
        unbound: object,
        gates: Sequence[object] = (),
    ) -> None:
        self.entry = entry
        self.osr = tuple(osr)
        self.take = take
        self.unbound = unbound
        self.gates = tuple(gates)


class Gate(list[None]):
    """Open while it has an item. Hashable, because code objects hash their constants."""

    __slots__ = ()
    __hash__ = object.__hash__  # type: ignore[assignment]  # list says None, this is the point

    def __init__(self, is_open: bool = True) -> None:
        super().__init__([None] if is_open else [])

    def __reduce__(self) -> tuple[type[bool], tuple[()]]:
        """Travel as False, a gate that is closed."""
        return bool, ()


def merge(
    code: CodeType, points: Sequence[ResumePoint], headers: Sequence[LoopHeader], hooks: Hooks
) -> CodeType:
    """Return the merged code object. Raises `CannotMerge` if it has none."""
    return Merged(code, points, headers, hooks).code


class Merged:
    """A merged code object, and where each original instruction went."""

    __slots__ = ("code", "offsets")

    def __init__(
        self,
        code: CodeType,
        points: Sequence[ResumePoint],
        headers: Sequence[LoopHeader],
        hooks: Hooks,
    ) -> None:
        _require_plain_function(code)
        _require_hooks(headers, hooks)
        merger = _Merger(code, hooks)
        _require_fitting(merger.bytecode, merger.start, [*points, *headers])
        merger.add_loop_hooks(headers)
        merger.add_prologue(points)
        self.code = merger.finish(points, headers)
        starts = bc.place(merger.bytecode.instructions)
        self.offsets: dict[int, int] = {
            ins.offset: 2 * start for ins, start in starts.items() if ins.offset >= 0
        }


def _require_plain_function(code: CodeType) -> None:
    if code.co_flags & _SUSPENDS and (code.co_flags & _SUSPENDS, code.co_name) != _ONLY_RESUMED:
        raise CannotMerge("a generator or coroutine keeps its frame between calls")
    if not (code.co_flags & _OPTIMIZED and code.co_flags & _NEWLOCALS):
        raise CannotMerge("a module or class body keeps its variables in a dict")


def _require_fitting(bytecode: Bytecode, start: int, points: Sequence[ResumePoint]) -> None:
    # A wrong depth is a crash, so this is checked here and not only where points are made.
    stacks = bytecode_stacks(bytecode)
    kinds = {ins.offset: stacks[ins] for ins in bytecode.instructions[start:] if ins in stacks}
    for point in points:
        if point.offset not in kinds:
            raise CannotMerge(f"no instruction to go on from at offset {point.offset}")
        if not fits(kinds[point.offset], point.stack):
            found = kinds[point.offset]
            raise CannotMerge(f"stack at {point.offset} is {found!r}, not {point.stack!r}")


def _require_hooks(headers: Sequence[LoopHeader], hooks: Hooks) -> None:
    if len(hooks.osr) != len(headers) or len(hooks.gates) not in (0, len(headers)):
        raise CannotMerge(f"{len(headers)} loop headers, {len(hooks.osr)} hooks for them")
    if len({header.offset for header in headers}) != len(headers):
        raise CannotMerge("two hooks for one loop header")


class _Merger:
    """Works on the decoded bytecode; constants are only ever added at the end."""

    def __init__(self, code: CodeType, hooks: Hooks) -> None:
        self.original = code
        self.hooks = hooks
        self.bytecode: Bytecode = bc.decode(code)
        self.at = self.bytecode.by_offset()
        self.constants: list[object] = list(code.co_consts)
        self.start = _first_resume(self.bytecode)
        self.resumes_only = bool(code.co_flags & _GENERATOR)
        self.restore = Instruction("UNPACK_SEQUENCE", _slots(code) + 2 + self.resumes_only)

    def constant(self, value: object) -> Instruction:
        self.constants.append(value)
        return Instruction("LOAD_CONST", len(self.constants) - 1)

    def ask(self, hook: object) -> tuple[list[Instruction], list[Instruction]]:
        return asking(self.constant(hook))

    # -- before RESUME ----------------------------------------------------------------------------

    def add_prologue(self, points: Sequence[ResumePoint]) -> None:
        hooks = self.hooks
        entry, refused = self.ask(hooks.entry)
        take, declined = self.ask(hooks.take)
        self.bytecode.instructions[self.start : self.start] = [
            *entry,
            Instruction("RETURN_VALUE"),
            *refused,
            *take,
            self.restore,
            *self.store_locals(),
            *(self.give_taken() if self.resumes_only else ()),
            *self.ladder(points, 0),
            *declined,
        ]

    def store_locals(self) -> list[Instruction]:
        """Store every slot, first one on top of the stack; then the point is on top."""
        code = self.original
        bound = _always_bound(code, self.bytecode)
        unbound = self.constant(self.hooks.unbound)
        out: list[Instruction] = []
        for i in range(_slots(code)):
            store = Instruction("STORE_FAST", i)
            if i in bound:
                out.append(store)
                continue
            after = Instruction("NOP")
            out += [Instruction("COPY", 1), store, Instruction("LOAD_CONST", unbound.arg)]
            out += [Instruction("IS_OP", 0), Instruction(_POP_JUMP + "FALSE", target=after)]
            out += [Instruction("DELETE_FAST", i), after]
        return out

    def give_taken(self) -> list[Instruction]:
        """Yield each item of the sequence on top of the stack. No RESUME follows the yields: nobody
        traces them, and no signal is looked at where there is no line.
        """
        after, drop = Instruction(_AFTER_LOOP[0]), Instruction("POP_TOP")
        loop = Instruction("FOR_ITER", target=after)
        known = [Instruction("COPY", 1), self.constant(self.hooks.unbound), Instruction("IS_OP", 0)]
        skip = Instruction(_POP_JUMP + "TRUE", target=drop)
        again = Instruction("JUMP_BACKWARD_NO_INTERRUPT", target=loop)
        rest = [Instruction(name) for name in _AFTER_LOOP[1:]]
        given = [*known, skip, Instruction("YIELD_VALUE"), drop, again]
        return [Instruction("GET_ITER"), loop, *given, after, *rest]

    def ladder(self, points: Sequence[ResumePoint], first: int) -> list[Instruction]:
        """Find the point by binary search; on the stack are its values and, on top, its number."""
        if len(points) <= 1:
            return [Instruction("POP_TOP"), *(self.leaf(points[0]) if points else [])]
        half = len(points) // 2
        upper = self.ladder(points[half:], first + half)
        return [
            Instruction("COPY", 1),
            self.constant(first + half),
            Instruction("COMPARE_OP", _LESS_THAN),
            Instruction(_POP_JUMP + "FALSE", target=upper[0]),
            *self.ladder(points[:half], first),
            *upper,
        ]

    def leaf(self, point: ResumePoint) -> list[Instruction]:
        jump = Instruction("JUMP_FORWARD", target=self.at[point.offset])
        return [*_load_stack(point.stack), jump]

    # -- loop headers -----------------------------------------------------------------------------

    def add_loop_hooks(self, headers: Sequence[LoopHeader]) -> None:
        """Put a hook in front of each header, for whoever comes there but `restore`."""
        hooked: dict[Instruction, list[Instruction]] = {}
        for k, header in enumerate(headers):
            ins = self.at[header.offset]
            hooked[ins] = self.loop_hook(k, ins, header.stack)
        redirect(self.bytecode, {ins: hook[0] for ins, hook in hooked.items()})
        out: list[Instruction] = []
        for ins in self.bytecode.instructions:
            out += hooked.get(ins, ())
            out.append(ins)
        self.bytecode.instructions = out
        self.start = _first_resume(self.bytecode)

    def loop_hook(self, k: int, header: Instruction, stack: str) -> list[Instruction]:
        hooks = self.hooks
        osr, refused = self.ask(hooks.osr[k])
        take, declined = self.ask(hooks.take)
        to_restore = Instruction("JUMP_BACKWARD_NO_INTERRUPT", target=self.restore)
        out = [*osr, *drop_below(stack), Instruction("RETURN_VALUE"), *refused]
        out += [*take, *drop_below(stack), to_restore, *declined]
        if hooks.gates:
            out[:0] = self.gate(hooks.gates[k], header)
        for ins in out:
            # The header's own line: a line of none, or another, would make trace events.
            ins.position = header.position
        return out

    def gate(self, gate: object, header: Instruction) -> list[Instruction]:
        test = [Instruction("TO_BOOL")] if MINOR >= (3, 13) else []
        closed = Instruction(_POP_JUMP + "FALSE", target=header)
        return [self.constant(gate), *test, closed]

    # -- the result -------------------------------------------------------------------------------

    def finish(self, points: Sequence[ResumePoint], headers: Sequence[LoopHeader]) -> CodeType:
        code = self.original
        needs = [code.co_stacksize, _slots(code) + 5, 3 + _TAKING]
        needs += [len(point.stack) + 4 for point in (*points, *headers)]
        return bc.assemble(
            self.bytecode,
            code,
            co_consts=tuple(self.constants),
            co_stacksize=max(needs),
        )


def redirect(bytecode: Bytecode, moved: dict[Instruction, Instruction]) -> None:
    """Let everything that refers to an instruction refer to another one."""
    for ins in bytecode.instructions:
        if ins.target is not None:
            ins.target = moved.get(ins.target, ins.target)
    for handler in bytecode.handlers:
        handler.first = moved.get(handler.first, handler.first)
        handler.target = moved.get(handler.target, handler.target)
        if handler.end is not None:
            handler.end = moved.get(handler.end, handler.end)


def _first_resume(bytecode: Bytecode) -> int:
    names = [ins.name for ins in bytecode.instructions]
    return names.index("RESUME")


def _parameters(code: CodeType) -> int:
    flags = code.co_flags
    packed = bool(flags & _VARARGS) + bool(flags & _VARKEYWORDS)
    return code.co_argcount + code.co_kwonlyargcount + packed


def _slots(code: CodeType) -> int:
    """Count locals and cells: CPython's fast locals in this order, before free variables."""
    return code.co_nlocals + len(set(code.co_cellvars) - set(code.co_varnames))


def _always_bound(code: CodeType, bytecode: Bytecode) -> set[int]:
    """Slots that nothing can unbind: cells, and parameters that are never deleted."""
    unbinding = ("DELETE_FAST", "LOAD_FAST_AND_CLEAR")
    deleted = {ins.arg for ins in bytecode.instructions if ins.name in unbinding}
    cells = {i for i, name in enumerate(code.co_varnames) if name in code.co_cellvars}
    cells |= set(range(code.co_nlocals, _slots(code)))
    return cells | set(range(_parameters(code))) - deleted


def asking(load_hook: Instruction) -> tuple[list[Instruction], list[Instruction]]:
    """Return what asks a hook and leaves its result on the stack, and where "no" continues."""
    landing = [Instruction(name) for name in _AFTER_LOOP]
    loop = Instruction("FOR_ITER", target=landing[0])
    return [load_hook, loop, *drop_below("v")], landing


def drop_below(stack: str) -> list[Instruction]:
    """Drop the items under the top of the stack, uppermost first.

    POP_TOP cannot drop a NULL, which the variable of a comprehension leaves there when it hid an
    unbound local; STORE_FAST can. The frame's locals are not needed any more.
    """
    drops = ["STORE_FAST" if kind == "0" else "POP_TOP" for kind in reversed(stack)]
    return [Instruction(*each) for drop in drops for each in (("SWAP", 2), (drop, 0))]


def _load_stack(shape: str) -> list[Instruction]:
    """Replace a tuple of values, top first, by a stack of `shape`."""
    values = shape.count("v")
    out = [Instruction("UNPACK_SEQUENCE", values) if values else Instruction("POP_TOP")]
    for position, kind in enumerate(shape):
        if kind == "0":
            above = shape.count("v", position)
            out.append(Instruction("PUSH_NULL"))
            out += [Instruction("SWAP", n) for n in range(above + 1, 1, -1)]
    return out
