"""The diagnostic codes PYV1xx to PYV7xx and PYV9xx: each is declared once, here.

A code never changes its meaning and is never used again. `page` is what `pyvorin explain CODE`
prints, under fixed headings. Severities: an *error* keeps its function from being compiled; a
*warning* is a place that only the interpreter executes (the answer is the same, the time is
CPython's); a *note* costs nothing.

    1xx language   2xx types   3xx exact numbers   4xx control flow
    5xx speed      6xx verification                7xx packaging    9xx internal
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent, indent
from typing import Final

from pyvorin_wire.diagnostic import Severity


@dataclass(frozen=True, slots=True)
class Code:
    """A row of the table. `example` and `instead` are Python source or prose."""

    code: str
    slug: str
    severity: Severity
    title: str
    meaning: str
    why: str
    example: str
    instead: str


CODES: Final[dict[str, Code]] = {}


def page(code: str) -> str:
    """The explanation of a code as Markdown. Raises KeyError for an unknown one."""
    row = CODES[code]
    sections = (
        ("What it means", row.meaning),
        ("Why", row.why),
        ("Example", indent(row.example, "    ")),
        ("Instead", indent(row.instead, "    ") if "\n" in row.instead else row.instead),
    )
    text = f"# {row.code} {row.slug}: {row.title}\n\nSeverity: {row.severity}\n"
    return text + "".join(f"\n## {heading}\n\n{body}\n" for heading, body in sections)


def find(word: str) -> Code | None:
    """A code by its number, in either case, or by its slug."""
    named = word.upper()
    return CODES.get(named) or next((row for row in CODES.values() if row.slug == word), None)


def _code(
    code: str,
    slug: str,
    severity: Severity,
    title: str,
    *,
    meaning: str,
    why: str,
    example: str,
    instead: str,
) -> None:
    texts = [" ".join(dedent(part).split()) for part in (meaning, why)]
    blocks = [dedent(part).strip("\n") for part in (example, instead)]
    CODES[code] = Code(code, slug, severity, title, texts[0], texts[1], blocks[0], blocks[1])


_LEAVES = """Only the interpreter does this. Native code hands the frame over there, CPython goes
on,
    and native code is entered again at the next pass of a loop."""
_FRAME = "Compiled code has no place yet for the handlers, cells or suspended frames this needs."

# ---- 1xx: the language ---------------------------------------------------------------------------
_code(
    "PYV100",
    "unsupported",
    Severity.ERROR,
    "the function uses something that cannot be compiled yet",
    meaning="The compiler has no native form for a part of this function and no finer diagnostic.",
    why="A function is compiled exactly or not at all.",
    example="def f(x): ...",
    instead="Leave it in Python with `# pyvorin: skip` on its `def`, or move its loops into a "
    "function of their own.",
)
_code(
    "PYV101",
    "dynamic-code",
    Severity.ERROR,
    "code is made, or the frame is read, at run time",
    meaning="`eval` and `exec` run text that does not exist yet when compiling; `locals` reads the "
    "frame, whose variables live in machine registers.",
    why="What cannot be seen cannot be compiled ahead of time, and what it does to the variables "
    "cannot be known.",
    example="def total(rule, rows):\n    return sum(eval(rule) for row in rows)",
    instead="""
    RULES = {"price": price_of, "weight": weight_of}    # parse once, dispatch many

    def total(rule, rows):
        return add_up(RULES[rule], rows)
    """,
)
_code(
    "PYV102",
    "refused",
    Severity.ERROR,
    "the file is not accepted",
    meaning="The source is not valid Python of this version, or larger or deeper than the limits.",
    why="Parsing and constant folding are the first things that hostile input attacks, so limits "
    "come before them.",
    example="x = ((((…))))    # a thousand brackets",
    instead="Split the file, or keep generated tables in a data file.",
)
_code(
    "PYV110",
    "generator",
    Severity.ERROR,
    "generators cannot be compiled yet",
    meaning="A function with `yield` stops in the middle and goes on later.",
    why=_FRAME,
    example="def squares(n):\n    for i in range(n):\n        yield i * i",
    instead="""
    def squares(n, out):          # out = [0] * n, made by the caller
        for i in range(n):
            out[i] = i * i
    """,
)
_code(
    "PYV111",
    "async",
    Severity.ERROR,
    "`async` functions cannot be compiled",
    meaning="An `async def` waits for input and output, and the event loop resumes it.",
    why=_FRAME,
    example="async def score(url):\n    body = await fetch(url)\n    return sum(map(ord, body))",
    instead="""
    async def score(url):
        return checksum(await fetch(url))     # the part that computes is an ordinary function
    """,
)
_code(
    "PYV112",
    "lambda",
    Severity.ERROR,
    "`lambda` inside a function cannot be compiled yet",
    meaning="A lambda makes a new function object each time it is reached.",
    why=_FRAME,
    example="def twice(n):\n    f = lambda x: 2 * x\n    return f(n)",
    instead="def double(x):\n    return 2 * x\n\ndef twice(n):\n    return double(n)",
)
_code(
    "PYV113",
    "nested-function",
    Severity.ERROR,
    "a function defined inside a function cannot be compiled yet",
    meaning="An inner `def` makes a new function object, often with variables of the outer one.",
    why=_FRAME,
    example="def area(points):\n    def cross(a, b): ...\n    return cross(points[0], points[1])",
    instead="Move the inner function to the module and pass what it uses as parameters.",
)
_code(
    "PYV114",
    "nested-class",
    Severity.ERROR,
    "a class defined inside a function cannot be compiled",
    meaning="The class statement runs a body and makes a new type each time it is reached.",
    why=_FRAME,
    example="def shapes(n):\n    class Point: ...\n    return [Point() for _ in range(n)]",
    instead="Define the class at module level.",
)
_code(
    "PYV115",
    "try",
    Severity.ERROR,
    "`try` cannot be compiled yet",
    meaning="The function handles exceptions itself.",
    why=_FRAME,
    example="try:\n    y = 1 / x\nexcept ZeroDivisionError:\n    y = 0.0",
    instead="""
    y = 1 / x if x != 0 else 0.0        # test before, or
                                        # keep the `try` in a caller of the function with the loop
    """,
)
_code(
    "PYV116",
    "with",
    Severity.ERROR,
    "`with` cannot be compiled yet",
    meaning="The function enters and leaves a context manager.",
    why=_FRAME,
    example="with open(name) as lines:\n    for line in lines: ...",
    instead="Keep the `with` in Python and call a function that works on what was read.",
)
_code(
    "PYV117",
    "comprehension",
    Severity.ERROR,
    "comprehensions cannot be compiled yet",
    meaning="A list, set or dict comprehension builds a container in a hidden loop of its own.",
    why="Containers that grow are not built natively yet, and the hidden loop has its own scope.",
    example="def norm(v):\n    return math.sqrt(sum([x * x for x in v]))",
    instead="""
    def norm(v):
        total = 0
        for x in v:
            total += x * x
        return math.sqrt(total)
    """,
)
_code(
    "PYV118",
    "generator-expression",
    Severity.ERROR,
    "generator expressions cannot be compiled yet",
    meaning="The expression is a generator, whose code is resumed for each item.",
    why=_FRAME,
    example="def any_negative(v):\n    return any(x < 0 for x in v)",
    instead="""
    def any_negative(v):
        for x in v:
            if x < 0:
                return True
        return False
    """,
)
_code(
    "PYV119",
    "star-parameters",
    Severity.ERROR,
    "`*args` and `**kwargs` parameters cannot be compiled yet",
    meaning="The function takes any number of arguments and packs them into a tuple or dict.",
    why="Each call would build that container before anything else happens.",
    example="def score(*columns): ...",
    instead="def score(a, b, c): ...",
)
_code(
    "PYV120",
    "method",
    Severity.NOTE,
    "methods stay in Python",
    meaning="Only functions at module level are compiled; the methods of this class run as they "
    "are.",
    why="Attributes and methods of instances are not native yet.",
    example="class Price:\n    def net(self):\n        return self.gross / (1 + self.rate)",
    instead="""
    def net_price(gross, rate):
        return gross / (1 + rate)

    class Price:
        def net(self):
            return net_price(self.gross, self.rate)
    """,
)
_code(
    "PYV121",
    "global-store",
    Severity.WARNING,
    "assigning to a module variable is left to the interpreter",
    meaning="The function changes a global. " + _LEAVES,
    why="Native code relies on the module's variables staying as they are; after a change it "
    "checks all of them again.",
    example="def count(items):\n    global TOTAL\n    TOTAL += len(items)",
    instead="def count(total, items):\n    return total + len(items)",
)
_code(
    "PYV122",
    "nonlocal",
    Severity.ERROR,
    "`nonlocal` variables cannot be compiled yet",
    meaning="An inner function assigns to a variable of the outer one.",
    why=_FRAME,
    example="def counter():\n    n = 0\n    def add():\n        nonlocal n\n        n += 1",
    instead="Pass the value in and return the new one.",
)
_code(
    "PYV123",
    "delete-item",
    Severity.WARNING,
    "deleting an item or attribute is left to the interpreter",
    meaning="`del` of a subscript, slice or attribute. " + _LEAVES,
    why="It changes a container's length, which native loops rely on.",
    example="del queue[0]",
    instead="Keep an index of the first item in use, and advance it.",
)
_code(
    "PYV124",
    "f-string",
    Severity.WARNING,
    "f-strings are left to the interpreter",
    meaning="Text is formatted. " + _LEAVES,
    why="Formatting runs `__format__` of any class.",
    example='label = f"{name}: {value:.2f}"',
    instead="Return the numbers and format them in the caller.",
)
_code(
    "PYV125",
    "star-call",
    Severity.WARNING,
    "a call with `*` or `**` arguments is left to the interpreter",
    meaning="The number of arguments is known only at run time. " + _LEAVES,
    why="It builds a tuple or a dict for each call.",
    example="point(*coordinates)",
    instead="point(coordinates[0], coordinates[1])",
)
_code(
    "PYV126",
    "import-inside",
    Severity.WARNING,
    "`import` inside a function is left to the interpreter",
    meaning="The module is looked up each time. " + _LEAVES,
    why="Native code knows what the module imported when it was loaded, not what a call imports.",
    example="def length(x, y):\n    import math\n    return math.hypot(x, y)",
    instead="import math\n\ndef length(x, y):\n    return math.hypot(x, y)",
)
_code(
    "PYV127",
    "display",
    Severity.WARNING,
    "building a list, dict or set is left to the interpreter",
    meaning="A display such as `[0] * n` makes a container. " + _LEAVES,
    why="Native code reads and writes containers that exist; it does not build them yet.",
    example="def table(n):\n    row = [0] * n\n    for i in range(n): ...",
    instead="Outside of loops this costs little. In a loop, let the caller make the container.",
)
_code(
    "PYV128",
    "slice",
    Severity.WARNING,
    "slices are left to the interpreter",
    meaning="A slice makes a new sequence, or replaces a part of one. " + _LEAVES,
    why="Native code does not build containers yet.",
    example="for x in items[1:]: ...",
    instead="for i in range(1, len(items)):\n    x = items[i]",
)
_code(
    "PYV129",
    "attribute",
    Severity.WARNING,
    "attributes are left to the interpreter",
    meaning="An attribute of an object other than the `math` module is read or stored. " + _LEAVES,
    why="Layouts of instances are not native yet, and `__getattr__` may run any code.",
    example="def energy(body):\n    return 0.5 * body.mass * body.speed**2",
    instead="def energy(mass, speed):\n    return 0.5 * mass * speed**2",
)
_code(
    "PYV130",
    "method-call",
    Severity.WARNING,
    "method calls are left to the interpreter",
    meaning="A method such as `append` or `split` is called. " + _LEAVES,
    why="Which code runs depends on the object's class.",
    example="out.append(x)",
    instead="out[i] = x      # with out = [0] * n from the caller",
)
_code(
    "PYV131",
    "builtin-call",
    Severity.WARNING,
    "this builtin is left to the interpreter",
    meaning="A builtin function without a native form is called. " + _LEAVES,
    why="It takes or makes objects of any class, iterates, or has effects outside the program.",
    example="for i, x in enumerate(items): ...",
    instead="for i in range(len(items)):\n    x = items[i]",
)
_code(
    "PYV132",
    "foreign-call",
    Severity.WARNING,
    "a call into another module, or of an unknown object, is left to the interpreter",
    meaning="What is called is neither a function of this module, a supported builtin nor a "
    "function of `math`. " + _LEAVES,
    why="Its code is not part of this compilation.",
    example="import random\n\ndef walk(n): return random.random() * n",
    instead="Define the function in this module, or pass its results in.",
)
_code(
    "PYV133",
    "unknown-name",
    Severity.WARNING,
    "this name is not defined in the module and is no builtin",
    meaning="Reading it raises NameError, unless something outside the module defines it.",
    why="Compiled code raises exactly as CPython does, by leaving the place to it.",
    example="def f(x):\n    return x * scael",
    instead="Correct the name, import it, or define it at module level.",
)
_code(
    "PYV134",
    "match-pattern",
    Severity.WARNING,
    "this pattern is left to the interpreter",
    meaning="A sequence, mapping or class pattern looks into an object. " + _LEAVES,
    why="It runs methods of the object's class. Patterns of values are compiled.",
    example="match point:\n    case (0, y): ...",
    instead="x, y = point\nif x == 0: ...",
)
_code(
    "PYV135",
    "decorator",
    Severity.NOTE,
    "a decorated function is compiled only if it is still a plain function",
    meaning="The decorator decides what the name stands for; a wrapper stays Python.",
    why="Only the function object that the module ends up with is compiled.",
    example="@functools.cache\ndef ways(n): ...",
    instead="""
    def _ways(n): ...           # compiled

    ways = functools.cache(_ways)
    """,
)
_code(
    "PYV136",
    "module-level-loop",
    Severity.WARNING,
    "a loop at module level stays in Python",
    meaning="Code outside of functions runs once, while the module is imported, in the "
    "interpreter.",
    why="Native code is entered through functions.",
    example="for i in range(1_000_000):\n    total += i",
    instead="def main():\n    for i in range(1_000_000): ...\n\nmain()",
)
_code(
    "PYV137",
    "matrix-operator",
    Severity.WARNING,
    "the operator `@` is left to the interpreter",
    meaning="No builtin class has `@`. " + _LEAVES,
    why="It runs `__matmul__` of some class.",
    example="c = a @ b",
    instead="Call a function of this module that loops over the rows and columns.",
)
_code(
    "PYV138",
    "star-unpacking",
    Severity.WARNING,
    "`*` in an assignment or display is left to the interpreter",
    meaning="The starred name takes a number of items that is known only at run time. " + _LEAVES,
    why="Native code does not build containers yet.",
    example="first, *rest = items",
    instead="first = items[0]      # and go on with indices from 1",
)

# ---- 5xx to 9xx ----------------------------------------------------------------------------------
_code(
    "PYV510",
    "not-worth-compiling",
    Severity.PERF,
    "the function gained too little to be shipped",
    meaning="Measured on the representative calls, the compiled function was not faster by the "
    "factor asked for, and stays Python.",
    why="A function whose time is spent in C code already has little to gain, and each native "
    "function costs size and load time.",
    example="def words(text):\n    return text.split()",
    instead="Give larger representative inputs with --examples, or lower --min-speedup.",
)
_code(
    "PYV601",
    "verification-mismatch",
    Severity.ERROR,
    "compiled code answered otherwise than CPython",
    meaning="A call gave another value, exception, output or change of its arguments. Nothing was "
    "written.",
    why="An artifact is shipped only if all representative calls and their neighbours agree.",
    example="median([-0.0, 0.0])    # CPython -0.0, compiled 0.0",
    instead="This is a fault of the compiler. Leave the function in Python with "
    "`# pyvorin: skip`, and report the call.",
)
_code(
    "PYV900",
    "internal",
    Severity.ERROR,
    "the compiler failed",
    meaning="An invariant of the compiler does not hold. Nothing was written.",
    why="A compiler that goes on after that could write wrong code.",
    example="pyvorin compile app.py",
    instead="This is a fault of the compiler. Leave the function in Python with "
    "`# pyvorin: skip`, and report the message.",
)
