"""Write one typed body as an LLVM function.

    { i64, ptr } @body.0.0(ptr %breaker, i64 %room, i64 %a0)                   one that calls enter
    { i64, ptr } @body.0.1(ptr %breaker, i64 %room, i64 %entry, ptr %values)   any other

The answer is the result and 0, or anything and the address of a frame record (`support/frames.py`):
the body has left. `breaker` is the address of CPython's eval breaker; `room` is how many further
native frames there may be.

An operation that leaves branches to a cold block that passes the values to be stored to
`support/leave.py` (`backend.leaving`), so that the hot path keeps neither a stack frame nor spills
for it.

What an operation emits is one function, keyed by the operation's name, in `backend.arithmetic`,
`backend.floats` and `backend.objects`; this module has control flow, references, leaving and calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from pyvorin.backend import leaving
from pyvorin.backend.dialect import PREFIX
from pyvorin.backend.layouts import Layout
from pyvorin.backend.liveness import Liveness, uses
from pyvorin.backend.sites import FunctionSites, Source, may_leave
from pyvorin.backend.text import Text, double
from pyvorin.ir.model import Block, Edge, Entry, Function, Op, Rep, Value

TYPES = {
    Rep.OBJ: "ptr",
    Rep.I64: "i64",
    Rep.I128: "i128",
    Rep.F64: "double",
    Rep.I1: "i1",
    Rep.CHAR: "i64",
}
NEAR_INFINITY = 1e15
SMALL = 48  # operations of a body that is copied into its native callers
# Memory that cannot overlap: reference counts, items of lists, everything that lists' headers hold,
# immutable contents, the value of an int or float, the bytes of a bytearray.
TBAA = {"count": "!10", "item": "!11", "header": "!12", "content": "!13", "number": "!14"}
TBAA |= {"byte": "!15"}
ARRAYS = range(31, 39)  # lists that are open as arrays; the last also stands for further ones
METADATA = """
!0 = !{!"pyvorin"}
!1 = !{!"count", !0, i64 0}
!2 = !{!"item", !0, i64 0}
!3 = !{!"header", !0, i64 0}
!4 = !{!"content", !0, i64 0}
!5 = !{!"number", !0, i64 0}
!6 = !{!"byte", !0, i64 0}
!10 = !{!1, !1, i64 0}
!11 = !{!2, !2, i64 0}
!12 = !{!3, !3, i64 0}
!13 = !{!4, !4, i64 0}
!14 = !{!5, !5, i64 0}
!15 = !{!6, !6, i64 0}
!21 = !{}
!22 = !{i64 0, i64 1152921504606846976}
!23 = !{!"branch_weights", i32 1000000, i32 1}
!20 = !{!"branch_weights", i32 1, i32 1000000}
attributes #3 = { cold noinline nounwind }
attributes #2 = { nobuiltin nounwind willreturn memory(none) }
attributes #4 = { nounwind willreturn memory(none) uwtable }
attributes #5 = { noinline nounwind willreturn memory(read) uwtable }
"""
for _number in ARRAYS:
    METADATA += f'!{_number + 10} = !{{!"array {_number}", !0, i64 0}}\n'
    METADATA += f"!{_number} = !{{!{_number + 10}, !{_number + 10}, i64 0}}\n"


class BackendError(Exception):
    """The IR is outside what the backend can emit; the message names the operation."""


class Context(NamedTuple):
    """What bodies share: the module's text, the layout, where native callees are, the options."""

    text: Text
    layout: Layout
    callees: dict[tuple[str, int], tuple[str, Function]]  # (name, body) -> LLVM name, body
    states: dict[str, str]  # native function -> symbol of its state
    force: bool


def result_type(function: Function) -> str:
    """What a body answers."""
    return f"{{ {TYPES[function.result]}, ptr }}"


def is_called(function: Function) -> bool:
    """Is the body entered by calls, with its arguments in registers?"""
    return len(function.entries) == 1 and function.entries[0].header == -1


def constant(value: object, rep: Rep) -> str:
    """A machine constant as LLVM writes it."""
    match rep:
        case Rep.F64:
            assert isinstance(value, float)
            return double(value)
        case Rep.I1:
            return "true" if value else "false"
        case Rep.CHAR:
            return str(ord(value) if isinstance(value, str) else value)
        case _:
            return str(value)


def reachable(function: Function) -> list[Block]:
    """The blocks that control can reach, in the function's order."""
    work = [entry.block for entry in function.entries]
    found = set(work)
    while work:
        for edge in work.pop().terminator.edges:
            if edge.block not in found:
                found.add(edge.block)
                work.append(edge.block)
    return [block for block in function.blocks if block in found]


class Body:
    """The emission of one body. Operation emitters use the public methods."""

    def __init__(
        self,
        context: Context,
        function: Function,
        name: str,
        sites: FunctionSites,
        counters: str,
        *,
        cold: bool = False,
    ) -> None:
        self.context = context
        self.text = context.text
        self.layout = context.layout
        self.function = function
        self.name = name
        self.sites = sites
        self.counters = counters
        self.marks = "" if cold or is_called(function) else " optsize"  # cold ones get `optnone`
        self.blocks = reachable(function)
        self.names = {block: f"b{number}" for number, block in enumerate(self.blocks)}
        self.live = Liveness(self.blocks)
        self.result = result_type(function)
        self.values: dict[Value, str] = {}
        self.constants: dict[Value, object] = {}
        self.incoming: dict[Block, list[tuple[str, list[str]]]] = {b: [] for b in self.blocks}
        self.head: list[str] = []
        self.lines: list[str] = []
        self.cold: list[str] = []
        self.counts: Counter[Value] = Counter()
        self.count = 0
        self.label = ""  # of the LLVM block being written
        self.block: Block = self.blocks[0]
        self.index = 0
        self.op: Op = self.blocks[0].ops[0]
        self.leaving = ""  # label of the operation's cold block, once it has one
        self.waiting: dict[Value, Op] = {}  # numbers to be boxed (`backend.stores`)
        self.given: set[Value] = set()  # owned values that an operation has handed on
        self.truths: set[Value] = set()  # objects that are True or False
        self.accounts: dict[int, tuple[str, str]] = {}  # of nests (`backend.arrays`)
        self.leave_site = ""  # and what that passes
        self.leave_values: list[Value] = []

    def emit(self) -> None:
        """Write the function and everything that belongs to it."""
        for op in (op for block in self.blocks for op in block.ops if op.name == "const"):
            self.constants[op.result] = op.attrs["value"]
            self.values[op.result] = constant(op.attrs["value"], op.result.rep)
        for op in (op for block in self.blocks for op in block.ops if op.name == "i64.to_f64"):
            if isinstance(integer := self.constants.get(op.operands[0]), int):
                self.constants[op.result] = float(integer)  # rounded alike
        written: list[tuple[Block, list[str]]] = []
        self.lines = []
        parameters = self._enter()
        start = self.lines
        for block in self.blocks:
            self.lines = []
            self._block(block)
            written.append((block, self.lines))
        lines = ["start:", *self.head, *start]
        for block, body in written:
            lines += [f"{self._name(block)}:", *self._phis(block), *body]
        header = (
            f"define internal {self.result} @{self.name}({', '.join(parameters)}) nounwind uwtable"
        )
        header += self.marks  # with minsize, shifts of i128 would be calls of libgcc
        self.text.define("\n".join([f"{header} {{", *lines, *self.cold, "}", ""]))

    # ---- text -----------------------------------------------------------------------------------

    def line(self, text: str) -> None:
        """Add a line to the current block."""
        self.lines.append("  " + text)

    def new(self, text: str) -> str:
        """Add an instruction; the name of its result."""
        self.count += 1
        self.line(f"%t{self.count} = {text}")
        return f"%t{self.count}"

    def fresh(self, hint: str) -> str:
        """A new label."""
        self.count += 1
        return f"{hint}.{self.count}"

    def begin(self, label: str) -> None:
        """Start an LLVM block."""
        self.lines.append(f"{label}:")
        self.label = label

    def room(self, kind: str) -> str:
        """A stack slot of the function."""
        self.count += 1
        self.head.append(f"  %r{self.count} = alloca {kind}, align 16")
        return f"%r{self.count}"

    def get(self, value: Value) -> str:
        """The LLVM operand of a value."""
        return self.values[value]

    def typed(self, value: Value) -> str:
        """The operand with its type."""
        return f"{TYPES[value.rep]} {self.values[value]}"

    def put(self, operand: str) -> None:
        """Say what the current operation's only result is."""
        self.values[self.op.result] = operand

    def use_count(self, value: Value) -> int:
        """How many places need a value."""
        if not self.counts:
            for op in (op for block in self.blocks for op in block.ops):
                self.counts.update((*uses(op), *(arg for edge in op.edges for arg in edge.args)))
        return self.counts[value]

    def known(self, value: Value) -> object:
        """The constant a value is, or None."""
        return self.constants.get(value)

    def load(self, kind: str, base: str, offset: int, memory: str) -> str:
        """Read a field of an object."""
        at = self.new(f"getelementptr i8, ptr {base}, i64 {offset}") if offset else base
        return self.new(f"load {kind}, ptr {at}, !tbaa {TBAA[memory]}")

    def store(self, kind: str, value: str, at: str, memory: str) -> None:
        """Write to memory."""
        self.line(f"store {kind} {value}, ptr {at}, !tbaa {TBAA[memory]}")

    def element(self, kind: str, base: str, index: str) -> str:
        """The address of an array element."""
        return self.new(f"getelementptr inbounds {kind}, ptr {base}, i64 {index}")

    def call(self, name: str, *arguments: str, result: str = "i64") -> str:
        """Call a support function; pointers are passed as words."""
        return self.new(f"call {result} @{PREFIX}{name}({', '.join(arguments)})")

    def word(self, pointer: str) -> str:
        """A pointer as a typed word argument."""
        return "i64 " + self.new(f"ptrtoint ptr {pointer} to i64")

    def pointer(self, word: str) -> str:
        """A word as a pointer."""
        return self.new(f"inttoptr i64 {word} to ptr")

    def symbol(self, name: str) -> str:
        """The address of an object of the process."""
        self.text.external(name)
        return f"@{name}"

    def object(self, source: Source) -> str:
        """An object named by a source: its place in the function's table."""
        number = self.sites.objects.number(source)
        table = f"@objects.{self.sites.number}"
        at = self.new(f"getelementptr ptr, ptr {table}, i64 {number}")
        return self.new(f"load ptr, ptr {at}, !invariant.load !{{}}")

    # ---- leaving --------------------------------------------------------------------------------

    def leave_if(self, condition: str) -> None:
        """Leave through the operation's frame state if an i1 is true."""
        if condition == "false":
            return
        on = self.fresh("on")
        self.line(f"br i1 {condition}, label %{self._cold_block()}, label %{on}, !prof !20")
        self.begin(on)

    def leave(self) -> None:
        """Leave always; ends the block."""
        self.line(f"br label %{self._cold_block()}")

    def leave_with(self, inner: str, status: str) -> None:
        """Leave with the record of a callee if its status is not 0."""
        inner_label, on = self.fresh("inner"), self.fresh("on")
        self.line(f"br i1 {status}, label %{inner_label}, label %{on}, !prof !20")
        self._cold_block()
        self.cold += self._leave_call(inner_label, inner)
        self.begin(on)

    def _cold_block(self) -> str:
        if not self.leaving:
            if self.op.state is None:
                raise BackendError(f"{self.name}: {self.op.name} leaves but has no frame state")
            self.leaving = self.fresh("leave")
            site, frame = self.sites.add(self.op)
            owned = self.live.before[self.block][self.index]
            settled = frame.values.keys() | self.waiting.keys()
            dropped = sorted(owned - settled, key=lambda value: value.id)
            self.leave_site = f"site.{site.index}"
            self.leave_values = [*frame.values, *dropped]
            kept, calls = list(frame.values), self.op.name == "call.native"
            codes = leaving.codes(kept, dropped, owned, calls)
            state = f"state.{self.sites.number}"
            self.text.data(
                self.leave_site, frame.descriptor(site.index, state, self.counters, codes)
            )
            self.cold += self._leave_call(self.leaving, "null")
        return self.leaving

    def _leave_call(self, label: str, inner: str) -> list[str]:
        lines = []
        if self.op.state is not None and self.op.state.arrays is not None:
            lines.append(f"call void @pyv.arrays_close(i64 {self.get(self.op.state.arrays)})")
        arguments = [f"ptr @{self.leave_site}"]
        if self.op.name == "call.native":
            arguments.append(f"ptr {inner}")
        for value in self.leave_values:
            self.count += 1
            before, typed = leaving.passed(value, self.get(value), self.count)
            lines += before
            arguments += typed
        self.count += 1
        left, function = f"%t{self.count}", leaving.name(self.function.result)
        kind, listed = self.result, ", ".join(arguments)
        lines.append(f"{left} = tail call {kind} (ptr, ...) @{function}({listed}) #3")
        lines.append(f"ret {kind} {left}")
        return [f"{label}:", *("  " + line for line in lines)]

    # ---- entries, blocks, edges -----------------------------------------------------------------

    def _name(self, block: Block) -> str:
        return self.names[block]

    def _enter(self) -> list[str]:
        """Write the start block; the function's parameters."""
        self.label = "start"
        common = ["ptr %breaker", "i64 %room"]
        if is_called(self.function):
            (entry,) = self.function.entries
            names = [f"%a{number}" for number in range(len(entry.block.params))]
            self._go_in(entry, names)
            typed = zip(entry.block.params, names, strict=True)
            return common + [f"{TYPES[param.rep]} {name}" for param, name in typed]
        labels = [f"entry{number}" for number in range(len(self.function.entries))]
        cases = " ".join(f"i64 {number}, label %{label}" for number, label in enumerate(labels))
        self.line(f"switch i64 %entry, label %{labels[0]} [ {cases} ]")
        for entry, label in zip(self.function.entries, labels, strict=True):
            self.begin(label)
            names = []
            for number, param in enumerate(entry.block.params):
                at = self.new(f"getelementptr i8, ptr %values, i64 {number * 16}")
                kind = TYPES[param.rep]
                name = self.new(f"load {'i64' if kind == 'i1' else kind}, ptr {at}")
                names.append(self.new(f"trunc i64 {name} to i1") if kind == "i1" else name)
            self._go_in(entry, names)
        return [*common, "i64 %entry", "ptr %values"]

    def _go_in(self, entry: Entry, names: list[str]) -> None:
        for param, name in zip(entry.block.params, names, strict=True):
            if self.live.owned(param):
                self.line(f"call void @incref(ptr {name})")
        self.incoming[entry.block].append((self.label, names))
        self.line(f"br label %{self._name(entry.block)}")

    def _phis(self, block: Block) -> Iterator[str]:
        for number, param in enumerate(block.params):
            pairs = ", ".join(f"[ {a[number]}, %{label} ]" for label, a in self.incoming[block])
            if pairs:
                yield f"  %p{param.id} = phi {TYPES[param.rep]} {pairs}"

    def _block(self, block: Block) -> None:
        self.block, self.label = block, self._name(block)
        for param in block.params:
            self.values[param] = f"%p{param.id}"
            if self.live.owned(param) and param not in self.live.before[block][0]:
                self.line(f"call void @decref(ptr %p{param.id})")
        for index, op in enumerate(block.ops):
            self.index, self.op, self.leaving = index, op, ""
            emit = EMIT.get(op.name)
            if emit is None:
                raise BackendError(f"{self.name}: no emitter for {op.name}")
            if self.context.force and may_leave(op):
                self._force()
            emit(self, op)
            if index + 1 < len(block.ops):
                self._drop_dead(block, index)

    def _force(self) -> None:
        index = self.sites.first + len(self.sites.sites)
        asked = self.call("forced", f"i64 {index}")
        self.leave_if(self.new(f"icmp ne i64 {asked}, 0"))

    def _drop_dead(self, block: Block, index: int) -> None:
        op = block.ops[index]
        alive = set(self.live.before[block][index])
        alive.update(value for value in op.results if self.live.owned(value))
        alive -= self.live.after(block, index) | self.given
        for value in sorted(alive, key=lambda v: v.id):
            self.line(f"call void @decref(ptr {self.get(value)})")

    def edge(self, edge: Edge, dropped: bool = True) -> str:
        """The label to branch to for an edge; what must happen to references on the way goes into a
        block of its own.
        """
        alive = self.live.before[self.block][self.index]
        handed = [
            arg
            for param, arg in zip(edge.block.params, edge.args, strict=True)
            if self.live.owned(param)
        ]
        lines = []
        for value in sorted({*alive, *handed}, key=lambda v: v.id):
            wanted = handed.count(value) + (value in self.live.inside[edge.block])
            more = wanted - 1 if self.live.owned(value) else handed.count(value)
            name = self.get(value)
            lines += [f"  call void @incref(ptr {name})"] * max(more, 0)
            lines += [f"  call void @decref(ptr {name})"] * (more < 0)
        target, names = self._name(edge.block), [self.get(arg) for arg in edge.args]
        if not lines and dropped:
            self.incoming[edge.block].append((self.label, names))
            return target
        label = self.fresh("edge")
        self.cold += [f"{label}:", *lines, f"  br label %{target}"]
        self.incoming[edge.block].append((label, names))
        return label


# ---- control flow and calls: the operations of this module ---------------------------------------


def _br(body: Body, op: Op) -> None:
    body.line(f"br label %{body.edge(op.edges[0])}")


def _condbr(body: Body, op: Op) -> None:
    yes, no = op.edges
    same = yes.block is no.block  # a phi has one entry a block, so the two ways need blocks
    first, second = body.edge(yes, not same), body.edge(no, not same)
    body.line(f"br i1 {body.get(op.operands[0])}, label %{first}, label %{second}")


def _ret(body: Body, op: Op) -> None:
    (value,) = op.operands
    if value.rep is Rep.OBJ and not body.live.owned(value):
        body.line(f"call void @incref(ptr {body.get(value)})")
    for other in sorted(body.live.before[body.block][body.index] - {value}, key=lambda v: v.id):
        body.line(f"call void @decref(ptr {body.get(other)})")
    answer = body.new(f"insertvalue {body.result} poison, {body.typed(value)}, 0")
    answer = body.new(f"insertvalue {body.result} {answer}, ptr null, 1")
    body.line(f"ret {body.result} {answer}")


def _leave(body: Body, op: Op) -> None:
    body.leave()


def _guard(body: Body, op: Op) -> None:
    body.leave_if(body.new(f"xor i1 {body.get(op.operands[0])}, true"))


def _poll(body: Body, op: Op) -> None:
    """The low byte has every bit that wants attention; on 3.11 and 3.12 the word is 0 or 1."""
    wanted = body.new("load volatile i8, ptr %breaker")
    body.leave_if(body.new(f"icmp ne i8 {wanted}, 0"))


def _is_small(function: Function) -> bool:
    """Is a copy of it worth the call that it saves? One that calls further is none."""
    ops = [op for block in reachable(function) for op in block.ops]
    return len(ops) <= SMALL and all(op.name != "call.native" for op in ops)


def _call_native(body: Body, op: Op) -> None:
    key = op.attrs["callee"], op.attrs.get("body") or 0
    if key not in body.context.callees:
        raise BackendError(f"{body.name}: no body {key[1]} of {key[0]!r}")
    name, callee = body.context.callees[key]
    body.leave_if(body.new("icmp sle i64 %room, 0"))
    room = body.new("sub nsw i64 %room, 1")
    arguments = ["ptr %breaker", f"i64 {room}", *(body.typed(v) for v in op.operands)]
    kind = result_type(callee)
    mark = " alwaysinline" if _is_small(callee) else ""
    answer = body.new(f"call {kind} @{name}({', '.join(arguments)}){mark}")
    inner = body.new(f"extractvalue {kind} {answer}, 1")
    body.leave_with(inner, body.new(f"icmp ne ptr {inner}, null"))
    body.put(body.new(f"extractvalue {kind} {answer}, 0"))


def _const(body: Body, op: Op) -> None:
    """A constant is its text, wherever it is used; but LLVM must not compute with doubles so large
    that infinity is near. What is no number it makes positive, where the processor makes it
    negative: `inf - inf`, `inf * 0.0`.
    """
    value = op.attrs["value"]
    if isinstance(value, float) and not abs(value) < NEAR_INFINITY:
        body.put(body.new(f'call double asm "", "=x,0"(double {body.get(op.result)})'))


def _guard_defaults(body: Body, op: Op) -> None:
    state = body.context.states[op.attrs["callee"]]
    kept = body.call("has_defaults", f"i64 ptrtoint (ptr @{state} to i64)")
    body.leave_if(body.new(f"icmp eq i64 {kept}, 0"))


EMIT: dict[str, Callable[[Body, Op], None]] = {
    "br": _br,
    "condbr": _condbr,
    "ret": _ret,
    "leave": _leave,
    "guard": _guard,
    "guard.defaults": _guard_defaults,
    "poll": _poll,
    "call.native": _call_native,
    "const": _const,
}
"""How each operation is written; the modules of operations add theirs (see `backend.llvm`)."""
