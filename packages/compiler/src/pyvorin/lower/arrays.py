"""Lists of numbers as arrays, in nests of loops that store into nothing else.

    loop(…):                                   loop(…):
      poll                                       poll
      %4 = list.get %a, %i                       %1, %h = arrays.open %a      true once that pays
      …                                          condbr %1 -> open, rest      rest: as it was
      %5 = obj.unbox_f64 %4            =>      open:
      …
                                                 %b = arrays.base %h          br -> loop'(…)
                                               loop'(…):
                                                 poll                         closes %h if it leaves
                                                 %5 = array.get %b, %i
                                               …
                                               shut:  arrays.close %h          br -> what follows

The loops are written twice. They begin in the first copy, which works on the lists, and count the
items that they read and store; when those are as many as will have to be copied, they go on in the
second, where an item is a load or a store. So copying is never more than a fixed part of the whole,
however short the loops or long the lists are. Every way out of the second closes the arrays, which
writes changed items back: the edges here, and whatever leaves by its frame state.

A nest qualifies if nothing in it can see or change a list's items otherwise, and every list whose
items it reads or stores is known when it starts, or is an item of such a list, a row. Items are
only read as numbers of one kind, and only numbers are stored. What cannot be known here is asked
when the arrays are opened: the classes of all items, one length of all rows, no nan, and that a
list that is stored into is no other one as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pyvorin.ir.model import (
    Block,
    Edge,
    FrameState,
    Function,
    Op,
    Rep,
    Value,
    state_values,
)
from pyvorin.lower.hoist import mapped
from pyvorin.lower.nests import Nest, nests, repair

REPS: Final = {"f64": Rep.F64, "i64": Rep.I64, "i1": Rep.I1}
UNBOX: Final = {f"obj.unbox_{kind}": kind for kind in REPS}
BOX: Final = {f"box.{kind}": kind for kind in REPS}
CLASSES: Final = {float: "f64", int: "i64", bool: "i1"}
MOST = 8  # lists of one nest
# What a nest may do besides computing with machine numbers: nothing that sees a list's items.
HARMLESS: Final = frozenset(
    (
        *("list.get", "list.set", "list.swap", "list.len", "tuple.get", "tuple.len", "seq.index"),
        *("str.len", "str.char", "bytes.len", "bytes.get", "bytearray.len", "bytearray.get"),
        *("bytearray.set", "num.binop", "num.unary", "num.cmp", "num.truth"),
        *("const", "const.obj", "select", "guard", "poll", "br", "condbr", "leave"),
    )
)
FAMILIES: Final = ("i64.", "i128.", "f64.", "i1.", "char.", "obj.", "box.")
HARMFUL: Final = frozenset(["i64.to_bytes"])
Place = tuple[int, Value]  # how deep in which list: 0 the list itself, 1 an item, 2 a row's item
ELSEWHERE: Final = (-1, Value(-1, Rep.OBJ))


def arrays(function: Function, constants: tuple[object, ...]) -> None:
    """Do it for the outermost nests that qualify, in place. `constants`: those of the code."""
    if not any(op.name == "list.get" for op in function.ops()):
        return
    done: set[Block] = set()
    number = 0
    while True:
        plans = (_Plan(function, nest, constants) for nest in nests(function, done))
        plan = next((plan for plan in plans if plan.qualifies()), None)
        if plan is None:
            return
        done |= _Writer(plan, number).write()
        number += 1


class _Plan:
    """What is known of one nest."""

    def __init__(self, function: Function, nest: Nest, constants: tuple[object, ...]) -> None:
        self.function = function
        self.nest = nest
        self.constants = constants
        self.inside = {v for b in nest.blocks for op in b.ops for v in op.results}
        self.inside.update(param for block in nest.blocks for param in block.params)
        self.made = {value: op for op in function.ops() for value in op.results}
        self.places: dict[Value, Place] = {}
        self.kinds: dict[Value, str] = {}  # of the items of each list, or of its rows
        self.tables: set[Value] = set()  # the lists whose items are rows
        self.written: set[Value] = set()

    def qualifies(self) -> bool:
        """May the nest work on arrays, and is there something to gain?"""
        ops = [op for block in self.nest.blocks for op in block.ops]
        if not all(map(_is_harmless, ops)) or not any(op.name in UNBOX for op in ops):
            return False
        self._locate()
        self._find_tables(ops)
        stores_last = sorted(ops, key=lambda op: op.name == "list.set")
        if not all(map(self._fits, stores_last)) or self._escapes():
            return False
        gain = any(
            op.name in ("list.get", "list.set") and self.kind_of(op.operands[0])
            for block in self.nest.inner
            for op in block.ops
        )
        return gain and len(self.kinds) <= MOST and self._knows_all(ops)

    # ---- where values come from ------------------------------------------------------------------
    def place(self, value: Value) -> Place | None:
        """Where an object comes from; None while that is not known."""
        if value.rep is not Rep.OBJ:
            return ELSEWHERE
        return self.places.get(value) if value in self.inside else (0, value)

    def _locate(self) -> None:
        """Assume that the header's parameters never change, and drop what is not so."""
        header = self.nest.header
        self.places = {p: (0, p) for p in header.params if p.rep is Rep.OBJ}
        incoming = [(e, b) for b in self.nest.blocks for e in b.terminator.edges]
        incoming = [(edge, block) for edge, block in incoming if edge.block in self.nest.members]
        before: dict[Value, Place] = {}
        while before != self.places:
            before = dict(self.places)
            for block in self.nest.blocks:
                for op in block.ops:
                    for value in op.results:
                        self._set(value, self._result(op))
            for edge, _ in incoming:
                for param, arg in zip(edge.block.params, edge.args, strict=True):
                    if param.rep is Rep.OBJ:
                        self._meet(param, self.place(arg))

    def _set(self, value: Value, place: Place | None) -> None:
        if place is not None and value.rep is Rep.OBJ:
            self.places[value] = place

    def _result(self, op: Op) -> Place | None:
        if op.name != "list.get":
            return ELSEWHERE
        base = self.place(op.operands[0])
        if base is None or base is ELSEWHERE or base[0] == 2:
            return base and ELSEWHERE
        return base[0] + 1, base[1]

    def _meet(self, param: Value, place: Place | None) -> None:
        if place is not None and self.places.setdefault(param, place) != place:
            self.places[param] = ELSEWHERE

    # ---- what lists hold -------------------------------------------------------------------------
    def _find_tables(self, ops: Iterable[Op]) -> None:
        for op in ops:
            is_class = op.name == "obj.is_class" and op.attrs["cls"] == "list"
            if is_class or op.name.startswith("list."):
                bases = op.operands[:2] if op.name == "list.set" else op.operands
                places = (self.place(value) or ELSEWHERE for value in bases)
                self.tables |= {root for depth, root in places if depth == 1}

    def root_of(self, base: Value) -> Value | None:
        """The array whose items, numbers, a list has; None for another list."""
        depth, root = self.place(base) or ELSEWHERE
        return root if depth == (1 if root in self.tables else 0) else None

    def number_root(self, value: Value) -> Value | None:
        """The array that a value is an item of."""
        depth, root = self.place(value) or ELSEWHERE
        return root if value in self.inside and depth == 1 + (root in self.tables) else None

    def kind_of(self, base: Value) -> str:
        """What the items of a list are, "" if they are no numbers."""
        root = self.root_of(base)
        return self.kinds.get(root, "") if root is not None else ""

    def _vote(self, root: Value | None, kind: str) -> bool:
        return root is not None and bool(kind) and self.kinds.setdefault(root, kind) == kind

    def _fits(self, op: Op) -> bool:
        """Does an operation with lists, or with their items, have a twin for arrays?"""
        match op.name:
            case "list.get":
                depth, root = self.place(op.operands[0]) or ELSEWHERE
                return depth == 0 or (depth == 1 and root in self.tables)
            case "list.set":
                return self._fits_store(op)
            case "list.swap":
                roots = {self.root_of(op.operands[0]), self.root_of(op.operands[2])}
                self.written |= {root for root in roots if root is not None}
                return None not in roots and len(roots) == 1
        for value in op.operands:
            source = self.number_root(value)
            if source is not None and not self._vote(source, UNBOX.get(op.name, "")):
                return False
        args = [arg for edge in op.edges for arg in edge.args]
        return all(self.number_root(arg) is None for arg in args)

    def _fits_store(self, op: Op) -> bool:
        root, item = self.root_of(op.operands[0]), op.operands[2]
        if root is None:
            return False
        self.written.add(root)
        source = self.number_root(item)
        if source is not None:
            kind = self.kinds.get(source) or self.kinds.get(root, "")
            return self._vote(source, kind) and self._vote(root, kind)
        return self._vote(root, self._kind_of_object(item))

    def _kind_of_object(self, value: Value) -> str:
        op = self.made.get(value)
        if op is None:
            return ""
        if op.name == "const.obj":
            number = self.constant(op)
            fits = number == number and (type(number) is not int or -(2**63) <= number < 2**63)
            return CLASSES.get(type(number), "") if fits else ""
        return BOX.get(op.name, "")

    def constant(self, op: Op) -> object:
        """The object that a `const.obj` is, as far as that is known here."""
        match op.attrs["source"]:
            case ("const", int(index)):
                return self.constants[index]
            case ("singleton", "True" | "False" as name):
                return name == "True"
        return None

    def _escapes(self) -> bool:
        """Is an item needed, as an object, after the nest?"""
        outside = [block for block in self.function.blocks if block not in self.nest.members]
        for op in (op for block in outside for op in block.ops):
            used = [*op.operands, *state_values(op.state), *(a for e in op.edges for a in e.args)]
            if any(self.number_root(value) is not None for value in used):
                return True
        return False

    def _knows_all(self, ops: Iterable[Op]) -> bool:
        """Has everything that is read or stored a kind?"""
        used = [op for op in ops if op.name in ("list.get", "list.set", "list.swap")]
        roots = [self.root_of(op.operands[0]) for op in used]
        return all(root is None or root in self.kinds for root in roots)


def _is_harmless(op: Op) -> bool:
    return op.name in HARMLESS or (op.name.startswith(FAMILIES) and op.name not in HARMFUL)


class _Writer:
    """Writes the second copy of a nest, which works on arrays."""

    def __init__(self, plan: _Plan, number: int) -> None:
        self.plan = plan
        self.nest = plan.nest
        self.function = plan.function
        self.number = number
        self.roots = list(plan.kinds)
        self.values: dict[Value, Value] = {}
        self.blocks: dict[Block, Block] = {}
        self.bases: dict[Value, Value] = {}
        self.widths: dict[Value, Value] = {}
        self.rows: dict[Value, Value] = {}  # where a row begins, by the row of the first copy
        self.handle = self.function.new_value(Rep.I64)
        self.shut: dict[Block, Block] = {}  # what closes → where it goes
        self.into: list[Op] = []

    def write(self) -> set[Block]:
        """Change the function; the blocks that no other nest may have."""
        opening = self.function.new_block("open")
        for block in self.nest.blocks:
            self._declare(block, block.params)
        self._open(opening)
        for block in self.nest.blocks:
            self._count(block)
            self._copy(block)
        rest = self._branch(opening)
        mine = {*self.nest.members, rest, opening, *self.blocks.values(), *self.shut}
        _drop_boxes([*self.blocks.values(), *self.shut])
        originals = {*self.nest.members, rest}
        repair(self.function, originals, self.shut, self.values)
        return mine

    # ---- ways in ---------------------------------------------------------------------------------
    def _declare(self, block: Block, params: list[Value]) -> None:
        made = self.blocks[block] = self.function.new_block("array")
        for param in params:
            self.values[param] = self.function.new_value(param.rep, param.hint)
            made.params.append(self.values[param])
        for param in params:
            if self._is_row(param):
                self.rows[param] = self.function.new_value(Rep.I64)
                made.params.append(self.rows[param])

    def _is_row(self, value: Value) -> bool:
        depth, root = self.plan.place(value) or ELSEWHERE
        return depth == 1 and root in self.plan.tables and root in self.plan.kinds

    def _open(self, opening: Block) -> None:
        """Write the block that reads the handle."""
        for at, root in enumerate(self.roots):
            self.bases[root] = self.function.new_value(Rep.I64)
            opening.ops.append(Op("arrays.base", [self.handle], [self.bases[root]], {"at": at}))
            if root in self.plan.tables:
                self.widths[root] = self.function.new_value(Rep.I64)
                width = Op("arrays.width", [self.handle], [self.widths[root]], {"at": at})
                opening.ops.append(width)
        header = self.nest.header
        opening.ops.append(Op("br", edges=[Edge(self.blocks[header], list(header.params))]))

    def _branch(self, opening: Block) -> Block:
        """Go over from the first copy to the second when that pays."""
        header = self.nest.header
        place = next(i for i, op in enumerate(header.ops) if op.name == "poll") + 1
        rest = self.function.new_block("rest")
        blocks = self.function.blocks
        blocks.insert(blocks.index(header) + 1, blocks.pop())
        rest.ops, header.ops = header.ops[place:], header.ops[:place]
        opened = self.function.new_value(Rep.I1)
        tables, kinds = self.plan.tables, self.plan.kinds
        attrs = {
            "nest": self.number,
            "kinds": tuple(kinds[root] + "*" * (root in tables) for root in self.roots),
            "written": tuple(root in self.plan.written for root in self.roots),
        }
        header.ops.append(Op("arrays.open", list(self.roots), [opened, self.handle], attrs))
        header.ops.append(Op("condbr", [opened], edges=[Edge(opening), Edge(rest)]))
        return rest

    def _count(self, block: Block) -> None:
        """Count in both copies: what opening has cost must have come in again before the next."""
        used = [op for op in block.ops if op.name in ("list.get", "list.set", "list.swap")]
        count = sum(bool(self.plan.kind_of(op.operands[0])) for op in used)
        if count:
            place = 1 + max((i for i, op in enumerate(block.ops) if op.name == "poll"), default=-1)
            attrs = {"nest": self.number, "by": count}
            block.ops.insert(place, Op("nest.count", attrs=attrs))

    # ---- the second copy -------------------------------------------------------------------------
    def _copy(self, block: Block) -> None:
        self.into = self.blocks[block].ops
        for op in block.ops:
            if not self._translate(op):
                self._clone(op)

    def _mapped(self, value: Value) -> Value:
        if value not in self.values and value in self.plan.inside:
            # defined in a block that is copied later: it dominates, so it will get this number
            self.values[value] = self.function.new_value(value.rep, value.hint)
        return self.values.get(value, value)

    def _new(self, name: str, operands: list[Value], rep: Rep, **attrs: object) -> Value:
        value = self.function.new_value(rep)
        self.into.append(Op(name, operands, [value], attrs))
        return value

    def _clone(self, op: Op) -> None:
        made = Op(op.name, [self._mapped(v) for v in op.operands], [], dict(op.attrs))
        made.results = [self._mapped(value) for value in op.results]
        made.offset = op.offset
        made.state = self._state(op)
        made.edges = [self._edge(edge) for edge in op.edges]
        self.into.append(made)
        if op.name == "list.get" and self._is_row(op.result):
            root = self.plan.places[op.result][1]
            place = [self.bases[root], self.widths[root], self._mapped(op.operands[1])]
            self.rows[op.result] = self._row(place, self.plan.kinds[root], op.result)

    def _row(self, place: list[Value], kind: str, row: Value) -> Value:
        value = self.rows.get(row) or self.function.new_value(Rep.I64)
        self.into.append(Op("array.row", place, [value], {"kind": kind}))
        return value

    def _state(self, op: Op) -> FrameState | None:
        if op.state is None:
            return None
        known = {value: self._mapped(value) for value in state_values(op.state)}
        return mapped(op.state, known)._replace(arrays=self.handle)

    def _edge(self, edge: Edge) -> Edge:
        args = [self._mapped(arg) for arg in edge.args]
        if edge.block in self.blocks:
            pairs = zip(edge.block.params, edge.args, strict=True)
            args += [self._row_of(arg) for param, arg in pairs if self._is_row(param)]
            return Edge(self.blocks[edge.block], args)
        shut = self.function.new_block("shut")
        shut.ops = [Op("arrays.close", [self.handle]), Op("br", edges=[Edge(edge.block, args)])]
        self.shut[shut] = edge.block
        return Edge(shut)

    def _row_of(self, value: Value) -> Value:
        if value not in self.rows:  # of a block that is copied later
            self.rows[value] = self.function.new_value(Rep.I64)
        return self.rows[value]

    def _translate(self, op: Op) -> bool:
        """Write what an operation on a list is for an array, if it is one."""
        plan = self.plan
        match op.name:
            case "list.get" if plan.kind_of(op.operands[0]):
                self._define(op.result, self._get(op.operands[0], op.operands[1]))
            case "list.set" if plan.kind_of(op.operands[0]):
                number = self._number(op.operands[2])
                self._set(op.operands[0], op.operands[1], number, op)
            case "list.swap":
                a, i, b, j = op.operands
                first, second = self._get(a, i), self._get(b, j)
                self._set(a, i, second, None)
                self._set(b, j, first, None)
            case "list.len" if self._is_row(op.operands[0]):
                self._define(op.result, self.widths[plan.places[op.operands[0]][1]])
            case "obj.is_class" if self._is_row(op.operands[0]):
                self._define(op.result, self._new("const", [], Rep.I1, value=True))
            case name if name in UNBOX and plan.number_root(op.operands[0]) is not None:
                self._define(op.result, self._mapped(op.operands[0]))
            case _:
                return False
        return True

    def _define(self, value: Value, twin: Value) -> None:
        assert value not in self.values, "used before the block that defines it was copied"
        self.values[value] = twin

    def _base(self, base: Value) -> tuple[Value, dict[str, object]]:
        root = self.plan.root_of(base)
        assert root is not None
        attrs = {"kind": self.plan.kinds[root], "at": self.roots.index(root)}
        return self._row_of(base) if root in self.plan.tables else self.bases[root], attrs

    def _get(self, base: Value, index: Value) -> Value:
        place, attrs = self._base(base)
        rep = REPS[str(attrs["kind"])]
        return self._new("array.get", [place, self._mapped(index)], rep, **attrs)

    def _set(self, base: Value, index: Value, number: Value, op: Op | None) -> None:
        """Only a float that may be nan leaves; none that is in an array already."""
        place, attrs = self._base(base)
        made = Op("array.set", [place, self._mapped(index), number], [], dict(attrs))
        if op is None or attrs["kind"] != "f64":
            made.attrs["nowrap"] = True
        else:
            made.state, made.offset = self._state(op), op.offset
        self.into.append(made)

    def _number(self, value: Value) -> Value:
        if self.plan.number_root(value) is not None:
            return self._mapped(value)
        op = self.plan.made[value]
        if op.name == "const.obj":
            number = self.plan.constant(op)
            return self._new("const", [], REPS[CLASSES[type(number)]], value=number)
        return self._mapped(op.operands[0])


def _drop_boxes(blocks: list[Block]) -> None:
    """Without the numbers that were boxed for a list only."""
    used: set[Value] = set()
    for op in (op for block in blocks for op in block.ops):
        used.update(op.operands)
        used.update(state_values(op.state))
        used.update(arg for edge in op.edges for arg in edge.args)
    for block in blocks:
        block.ops = [op for op in block.ops if op.name not in BOX or op.result in used]
