"""Write IR as text and read it back; `parse(write(f))` is `f` again, and `write(parse(t))` is `t`.

    function 'double' index=0 variant='base' result=obj nlocals=1
    entry -1 entry.0 [('local', 0)]

    entry.0(%0:obj 'a'):
      %1:obj = py.binop %0, %0 {op='+', inplace=False} @6 [6 | %0 | %0, %0]
      ret %1 @10

An operation is its results, name, operands, attributes, edges, bytecode offset (`@`) and frame
state (`[offset | locals | stack]`). Frame-state slots:

    %3              a value
    -               unbound local, or NULL on the stack
    ?(%3, %4)       bound if %4
    =('const', 1)   a constant known when the function is bound
    !range_iter(%1, %2, %3)   an object that a resume builds
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from pyvorin.ir.model import (
    Block,
    Const,
    Edge,
    Entry,
    FrameState,
    Function,
    Maybe,
    Op,
    Rep,
    Slot,
    Value,
    Virtual,
)


# ---- writing -------------------------------------------------------------------------------------
def write(function: Function) -> str:
    """The whole function as text, with a newline at the end."""
    lines = [
        f"function {function.name!r} index={function.index} variant={function.variant!r} "
        f"result={function.result.value} nlocals={function.nlocals}"
    ]
    lines += [
        f"entry {entry.header} {entry.block.label} {entry.slots}" for entry in function.entries
    ]
    for block in function.blocks:
        lines += ["", *write_block(block)]
    return "\n".join(lines) + "\n"


def write_block(block: Block) -> Iterator[str]:
    """A block as lines, its operations indented."""
    yield f"{block.label}({', '.join(map(_declare, block.params))}):"
    for op in block.ops:
        yield f"  {write_op(op)}"


def write_op(op: Op) -> str:
    """One operation as one line."""
    parts = [op.name]
    if op.results:
        parts.insert(0, f"{', '.join(map(_declare, op.results))} =")
    if op.operands:
        parts.append(", ".join(map(repr, op.operands)))
    if op.attrs:
        parts.append("{" + ", ".join(f"{key}={value!r}" for key, value in op.attrs.items()) + "}")
    if op.edges:
        parts.append("-> " + ", ".join(_write_edge(edge) for edge in op.edges))
    if op.offset >= 0:
        parts.append(f"@{op.offset}")
    if op.state is not None:
        parts.append(write_state(op.state))
    return " ".join(parts)


def write_state(state: FrameState) -> str:
    """A frame state as `[offset | locals | stack]`, with ` | arrays` where some are open."""
    fields = [str(state.offset), _slots(state.locals), _slots(state.stack)]
    if state.arrays is not None:
        fields.append(repr(state.arrays))
    return f"[{' | '.join(fields)}]"


def _declare(value: Value) -> str:
    return f"{value!r}:{value.rep.value}" + (f" {value.hint!r}" if value.hint else "")


def _write_edge(edge: Edge) -> str:
    return f"{edge.block.label}({', '.join(map(repr, edge.args))})"


def _slots(slots: tuple[Slot, ...]) -> str:
    return ", ".join(map(write_slot, slots))


def write_slot(slot: Slot) -> str:
    """One frame-state slot."""
    match slot:
        case None:
            return "-"
        case Value():
            return repr(slot)
        case Const(source):
            return f"={source!r}"
        case Maybe(value, bound):
            return f"?({write_slot(value)}, {bound!r})"
        case Virtual(kind, items):
            return f"!{kind}({_slots(items)})"


# ---- reading -------------------------------------------------------------------------------------
class ParseError(ValueError):
    """The text is not IR as `write` writes it; the message has the place."""


_TOKEN = re.compile(
    r"""\s*(?:
    (?P<value>%\d+) | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*") | (?P<word>[A-Za-z_][\w.]*)
    | (?P<number>-?\d[\w.+]*(?:(?<=e)-\d+)?) | (?P<mark>->|[=:,(){}\[\]|@?!-]) )""",
    re.VERBOSE,
)
_HEADER = re.compile(r"function (.*) index=(\d+) variant=(.*) result=(\w+) nlocals=(\d+)$")


def parse(text: str) -> Function:
    """Read a function. Raises ParseError when the text is not what `write` writes."""
    return _Parser(text).function()


class _Parser:
    """Reads line by line; each line is scanned token by token."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.values: dict[int, Value] = {}
        self.blocks: dict[str, Block] = {}
        self.line = ""
        self.place = 0

    def function(self) -> Function:
        found = _HEADER.match(self.lines[0]) if self.lines else None
        if found is None:
            raise ParseError("line 1: expected `function`")
        name, index, variant, result, nlocals = found.groups()
        function = Function(
            ast.literal_eval(name),
            index=int(index),
            variant=ast.literal_eval(variant),
            result=Rep(result),
            nlocals=int(nlocals),
        )
        for number, line in enumerate(self.lines[1:], 2):
            try:
                self._line(function, line)
            except (ParseError, ValueError, SyntaxError, KeyError) as error:
                raise ParseError(f"line {number}, column {self.place + 1}: {error}") from None
        function.values = max(self.values, default=-1) + 1
        return function

    def _line(self, function: Function, line: str) -> None:
        self.line, self.place = line, 0
        if line.startswith("entry ") and not line.endswith(":"):
            _, header, label, slots = line.split(" ", 3)
            function.entries.append(Entry(int(header), self._block(label), ast.literal_eval(slots)))
        elif line.startswith("  "):
            function.blocks[-1].ops.append(self._op())
        elif line:
            block = self._block(self._take("word"))
            block.params = self._list(self._declared)
            function.blocks.append(block)

    # ---- tokens ----
    def _peek(self) -> str:
        found = _TOKEN.match(self.line, self.place)
        return found.group().strip() if found else ""

    def _take(self, kind: str, expected: str = "") -> str:
        found = _TOKEN.match(self.line, self.place)
        if found is None or found.lastgroup != kind or (expected and found[kind] != expected):
            raise ParseError(f"expected {expected or kind}, found `{self.line[self.place :]}`")
        self.place = found.end()
        return found[kind]

    def _list(self, item: Any, opening: str = "(", closing: str = ")") -> list[Any]:
        """Items between brackets, separated by commas."""
        self._take("mark", opening)
        items = self._items(item, closing)
        self._take("mark", closing)
        return items

    def _items(self, item: Any, *closing: str) -> list[Any]:
        items: list[Any] = []
        while self._peek() not in closing:
            if items:
                self._take("mark", ",")
            items.append(item())
        return items

    # ---- parts ----
    def _block(self, label: str) -> Block:
        return self.blocks.setdefault(label, Block(label))

    def _value(self) -> Value:
        number = int(self._take("value")[1:])
        return self.values.setdefault(number, Value(number, Rep.OBJ))

    def _declared(self) -> Value:
        value = self._value()
        self._take("mark", ":")
        value.rep = Rep(self._take("word"))
        if self._peek()[:1] in ("'", '"'):
            value.hint = ast.literal_eval(self._take("text"))
        return value

    def _op(self) -> Op:
        results: list[Value] = []
        if self._peek().startswith("%"):
            results = self._results()
        op = Op(self._take("word"), results=results)
        while self._peek().startswith("%"):
            op.operands.append(self._value())
            if self._peek() == ",":
                self._take("mark")
        if self._peek() == "{":
            op.attrs = self._attrs()
        if self._peek() == "->":
            self._take("mark")
            op.edges = self._edges()
        if self._peek() == "@":
            self._take("mark")
            op.offset = int(self._take("number"))
        if self._peek() == "[":
            op.state = self._state()
        if self._peek():
            raise ParseError(f"unexpected `{self.line[self.place :]}`")
        return op

    def _results(self) -> list[Value]:
        results: list[Value] = self._items(self._declared, "=")
        self._take("mark", "=")
        return results

    def _attrs(self) -> dict[str, Any]:
        """`{name=literal, …}`: its end is found token by token, then Python reads it."""
        start = self.place
        depth = 0
        while True:
            depth += {"{": 1, "}": -1}.get(self._peek(), 0)
            found = _TOKEN.match(self.line, self.place)
            if found is None:
                raise ParseError("unfinished attributes")
            self.place = found.end()
            if depth == 0:
                break
        inner = self.line[start : self.place].strip()[1:-1]
        call = ast.parse(f"attrs({inner})", mode="eval").body
        assert isinstance(call, ast.Call)
        return {str(item.arg): _literal(item.value) for item in call.keywords}

    def _edges(self) -> list[Edge]:
        edges = [self._edge()]
        while self._peek() == ",":
            self._take("mark")
            edges.append(self._edge())
        return edges

    def _edge(self) -> Edge:
        block = self._block(self._take("word"))
        return Edge(block, self._list(self._value))

    def _state(self) -> FrameState:
        self._take("mark", "[")
        offset = int(self._take("number"))
        self._take("mark", "|")
        local = self._items(self._slot, "|")
        self._take("mark", "|")
        stack = self._items(self._slot, "|", "]")
        arrays = None
        if self._peek() == "|":
            self._take("mark")
            arrays = self._value()
        self._take("mark", "]")
        return FrameState(offset, tuple(local), tuple(stack), arrays)

    def _slot(self) -> Slot:
        if self._peek().startswith("%"):
            return self._value()
        match self._take("mark"):
            case "-":
                return None
            case "?":
                self._take("mark", "(")
                value = self._slot()
                self._take("mark", ",")
                bound = self._value()
                self._take("mark", ")")
                return Maybe(value, bound)
            case "!":
                return Virtual(self._take("word"), tuple(self._list(self._slot)))
            case "=":
                return Const(ast.literal_eval(self._bracketed()))
            case mark:
                raise ParseError(f"no slot starts with `{mark}`")

    def _bracketed(self) -> str:
        """The source of a tuple without brackets inside."""
        start = self.place
        while self._peek() != ")":
            found = _TOKEN.match(self.line, self.place)
            if found is None:
                raise ParseError("unfinished tuple")
            self.place = found.end()
        self._take("mark", ")")
        return self.line[start : self.place]


def _literal(node: ast.expr) -> Any:
    """`ast.literal_eval`, and also inf and nan as floats print."""
    match node:
        case ast.Name(id="inf" | "nan"):
            return float(node.id)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Name(id="inf")):
            return float("-inf")
        case _:
            return ast.literal_eval(node)
