"""What surrounds the bodies of one Python function: its state, its constant facts, and the ways in.

For function number j of a module, as LLVM text (layouts in `support/frames.py`, `support/enter.py`,
`support/assume.py`):

    state.j, objects.j, facts.j, counters.j.b     words that change
    info.j, sources.j, callees.j, bodies.j, …     constants
    run.j.b                                       a body's runner, from raw values to an object
    enter.j                                       the entry hook: a frame's slots to the first body
    call.j                                        the vectorcall, from 3.12 on
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from dataclasses import dataclass, field

from pyvorin.backend.body import TYPES, is_called, result_type
from pyvorin.backend.convert import Lines, argument, given, load
from pyvorin.backend.layouts import Layout
from pyvorin.backend.objects import CLASSES
from pyvorin.backend.sites import REPS, FunctionSites, Source
from pyvorin.backend.support import assume, enter
from pyvorin.backend.text import Text
from pyvorin.backend.unit import Assumption, NativeFunction
from pyvorin.ir.model import Entry, Function, Value

_FIRST = ("", "list", "str", "tuple", "int", "float", "NoneType")
CLASS_NAMES = (*_FIRST, *sorted(CLASSES.keys() - set(_FIRST)))  # as in data.classes
SLOT_FIELDS = {
    "current": enter.RANGE_CURRENT,
    "stop": enter.RANGE_STOP,
    "step": enter.RANGE_STEP,
    "list": enter.ITER_SEQUENCE,
    "str": enter.ITER_SEQUENCE,
    "tuple": enter.ITER_SEQUENCE,
    "bytes": enter.ITER_SEQUENCE,
    "bytearray": enter.ITER_SEQUENCE,
    "index": enter.ITER_INDEX,
    "count": enter.ENUMERATE_COUNT,
    "back": enter.BACK_INDEX,
}
WAYS = {"enumerate": enter.INSIDE_ENUMERATE, "zip": enter.INSIDE_ZIP}
SINGLETONS = {"None": "_Py_NoneStruct", "True": "_Py_TrueStruct", "False": "_Py_FalseStruct"}
FACTS = {
    "callee": assume.CALLEE,
    "builtin": assume.BUILTIN,
    "value": assume.VALUE,
    "module": assume.MODULE,
    "attr": assume.ATTR,
    "import": assume.IMPORT,
    "current": assume.CURRENT,
}
OF_OBJECTS = frozenset(("builtin", "dict", "hash", "method", "num", "set", "str"))
WORTH_OF_OBJECTS = 8000
RUNNER = "i64 %breaker, i64 %room, i64 %entry, i64 %values, i64 %left"
SELDOM = "noinline optnone "  # what LLVM should spend no time on
VARIADIC = 0x4 | 0x8  # *args, **kwargs

Slot = tuple[object, ...]


def paired(entry: Entry) -> list[tuple[Slot, Value | None]] | None:
    """The slots of an entry with their parameters (None for one that is only checked); None if they
    do not match, or leave the step of a range open, so that only native callers come in there.
    """
    slots, params = list(entry.slots), list(entry.block.params)
    fields = [slot[-1] for slot in slots]
    if fields.count("stop") != fields.count("step"):
        return None
    if len(slots) == len(params):
        return list(zip(slots, params, strict=True))
    kept = [slot for slot in slots if slot[-1] != "NoneType"]
    if len(kept) != len(params):
        return None
    left = iter(params)
    return [(slot, None if slot[-1] == "NoneType" else next(left)) for slot in slots]


def _iterates(pair: tuple[Slot, Value | None]) -> bool:
    """Whether a slot is a field of an iterator, which a comprehension's function takes."""
    return pair[0][-1] in ("current", "stop", "step", "index")


@dataclass(slots=True)
class Fact:
    """One fact: `place` is the number of the object it finds."""

    kind: int
    name: str
    detail: str
    place: int
    extra: str = "ptr null"
    number: int = 0


@dataclass(slots=True)
class FunctionText:
    """Writes what surrounds the bodies of one function, once these are written and their sites
    known.
    """

    text: Text
    layout: Layout
    function: NativeFunction
    sites: FunctionSites
    states: dict[str, str]
    callees: list[str]  # states of all functions that may be called, at any depth
    nests: bool  # do bodies call native functions?
    modules: list[str] = field(default_factory=list)

    @property
    def number(self) -> int:
        """The function's number in its module."""
        return self.sites.number

    def write(self) -> None:
        """Write everything."""
        facts = list(self._facts())
        self._objects()
        self._fact_list(facts)
        j, text = self.number, self.text
        self._array(f"callees.{j}", "ptr", [f"ptr @{state}" for state in self.callees])
        bodies = [self._body(b, body) for b, body in enumerate(self.function.bodies)]
        kind = "{ ptr, ptr, i64, ptr, i64 }"
        self._array(f"bodies.{j}", kind, [f"{kind} {{ {body} }}" for body in bodies])
        self._enter(self.function.bodies[0])
        vectorcall = self._vectorcall(self.function.bodies[0])
        self._info(len(facts), len(bodies), vectorcall)
        words = (assume.STATE_MODULE_LIST - 120) // 8 + 2 * len(self.modules)
        text.data(
            f"state.{j}",
            f"internal global {{ [12 x i64], ptr, ptr, i64, [{words} x i64] }} {{ [12 x i64] "
            f"zeroinitializer, ptr @info.{j}, ptr @objects.{j}, i64 0, "
            f"[{words} x i64] zeroinitializer }}",
        )

    def _array(self, name: str, kind: str, items: list[str], section: str = "constant") -> None:
        value = f"[{', '.join(items)}]" if items else "zeroinitializer"
        self.text.data(name, f"internal {section} [{len(items)} x {kind}] {value}")

    # ---- names ----------------------------------------------------------------------------------

    def _facts(self) -> Iterator[Fact]:
        """One fact an assumption, modules first, and one for each other name that the bodies
        mention.
        """
        objects = self.sites.objects
        known: set[Source] = set()
        assumptions = sorted(self.function.assumptions, key=lambda a: a.kind != "module")
        modules = {a.name: a.detail for a in assumptions if a.kind == "module"}
        for assumption in assumptions:
            source: Source = ("global", assumption.name)
            if assumption.kind == "attr":
                source = ("attr", assumption.name, assumption.detail)
            if source not in known:
                known.add(source)
                yield self._fact(assumption, objects.number(source), modules)
        for source in [source for source in objects.numbers if source not in known]:
            match source:
                case ("global", str(name)):
                    yield Fact(assume.SAME, name, "", objects.number(source))
                case ("attr", str(name), str(attribute)):
                    yield Fact(assume.SAME_ATTR, name, attribute, objects.number(source))

    def _fact(self, a: Assumption, place: int, modules: dict[str, str]) -> Fact:
        fact = Fact(FACTS[a.kind], a.name, a.detail, place)
        if a.kind == "callee":
            fact.extra = f"ptr @{self.states[a.detail or a.name]}"
        elif a.kind == "value" or (a.kind == "attr" and a.value is not None):
            written = marshal.dumps(a.value, 2)  # type: ignore[arg-type]  # a constant
            fact.extra, fact.number = f"ptr {self.text.string(written)}", len(written)
        elif a.kind == "module":
            fact.number = len(self.modules)
            self.modules.append(a.name)
        elif a.kind == "attr":
            fact.extra = f"ptr {self.text.string(a.owner)}"
        elif a.kind == "import":
            module, _, fact.detail = a.detail.rpartition(".")
            fact.extra = f"ptr {self.text.string(module)}"
        return fact

    def _objects(self) -> None:
        sources = []
        for source in self.sites.objects.numbers:
            match source:
                case ("const", index):
                    sources.append(f"{{ i64, i64 }} {{ i64 {assume.SOURCE_CONST}, i64 {index} }}")
                case ("const", int(index), int(place)):
                    packed = index | place << assume.ITEM_SHIFT
                    sources.append(f"{{ i64, i64 }} {{ i64 {assume.SOURCE_ITEM}, i64 {packed} }}")
                case ("name", str(name)):
                    index = self.function.code.co_names.index(name)
                    sources.append(f"{{ i64, i64 }} {{ i64 {assume.SOURCE_NAME}, i64 {index} }}")
                case ("singleton", name):
                    symbol = SINGLETONS[str(name)]
                    self.text.external(symbol)
                    address = f"i64 ptrtoint (ptr @{symbol} to i64)"
                    sources.append(f"{{ i64, i64 }} {{ i64 {assume.SOURCE_SINGLETON}, {address} }}")
                case _:
                    sources.append("{ i64, i64 } { i64 2, i64 0 }")
        self._array(f"sources.{self.number}", "{ i64, i64 }", sources)
        self.text.data(
            f"objects.{self.number}",
            f"internal global [{len(sources)} x ptr] zeroinitializer",
        )

    def _fact_list(self, facts: list[Fact]) -> None:
        kind = "{ i64, ptr, ptr, ptr, ptr, i64, ptr, i64 }"
        rows = []
        for fact in facts:
            name, detail = self.text.string(fact.name), self.text.string(fact.detail)
            rows.append(
                f"{kind} {{ i64 {fact.kind}, ptr {name}, ptr null, ptr {detail}, ptr null, "
                f"i64 {fact.place}, {fact.extra}, i64 {fact.number} }}"
            )
        self._array(f"facts.{self.number}", kind, rows, "global")

    def _info(self, facts: int, bodies: int, vectorcall: str) -> None:
        j, code = self.number, self.function.code
        slots = code.co_nlocals + len(set(code.co_cellvars) - set(code.co_varnames))
        words = [
            f"i64 {len(self.sites.objects.numbers)}",
            f"ptr @sources.{j}",
            f"i64 {facts}",
            f"ptr @facts.{j}",
            f"i64 {len(self.callees)}",
            f"ptr @callees.{j}",
            f"i64 {int(self.nests)}",
            f"i64 {bodies}",
            f"ptr @bodies.{j}",
            f"ptr {self.text.string(self.function.name)}",
            f"i64 {self.sites.first}",
            f"i64 {len(self.sites.sites)}",
            f"ptr {vectorcall}",
            f"i64 {(slots + len(code.co_freevars)) * 8}",
            f"i64 {len(self.modules)}",
            f"i64 {int(self.function.blames)}",
        ]
        kinds = ", ".join(word.split()[0] for word in words)
        self.text.data(f"info.{j}", f"internal constant {{ {kinds} }} {{ {', '.join(words)} }}")

    # ---- bodies ---------------------------------------------------------------------------------

    def _body(self, b: int, body: Function) -> str:
        """The body's entries, counters and runner; the words that describe it."""
        j = self.number
        self.text.data(f"counters.{j}.{b}", "internal global [2 x i64] zeroinitializer")
        rows = []
        for e, entry in enumerate(body.entries):
            pairs = paired(entry)
            if pairs is None:
                header, slots = "-2", []
            else:
                header, slots = (
                    str(entry.header),
                    [self._slot(slot, param, pairs) for slot, param in pairs],
                )
            if entry.header >= 0:
                slots += self._own_cells()
            self._array(f"slots.{j}.{b}.{e}", "[4 x i32]", slots)
            rows.append(
                f"{{ i64, i64, ptr }} {{ i64 {header}, i64 {len(slots)}, ptr @slots.{j}.{b}.{e} }}"
            )
        self._array(f"entries.{j}.{b}", "{ i64, i64, ptr }", rows)
        self._runner(b, body)
        parts = (f"ptr @run.{j}.{b}", f"ptr @counters.{j}.{b}", f"i64 {len(rows)}")
        return ", ".join((*parts, f"ptr @entries.{j}.{b}", f"i64 {_worth(body)}"))

    def _own_cells(self) -> list[str]:
        """Slots that let nobody in while somebody else has one of the function's own cells: a
        generator that was not consumed after all.
        """
        code = self.function.code
        own = code.co_nlocals + len({*code.co_cellvars} - {*code.co_varnames})
        return [
            f"[4 x i32] [i32 {enter.OWN_CELL}, i32 {number}, i32 0, i32 0]"
            for number in sorted(self.function.cells)
            if number < own
        ]

    def _slot(self, slot: Slot, param: Value | None, pairs: list[tuple[Slot, Value | None]]) -> str:
        """A slot of an entry for `support.enter.read_slot`."""
        kind, number, rep, cls = _slot_words(slot, param, pairs)
        if slot[0] != "stack" and slot[1] in self.function.cells:
            kind += enter.FROM_CELL
        return f"[4 x i32] [i32 {kind}, i32 {number}, i32 {rep}, i32 {cls}]"

    def _runner(self, b: int, body: Function) -> None:
        signature = f"i64 @run.{self.number}.{b}({RUNNER})"
        lines = Lines()
        lines.add("%breaker.at = inttoptr i64 %breaker to ptr")
        lines.add("%values.at = inttoptr i64 %values to ptr")
        arguments = ["ptr %breaker.at", "i64 %room"]
        if is_called(body):
            pairs = paired(body.entries[0]) or []
            for number, (_, param) in enumerate(pairs):
                if param is not None:
                    at = lines.new(f"getelementptr i8, ptr %values.at, i64 {number * 16}")
                    arguments.append(f"{TYPES[param.rep]} {load(lines, param.rep, at)}")
            if len(arguments) != 2 + len(body.entries[0].block.params):
                lines.add("ret i64 0")
                self._define(signature, lines, SELDOM)
                return
        else:
            arguments += ["i64 %entry", "ptr %values.at"]
        self._call_body(lines, b, body, arguments)
        lines.add("%left.at = inttoptr i64 %left to ptr")
        lines.add("%word = ptrtoint ptr %record to i64")
        lines.add("store i64 %word, ptr %left.at")
        lines.add("ret i64 0")
        self._define(signature, lines, SELDOM)

    def _call_body(self, lines: Lines, b: int, body: Function, arguments: list[str]) -> None:
        """Call a body, box and return its result; go on at `left` with %record if it has left."""
        kind, name = result_type(body), f"body.{self.number}.{b}"
        lines.add(f"%answer = call {kind} @{name}({', '.join(arguments)})")
        lines.add(f"%record = extractvalue {kind} %answer, 1")
        lines.add(f"%result = extractvalue {kind} %answer, 0")
        lines.add("%fine = icmp eq ptr %record, null")
        lines.add("br i1 %fine, label %back, label %left.label, !prof !23")
        lines.label("back")
        lines.add(f"ret i64 {given(lines, body.result)}")
        lines.label("left.label")

    def _define(
        self, signature: str, lines: Lines, marks: str = "", linkage: str = "internal"
    ) -> None:
        head = f"define {linkage} {signature} nounwind {marks}{{\n"
        self.text.define(head + "\n".join(lines.lines) + "\n}\n")

    # ---- ways in from Python --------------------------------------------------------------------

    def _enter(self, body: Function) -> None:
        """The entry hook. What does not fit the first body goes through `enter_somewhere`."""
        j, layout = self.number, self.layout
        lines = Lines()
        lines.add("%thread = call i64 @PyThreadState_Get()")
        lines.add("%frame = call i64 @pyv.current_frame(i64 %thread)")
        lines.add(f"%room = call i64 @pyv.arrive({self._facts_and_state()}, i64 %frame)")
        lines.add("%out = icmp eq i64 %room, 0")
        lines.add("br i1 %out, label %no, label %in, !prof !20")
        lines.label("no")
        lines.add("ret i64 0")
        lines.label("in")
        entry = next((e for e in body.entries if e.header == -1), None)
        pairs = paired(entry) if entry else None
        if pairs is not None and is_called(body) and not any(map(_iterates, pairs)):
            self._keeps(lines)
            lines.add("%frame.at = inttoptr i64 %frame to ptr")
            arguments = []
            for slot, param in pairs:
                at = layout.frame_locals + int(str(slot[1])) * 8
                place = lines.new(f"getelementptr i8, ptr %frame.at, i64 {at}")
                if slot[1] in self.function.cells:
                    cell = lines.new(f"load ptr, ptr {place}")
                    place = lines.new(f"getelementptr i8, ptr {cell}, i64 {layout.cell_content}")
                arguments += argument(lines, self.text, layout, slot, param, place)
            self._call_in(lines, body, arguments)
            lines.add("%word = ptrtoint ptr %record to i64")
            lines.add("call void @pyv.leave_to_frame(i64 %frame, i64 %word)")
            lines.add("ret i64 0")
        else:
            lines.add("br label %elsewhere")
        lines.label("elsewhere")
        state = f"i64 ptrtoint (ptr @state.{j} to i64)"
        lines.add(f"%other = call i64 @pyv.enter_somewhere({state}, i64 %frame, i64 -1, i64 %room)")
        lines.add("ret i64 %other")
        self._define(f"i64 @enter.{j}(i64 %state, i64 %header)", lines, linkage="hidden")

    def _facts_and_state(self) -> str:
        """The first arguments of what decides (`support/quick.py`)."""
        self.text.declare("PyThreadState_Get", "i64", [])
        names = [f"state.{self.number}", f"info.{self.number}"]
        words = [f"i64 ptrtoint (ptr @{name} to i64)" for name in names]
        return ", ".join([*words, "i64 %thread"])

    def _keeps(self, lines: Lines) -> None:
        """Go elsewhere if the first body has been left too often."""
        score = f"i64 ptrtoint (ptr @counters.{self.number}.0 to i64)"
        lines.add(f"%may = call i64 @pyv.may_enter({score})")
        lines.add("%keeps = icmp ne i64 %may, 0")
        lines.add("br i1 %keeps, label %first, label %elsewhere, !prof !23")
        lines.label("first")

    def _call_in(self, lines: Lines, body: Function, arguments: list[str]) -> None:
        lines.add(
            f"call void @pyv.count_entry(i64 ptrtoint (ptr @state.{self.number} to i64), i64 -1)"
        )
        lines.add("%breaker.word = call i64 @pyv.breaker_of(i64 %thread)")
        lines.add("%breaker = inttoptr i64 %breaker.word to ptr")
        self._call_body(lines, 0, body, ["ptr %breaker", "i64 %room", *arguments])

    def _vectorcall(self, body: Function) -> str:
        """The vectorcall's symbol, or null: 3.11's interpreter does not use it."""
        code, j = self.function.code, self.number
        entry = body.entries[0]
        pairs = paired(entry)
        plain = not code.co_flags & VARIADIC and not code.co_kwonlyargcount
        if self.layout.minor < 12 or not plain or pairs is None or not is_called(body):
            return "null"
        if any(_iterates(pair) or pair[0][0] == "cell" for pair in pairs):
            return "null"  # what only a frame has
        lines = Lines()
        state = f"i64 ptrtoint (ptr @state.{j} to i64)"
        lines.add("%thread = call i64 @PyThreadState_Get()")
        lines.add(
            f"%room = call i64 @pyv.arrive_by_call({self._facts_and_state()}, i64 %function, "
            f"i64 %count, i64 %names, i64 {code.co_argcount})"
        )
        lines.add("%out = icmp eq i64 %room, 0")
        lines.add("br i1 %out, label %elsewhere, label %in, !prof !20")
        lines.label("in")
        self._keeps(lines)
        lines.add("%arguments.at = inttoptr i64 %arguments to ptr")
        arguments: list[str] = []
        for slot, param in pairs:
            place = lines.new(f"getelementptr ptr, ptr %arguments.at, i64 {slot[1]}")
            arguments += argument(lines, self.text, self.layout, slot, param, place)
        self._call_in(lines, body, arguments)
        lines.add("%word = ptrtoint ptr %record to i64")
        lines.add(
            f"%resumed = call i64 @pyv.leave_to_call({state}, i64 %word, i64 %function, "
            f"i64 %arguments, i64 {code.co_argcount})"
        )
        lines.add("ret i64 %resumed")
        lines.label("elsewhere")
        lines.add(
            f"%python = call i64 @pyv.call_python({state}, i64 %function, i64 %function, "
            "i64 %arguments, i64 %count, i64 %names)"
        )
        lines.add("ret i64 %python")
        self._define(f"i64 @call.{j}(i64 %function, i64 %arguments, i64 %count, i64 %names)", lines)
        return f"@call.{j}"


def _worth(body: Function) -> int:
    """For how many cycles the body must run when a loop enters it, or else the way there and back
    cost more than it gained. Arithmetic is so much faster natively that any time will do; what
    calls CPython or looks into its tables is not.
    """
    families = {op.name.partition(".")[0] for op in body.ops()}
    return WORTH_OF_OBJECTS if families & OF_OBJECTS else 0


def _slot_words(
    slot: Slot, param: Value | None, pairs: list[tuple[Slot, Value | None]]
) -> tuple[int, object, int, int]:
    kind_name, number = slot[0], slot[1]
    field_name = str(slot[2]) if len(slot) > 2 else ""
    way = tuple(slot[3:])
    together = {
        str(other[2])
        for other, _ in pairs
        if other[:2] == slot[:2] and len(other) > 2 and tuple(other[3:]) == way
    }
    iterating = field_name in ("current", "stop", "step", "count") or together & {"index", "back"}
    cls = CLASS_NAMES.index(field_name) if field_name in CLASS_NAMES else 0
    if iterating:
        kind = SLOT_FIELDS[field_name] + (enter.FROM_STACK if kind_name == "stack" else 0)
        if "back" in together and field_name != "back":
            kind += enter.BACK_SEQUENCE - enter.ITER_SEQUENCE
        for place, (outer, inner) in enumerate(way):  # type: ignore[misc]
            kind += (WAYS[outer] + inner) << (8 + 4 * place)  # type: ignore[has-type]
    elif kind_name == "stack":
        kind = enter.STACK
    elif kind_name == "bound":
        kind = enter.BOUND_LOCAL
    else:
        maybe = any(other[0] == "bound" and other[1] == number for other, _ in pairs)
        kind = enter.MAYBE_LOCAL if maybe else enter.LOCAL
    rep = REPS.index(param.rep) if param is not None else 0
    return kind, number, rep, cls
