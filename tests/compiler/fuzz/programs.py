"""Random programs: a few functions that call each other, and calls with ordinary and odd arguments.

    make(seed)  →  Program(seed, source, cases)

The same seed gives the same program on every Python. Loops are bounded by construction, recursion
by its first argument; what still takes long is dropped by the runner's time limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from pyvorin.check.case import Case

from tests.compiler.fuzz.expressions import EDGE_INTS, Expressions, Scope, Signature

KINDS = ("int", "int", "int", "float", "float", "bool", "ints", "floats", "str")
RESULTS = ("int", "int", "float", "bool", "str")
CALLS = 18  # of one function
# What native code leaves to the interpreter, whatever else it learns to do.
OPAQUE = """

class Gate:
    def __init__(self, *hidden):
        self.hidden = hidden

    def __enter__(self):
        return len(self.hidden)

    def __exit__(self, kind, error, trace):
        return kind in self.hidden


def opaque(value, *rest):
    return value
"""


@dataclass(frozen=True)
class Program:
    """A module and calls of its functions; "example" calls come first and are the recorded ones."""

    seed: int
    source: str
    cases: tuple[Case, ...]


def make(seed: int) -> Program:
    random = Random(f"program {seed}")
    writer = _Writer(random)
    functions: list[Signature] = []
    texts = ["import math", "", f"LIMIT = {random.randint(2, 40)}", "SCALE = 0.25", OPAQUE, ""]
    for number in range(random.choice((1, 2, 2, 3))):
        recursive = random.random() < 0.2
        name = f"{'r' if recursive else 'f'}{number}"
        kinds = [random.choice(KINDS) for _ in range(random.randint(1, 4))]
        if recursive:
            kinds.insert(0, "int")
        signature = Signature(name, tuple(kinds), random.choice(RESULTS))
        texts += [*writer.function(signature, functions), "", ""]
        functions.append(signature)
    cases = [case for item in functions for case in _cases(random, item)]
    return Program(seed, "\n".join(texts).rstrip() + "\n", tuple(cases))


class _Writer:
    """Writes one function after another."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.expressions = Expressions(random)
        self.fresh = 0

    def function(self, signature: Signature, known: list[Signature]) -> list[str]:
        parameters = [f"p{i}" for i in range(len(signature.parameters))]
        variables = dict(zip(parameters, signature.parameters, strict=True))
        variables |= {"LIMIT": "int", "SCALE": "float"}
        scope = Scope(variables, list(known), counters={"LIMIT", "SCALE"})
        shown = list(parameters)
        if len(shown) > 1 and self.random.random() < 0.2:
            shown[-1] += f"={self.expressions.constant(signature.parameters[-1])}"
        lines = [f"def {signature.name}({', '.join(shown)}):"]
        if signature.name.startswith("r"):
            scope.counters.add("p0")
            stop = self.expressions.make(signature.result, scope, 1)
            lines += ["    if p0 <= 0:", f"        return {stop}"]
            arguments = [
                "p0 - 1",
                *(self.expressions.make(k, scope, 1) for k in signature.parameters[1:]),
            ]
            lines.append(f"    deeper = {signature.name}({', '.join(arguments)})")
            scope.variables["deeper"] = signature.result
        if self.random.random() < 0.25:
            lines += self.obstacle(scope, "    ", 2, signature.result)
        for _ in range(self.random.randint(1, 4)):
            lines += self.statement(scope, "    ", 2, signature.result)
        lines.append(f"    return {self.result(scope, signature.result)}")
        return lines

    def result(self, scope: Scope, kind: str) -> str:
        return self.expressions.make(kind, scope, 2)

    def block(self, scope: Scope, indent: str, depth: int, result: str) -> list[str]:
        inner = Scope(dict(scope.variables), scope.functions, scope.loop_depth, set(scope.counters))
        lines: list[str] = []
        for _ in range(self.random.randint(1, 2)):
            lines += self.statement(inner, indent, depth, result)
        for name, kind in inner.variables.items():  # often bound afterwards, sometimes not
            if self.random.random() < 0.05:
                scope.variables.setdefault(name, kind)
        return lines

    def statement(self, scope: Scope, indent: str, depth: int, result: str) -> list[str]:
        choice = self.random.random()
        lists = scope.of("ints") or scope.of("floats")
        if depth <= 0 or choice < (0.28 if lists else 0.40):
            return self.assignment(scope, indent)
        if choice < 0.42:
            return self.arrange(scope, indent)
        if choice < 0.58:
            return self.branch(scope, indent, depth, result)
        if choice < 0.80 and scope.loop_depth < 2:
            return self.loop(scope, indent, depth, result)
        if choice < 0.83:
            return self.store(scope, indent)
        if choice < 0.845:
            return self.grow(scope, indent)
        if choice < 0.86:
            return self.handled(scope, indent, depth, result)
        if choice < 0.89:
            return self.obstacle(scope, indent, depth, result)
        if choice < 0.91:
            return self.unpack(scope, indent)
        if choice < 0.94 and scope.loop_depth:
            word = self.random.choice(("break", "continue"))
            return [f"{indent}if {self.expressions.truth(scope)}:", f"{indent}    {word}"]
        if choice < 0.97:
            leave = f"return {self.expressions.make(result, scope, 2)}"
        else:
            error = self.random.choice(("ValueError('bad')", "KeyError(LIMIT)", "ArithmeticError"))
            leave = f"raise {error}"
        kind = self.random.choice(("int", "float"))
        value = self.expressions.make(kind, scope, 1)
        return [f"{indent}if {value} == {self.expressions.constant(kind)}:", f"{indent}    {leave}"]

    def assignment(self, scope: Scope, indent: str) -> list[str]:
        kind = self.random.choice(("int", "int", "float", "bool", "str", "int"))
        mutable = [name for name in scope.of(kind) if name not in scope.counters]
        if mutable and self.random.random() < 0.6:
            name = self.random.choice(mutable)
            if kind in ("int", "float") and self.random.random() < 0.5:
                operators = ("+=", "-=", "*=") if scope.loop_depth < 2 else ("+=", "-=", "^=")
                operator = self.random.choice(operators)
                if operator == "^=" and kind == "float":
                    operator = "+="
                return [f"{indent}{name} {operator} {self.expressions.make(kind, scope, 2)}"]
            return [f"{indent}{name} = {self.expressions.make(kind, scope, 3)}"]
        value = self.expressions.make(kind, scope, 3)
        name = self.name()
        scope.variables[name] = kind
        return [f"{indent}{name} = {value}"]

    def name(self) -> str:
        self.fresh += 1
        return f"v{self.fresh}"

    def branch(self, scope: Scope, indent: str, depth: int, result: str) -> list[str]:
        lines = [f"{indent}if {self.expressions.truth(scope)}:"]
        lines += self.block(scope, indent + "    ", depth - 1, result)
        while self.random.random() < 0.25:
            lines.append(f"{indent}elif {self.expressions.truth(scope)}:")
            lines += self.block(scope, indent + "    ", depth - 1, result)
        if self.random.random() < 0.5:
            lines.append(f"{indent}else:")
            lines += self.block(scope, indent + "    ", depth - 1, result)
        return lines

    def loop(self, scope: Scope, indent: str, depth: int, result: str) -> list[str]:
        inner = Scope(
            dict(scope.variables), scope.functions, scope.loop_depth + 1, set(scope.counters)
        )
        name = self.name()
        inner.counters.add(name)
        lines: list[str] = []
        if self.random.random() < 0.25:
            lines.append(f"{indent}{name} = {self.expressions.make('int', scope, 1)} % 17")
            step = self.random.choice((1, 1, 2, 3))
            lines.append(f"{indent}while {name} > 0{self._also(scope)}:")
            lines.append(f"{indent}    {name} -= {step}")
            inner.variables[name] = "int"
        else:
            iterated, kind = self.iterable(scope)
            inner.variables[name] = kind
            lines.append(f"{indent}for {name} in {iterated}:")
        lines += self.block(inner, indent + "    ", depth - 1, result)
        if self.random.random() < 0.12:
            lines.append(f"{indent}else:")
            lines += self.assignment(scope, indent + "    ")
        if self.random.random() < 0.12:
            scope.variables[name] = inner.variables[name]  # unbound after an empty loop
        return lines

    def _also(self, scope: Scope) -> str:
        return f" and {self.expressions.truth(scope, 1)}" if self.random.random() < 0.3 else ""

    def iterable(self, scope: Scope) -> tuple[str, str]:
        sequences = [(name, kind) for kind in ("ints", "floats", "str") for name in scope.of(kind)]
        if sequences and self.random.random() < 0.45:
            name, kind = self.random.choice(sequences)
            return name, {"ints": "int", "floats": "float", "str": "str"}[kind]
        bound = f"{self.expressions.make('int', scope, 1)} % {self.random.choice((5, 9, 30))}"
        match self.random.randint(0, 4):
            case 0:
                return f"range({self.random.randint(-3, 3)}, {bound})", "int"
            case 1:
                start, step = self.random.randint(0, 20), self.random.choice((-1, -3, 2))
                return f"range({start}, {self.random.randint(-5, 9)}, {step})", "int"
        return f"range({bound})", "int"

    def store(self, scope: Scope, indent: str) -> list[str]:
        kind = self.random.choice(("ints", "floats"))
        names = scope.of(kind)
        if not names:
            return self.assignment(scope, indent)
        name = self.random.choice(names)
        place = self.expressions.index(scope, f"max(1, len({name}))")
        operator = self.random.choice(("=", "=", "+="))
        value = self.expressions.make("int" if kind == "ints" else "float", scope, 2)
        return [f"{indent}{name}[{place}] {operator} {value}"]

    def grow(self, scope: Scope, indent: str) -> list[str]:
        """A list of the function's own, and what changes its length."""
        kind = self.random.choice(("ints", "floats"))
        item = self.expressions.make("int" if kind == "ints" else "float", scope, 2)
        mine = [name for name in scope.of(kind) if name.startswith("v")]
        if not mine or self.random.random() < 0.3:
            name = self.name()
            scope.variables[name] = kind
            return [f"{indent}{name} = [{item}]"]
        name = self.random.choice(mine)
        change = self.random.choice((f"append({item})", f"append({item})", "pop()", "reverse()"))
        return [f"{indent}{name}.{change}"]

    def arrange(self, scope: Scope, indent: str) -> list[str]:
        """What moves the items of lists, which may be one list under two names."""
        kind = self.random.choice(("ints", "floats"))
        names = scope.of(kind)
        if not names:
            return self.grow(scope, indent)
        a, b = self.random.choice(names), self.random.choice(names)
        i, j, k = (self.expressions.index(scope, f"max(1, len({a}))") for _ in range(3))
        made = self.name()
        value = self.expressions.truth(scope, 1)
        lines, new = self.random.choice(
            (
                (f"{a}[{i}], {a}[{j}] = {a}[{j}], {a}[{i}]", False),
                (f"{a}[{i}], {b}[{j}] = {b}[{j}], {a}[{k}]", False),
                (f"{a}[{i}:{j}] = {b}[{j}:{k}]", False),
                (f"{a}[:{i}] = {b}[{j}::-1]", False),
                (f"{a}.sort()", False),
                (f"{a}.insert({i}, {a}.pop({self.random.choice(('', '0', j))}))", False),
                (f"{a}[{i}] = bool({value})", False),
                (f"{a}[{i}] += {b}[{j}]", False),
                (f"{made} = sorted({a}, reverse={self.random.choice((True, False))})", True),
                (f"{made} = {a}[:{i}] + {b}[{j}:]", True),
                (f"{made} = {a}", True),
                (f"{made} = {a}[:]\n{indent}{made}.extend({b}[{i}:])", True),
            )
        )
        if new:
            scope.variables[made] = kind
        return [f"{indent}{line.strip()}" for line in lines.splitlines()]

    def handled(self, scope: Scope, indent: str, depth: int, result: str) -> list[str]:
        errors = ("ZeroDivisionError", "(IndexError, TypeError)", "ArithmeticError", "Exception")
        lines = [f"{indent}try:"]
        lines += self.block(scope, indent + "    ", depth - 1, result)
        lines.append(f"{indent}except {self.random.choice(errors)}:")
        lines += self.block(scope, indent + "    ", depth - 1, result)
        if self.random.random() < 0.3:
            word = self.random.choice(("else", "finally"))
            lines.append(f"{indent}{word}:")
            lines += self.assignment(scope, indent + "    ")
        return lines

    def obstacle(self, scope: Scope, indent: str, depth: int, result: str) -> list[str]:
        """Something only the interpreter does: loops behind it are entered from there."""
        kind = self.random.choice(("int", "int", "float", "str"))
        value = self.expressions.make(kind, scope, 2)
        way, name, error = self.random.randint(0, 5), self.name(), "ZeroDivisionError"
        if way == 0:
            hidden = self.random.choice(("", error, f"IndexError, {error}"))
            lines = [f"{indent}with Gate({hidden}) as {name}:"]
            lines += self.block(scope, indent + "    ", depth - 1, result)
            scope.variables[name] = "int"
            return lines
        if way == 1:
            return [f"{indent}print({value})"]
        inner = Scope({**scope.variables, f"p{name}": kind}, loop_depth=2, counters=scope.counters)
        body = self.expressions.make(kind, inner, 2)  # may capture variables: they live in cells
        scope.variables[name] = kind
        if way == 2:
            return [f"{indent}{name} = (lambda p{name}: {body})({value})"]
        if way == 3:
            lines = [f"{indent}def i{name}(p{name}):", f"{indent}    return {body}"]
            return [*lines, f"{indent}{name} = i{name}({value})"]
        return [f"{indent}{name} = opaque({value}, {self.expressions.make('int', scope, 1)})"]

    def unpack(self, scope: Scope, indent: str) -> list[str]:
        kind = self.random.choice(("int", "float"))
        first, second = self.name(), self.name()
        values = f"{self.expressions.make(kind, scope, 2)}, {self.expressions.make(kind, scope, 2)}"
        scope.variables |= {first: kind, second: kind}
        lines = [f"{indent}{first}, {second} = {values}"]
        if self.random.random() < 0.5:
            lines.append(f"{indent}{first}, {second} = {second}, {first}")
        return lines


# ---- calls ---------------------------------------------------------------------------------------
_USUAL = {
    "int": ("0", "1", "2", "5", "7", "10", "-3", "12"),
    "float": ("0.5", "1.5", "-2.0", "3.25", "0.0", "10.0"),
    "bool": ("True", "False"),
    "str": ("'abc'", "'hello'", "'a'", "'9x'"),
    "ints": ("[1, 2, 3]", "[5, 0, -2, 8]", "[4]", "[2, 2, 9, 1, 0, 7]"),
    "floats": ("[0.5, 1.5]", "[1.0, -2.0, 0.25]", "[3.0]"),
}
_ODD = {
    "int": (
        *map(str, EDGE_INTS),
        *(str(-value) for value in EDGE_INTS),
        "True",
        "False",
        "2.0",
        "None",
    ),
    "float": ("nan", "inf", "-inf", "-0.0", "5e-324", "1e308", "3", "True", str(2**53 + 1), "None"),
    "bool": ("1", "0", "0.0", "None", "''", "[1]"),
    "str": ("''", "'é'", "'\\U0001f600z'", "'\\ud800'", "['a', 'b']", "None", "7"),
    "ints": (
        "[]",
        "[1.5, 2]",
        "[True, 2]",
        f"[{2**63}, 1]",
        f"[{2**63 - 1}, 1, -1]",
        "(1, 2, 3)",
        "None",
    ),
    "floats": ("[]", "[1, 2.5]", "[nan, 1.0]", "[inf, -inf]", "[-0.0]", "(0.5, 1.5)", "[None]"),
}


def _cases(random: Random, signature: Signature) -> list[Case]:
    recursive = signature.name.startswith("r")
    calls: dict[str, str] = {}
    for number in range(CALLS):
        usual = number < CALLS // 3
        arguments = []
        for place, kind in enumerate(signature.parameters):
            odd = not usual and random.random() < 0.45
            text = random.choice((_ODD if odd else _USUAL)[kind])
            if recursive and place == 0:
                text = str(random.randint(0, 5)) if random.random() < 0.9 else "True"
            arguments.append(text)
        lists = [i for i, kind in enumerate(signature.parameters) if kind in ("ints", "floats")]
        if not usual and len(lists) > 1 and random.random() < 0.4:
            arguments[lists[0]] = f"(_shared := {arguments[lists[0]]})"
            arguments[lists[1]] = "_shared"
        call = f"{signature.name}({', '.join(arguments)})"
        calls.setdefault(call, "example" if usual else "neighbour")
    if recursive and random.random() < 0.3:
        rest = [random.choice(_USUAL[kind]) for kind in signature.parameters[1:]]
        calls.setdefault(f"{signature.name}({', '.join(['3000', *rest])})", "neighbour")
    return [Case(signature.name, call, origin) for call, origin in calls.items()]
