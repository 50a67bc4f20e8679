"""Random expressions of a wanted type over the variables in scope.

Types are what the generator believes: "int", "float", "bool", "str", "ints", "floats". Now and then
it breaks its own belief on purpose, so that programs also raise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

EDGE_INTS = tuple(2**bits + step for bits in (15, 31, 53, 63, 64) for step in (-1, 0, 1))
EDGE_FLOATS = (
    "0.0",
    "-0.0",
    "1e308",
    "-1e308",
    "5e-324",
    "0.1",
    "-2.5",
    "9007199254740993.0",
    "3.0",
)
SCALARS = ("int", "float", "bool")
COMPARISONS = ("<", "<=", "==", "!=", ">", ">=")


@dataclass(frozen=True)
class Signature:
    """A function that can be called: its parameters' types and its result's."""

    name: str
    parameters: tuple[str, ...]
    result: str


@dataclass
class Scope:
    """Variables by type, functions that can be called, and how many loops are around."""

    variables: dict[str, str]
    functions: list[Signature] = field(default_factory=list)
    loop_depth: int = 0
    counters: set[str] = field(default_factory=set)  # loop variables: read, never assigned

    def of(self, kind: str) -> list[str]:
        return [name for name, known in self.variables.items() if known == kind]


class Expressions:
    """Makes source text. `wild` is the chance of an expression of another type than asked for."""

    def __init__(self, random: Random, wild: float = 0.004) -> None:
        self.random = random
        self.wild = wild

    def make(self, kind: str, scope: Scope, depth: int = 3) -> str:
        if self.random.random() < self.wild:
            kind = self.random.choice(("int", "float", "bool", "str", "ints", "none"))
        if depth <= 0 or self.random.random() < 0.15:
            return self.leaf(kind, scope)
        return str(getattr(self, f"_{kind}")(scope, depth - 1))

    def leaf(self, kind: str, scope: Scope) -> str:
        names = scope.of(kind)
        if len(names) > 1 and names[-1] not in scope.counters and self.random.random() < 0.6:
            names = [name for name in names if not name.isupper()]
        if names and self.random.random() < 0.8:
            return self.random.choice(names)
        return self.constant(kind)

    def constant(self, kind: str) -> str:
        pick, chance = self.random.choice, self.random.random()
        match kind:
            case "int":
                if chance < 0.06:
                    return str(pick((1, -1)) * pick(EDGE_INTS))
                return str(self.random.randint(-3, 12))
            case "float":
                eighths = self.random.randint(-40, 40)
                return pick(EDGE_FLOATS) if chance < 0.3 else repr(eighths / 8)
            case "bool":
                return pick(("True", "False"))
            case "str":
                return pick(("''", "'a'", "'abc'", "'x1é'", "'0129'", "'\\U0001f600'"))
            case "ints":
                return pick(("[]", "[1]", "[3, 1, 2]", "[0, -1, 5, 5]", "[7] * 4"))
            case "floats":
                return pick(("[]", "[0.5]", "[1.0, -0.0, 2.5]", "[0.1] * 3"))
        return "None"

    def index(self, scope: Scope, length: str) -> str:
        """Mostly inside, sometimes negative, now and then outside."""
        value = self.make("int", scope, 1)
        chance = self.random.random()
        if chance < 0.75:
            return f"({value}) % {length}"
        return self.random.choice(("0", "-1", "1")) if chance < 0.94 else value

    def truth(self, scope: Scope, depth: int = 2) -> str:
        """A condition: mostly bools, sometimes any value for its truth."""
        return self.make("bool" if self.random.random() < 0.85 else "int", scope, depth)

    # ---- one rule a type ---------------------------------------------------------------------
    def _int(self, scope: Scope, depth: int) -> str:
        make, pick = self.make, self.random.choice
        match self.random.randint(0, 15):
            case 0 | 1 | 2 | 3:
                return f"({make('int', scope, depth)} {pick('+-*')} {make('int', scope, depth)})"
            case 4 | 5:
                divisor = make("int", scope, depth)
                divisor = divisor if self.random.random() < 0.2 else f"({divisor} | 1)"
                return f"({make('int', scope, depth)} {pick(('//', '%'))} {divisor})"
            case 6:
                return f"({make('int', scope, depth)} {pick('&|^')} {make('int', scope, depth)})"
            case 7:
                shift = f"({make('int', scope, depth)} & {pick((3, 7, 63, 127))})"
                shift = shift if self.random.random() < 0.9 else make("int", scope, 0)
                return f"({make('int', scope, depth)} {pick(('<<', '>>'))} {shift})"
            case 8:
                return f"{pick(('-', '~', '+', 'abs'))}({make('int', scope, depth)})"
            case 9:
                return f"len({self.leaf(pick(('ints', 'floats', 'str')), scope)})"
            case 10:
                return self.element("ints", scope) or self.leaf("int", scope)
            case 11:
                return self.call("int", scope) or self.leaf("int", scope)
            case 12:
                return self.conditional("int", scope, depth)
            case 13:
                pair = f"{make('int', scope, depth)}, {make('int', scope, depth)}"
                return f"{pick(('min', 'max'))}({pair})"
            case 14:
                return pick(
                    (
                        f"int({make('float', scope, depth)})",
                        f"({make('int', scope, depth)} ** {pick((0, 1, 2, 3))})",
                        f"int({make('bool', scope, depth)})",
                        f"({make('int', scope, depth)} + {make('bool', scope, depth)})",
                    )
                )
        return self.character(scope) or self.leaf("int", scope)

    def _float(self, scope: Scope, depth: int) -> str:
        make, pick = self.make, self.random.choice
        other = pick(("float", "float", "int"))
        match self.random.randint(0, 11):
            case 0 | 1 | 2 | 3:
                return f"({make('float', scope, depth)} {pick('+-*')} {make(other, scope, depth)})"
            case 4:
                divisor = make(other, scope, depth)
                if self.random.random() < 0.7:
                    divisor = f"(abs({divisor}) + 1)"
                return f"({make('float', scope, depth)} / {divisor})"
            case 5:
                operator = pick(("//", "%"))
                divisor = f"({make(other, scope, depth)} or 1)"
                return f"({make('float', scope, depth)} {operator} {divisor})"
            case 6:
                return f"({make('int', scope, depth)} / ({make('int', scope, depth)} or 1))"
            case 7:
                return f"{pick(('-', 'abs', 'float'))}({make('float', scope, depth)})"
            case 8:
                return self.element("floats", scope) or self.leaf("float", scope)
            case 9:
                return self.call("float", scope) or self.leaf("float", scope)
            case 10:
                return self.conditional("float", scope, depth)
        value = make("float", scope, depth)
        function = pick(("sqrt", "floor", "ceil", "fabs", "sin", "cos", "exp", "log", "atan"))
        if function in ("sqrt", "log") and self.random.random() < 0.8:
            value = f"abs({value}) + 0.5"
        return f"float(math.{function}({value}))"

    def _bool(self, scope: Scope, depth: int) -> str:
        make, pick = self.make, self.random.choice
        kind = pick(("int", "int", "float", "bool", "str"))
        match self.random.randint(0, 7):
            case 0 | 1 | 2:
                first, second = make(kind, scope, depth), make(kind, scope, depth)
                return f"({first} {pick(COMPARISONS)} {second})"
            case 3:
                parts = [make(kind, scope, depth - 1) for _ in range(3)]
                return f"({parts[0]} {pick(COMPARISONS)} {parts[1]} {pick(COMPARISONS)} {parts[2]})"
            case 4:
                first, second = make("bool", scope, depth), make("bool", scope, depth)
                return f"({first} {pick(('and', 'or'))} {second})"
            case 5:
                return f"(not {self.truth(scope, depth)})"
            case 6:
                name = self.leaf(kind, scope)
                if name.isidentifier():
                    return f"({name} is {pick(('None', 'not None', 'True'))})"
        return f"bool({make(pick(SCALARS), scope, depth)})"

    def _str(self, scope: Scope, depth: int) -> str:
        pick = self.random.choice
        name = self.leaf("str", scope)
        match self.random.randint(0, 6):
            case 5:
                return f'f"{{{self.leaf("int", scope)}}}-{{{self.leaf("bool", scope)}}}"'
            case 6:
                return f"str({self.make(pick(('int', 'bool')), scope, depth)})"
            case 0 | 1 if name.isidentifier():
                return f"{name}[{self.index(scope, f'max(1, len({name}))')}]"
            case 2:
                return (
                    f"({name} + {self.make('str', scope, depth - 1)})"
                    if not scope.loop_depth
                    else name
                )
            case 3:
                return self.conditional("str", scope, depth)
        return f"chr(({self.make('int', scope, depth)}) % {pick((128, 256, 1114112))})"

    def _sequence(self, kind: str, scope: Scope, depth: int) -> str:
        """A slice, a comprehension, or a list that is sorted or put together."""
        item = {"ints": "int", "floats": "float"}[kind]
        name = self.leaf(kind, scope)
        low, high = (self.make("int", scope, 0) for _ in range(2))
        match self.random.randint(0, 5):
            case 0:
                return f"{name}[{low}:{high}]"
            case 1:
                return f"{name}[::{self.random.choice((-1, 2, -2))}]"
            case 2:
                return f"sorted({name})"
            case 3:
                return f"({name} + {self.leaf(kind, scope)})" if not scope.loop_depth else name
        inner = Scope({**scope.variables, "w": item}, [], scope.loop_depth + 1, set(scope.counters))
        inner.counters.add("w")
        test = f" if {self.truth(inner, 1)}" if self.random.random() < 0.4 else ""
        return f"[{self.make(item, inner, 1)} for w in {name}{test}]"

    def _ints(self, scope: Scope, depth: int) -> str:
        if self.random.random() < 0.3:
            return self._sequence("ints", scope, depth)
        items = ", ".join(self.make("int", scope, 1) for _ in range(self.random.randint(0, 4)))
        return self.leaf("ints", scope) if self.random.random() < 0.5 else f"[{items}]"

    def _floats(self, scope: Scope, depth: int) -> str:
        if self.random.random() < 0.3:
            return self._sequence("floats", scope, depth)
        items = ", ".join(self.make("float", scope, 1) for _ in range(self.random.randint(0, 4)))
        return self.leaf("floats", scope) if self.random.random() < 0.5 else f"[{items}]"

    def _none(self, scope: Scope, depth: int) -> str:
        return "None"

    # ---- shared shapes -----------------------------------------------------------------------
    def conditional(self, kind: str, scope: Scope, depth: int) -> str:
        first, second = self.make(kind, scope, depth - 1), self.make(kind, scope, depth - 1)
        return f"({first} if {self.truth(scope, 1)} else {second})"

    def element(self, kind: str, scope: Scope) -> str:
        names = scope.of(kind)
        if not names:
            return ""
        name = self.random.choice(names)
        return f"{name}[{self.index(scope, f'max(1, len({name}))')}]"

    def character(self, scope: Scope) -> str:
        names = scope.of("str")
        if not names:
            return ""
        name = self.random.choice(names)
        return f"ord({name}[{self.index(scope, f'max(1, len({name}))')}])"

    def call(self, kind: str, scope: Scope) -> str:
        """A call of another function of the module; few in loops, so that time stays bounded."""
        fitting = [item for item in scope.functions if item.result == kind]
        if not fitting or self.random.random() < 0.35 * scope.loop_depth:
            return ""
        chosen = self.random.choice(fitting)
        arguments = [self.make(item, scope, 1) for item in chosen.parameters]
        if chosen.name.startswith("r"):
            arguments[0] = str(self.random.randint(0, 4))
        if self.random.random() < 0.2:
            arguments[-1] = f"p{len(arguments) - 1}={arguments[-1]}"
        return f"{chosen.name}({', '.join(arguments)})"
