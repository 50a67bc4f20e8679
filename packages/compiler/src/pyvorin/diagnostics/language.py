"""PYV1xx: what the language's constructs become."""

from __future__ import annotations

from pyvorin_wire.diagnostic import Severity

from pyvorin.diagnostics.row import declare

_LEAVES = """Only the interpreter does this. Native code hands the frame over there, CPython goes
on,
    and native code is entered again at the next pass of a loop."""
_FRAME = "Compiled code has no place yet for the handlers, cells or suspended frames this needs."

declare(
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
declare(
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
declare(
    "PYV102",
    "refused",
    Severity.ERROR,
    "the file is not accepted",
    meaning="The file cannot be read, is no Python text, or is larger or deeper than the limits.",
    why="Parsing and constant folding are the first things that hostile input attacks, so limits "
    "come before them.",
    example="x = ((((…))))    # a thousand brackets",
    instead="Save the file as UTF-8; split it, or keep generated tables in a data file.",
)
declare(
    "PYV103",
    "syntax-error",
    Severity.ERROR,
    "the file is not valid Python of this version",
    meaning="Python's own compiler refuses the source, and the message is Python's.",
    why="What CPython cannot run has no answer that native code could give.",
    example="def f(x):\n    return x +",
    instead="Correct the line, or run pyvorin under the Python version the file is written for.",
)
declare(
    "PYV104",
    "hidden-direction",
    Severity.WARNING,
    "the source holds characters that change the direction of text",
    meaning="Bidirectional control characters make an editor show the code in another order than "
    "Python reads it (CVE-2021-42574).",
    why="What a reviewer saw may not be what is compiled. The client refuses to send such a file.",
    example='ALLOWED = "user\\u202e"    # the character itself, where the escape stands here',
    instead="Write the character as an escape, such as `\\u202e`, or remove it.",
)
declare(
    "PYV105",
    "look-alike-name",
    Severity.WARNING,
    "a name mixes letters of several alphabets, or is another name to Python",
    meaning="Letters of two alphabets can look the same and make different names; other letters, "
    "such as the ligature \ufb01, look different and make the same name, because Python normalises "
    "names (PEP 3131, NFKC).",
    why="Two names that a reader takes for one are how code hides.",
    example="total = 0\nt\u043etal += 1      # a Cyrillic letter: another variable",
    instead="Spell the name with letters of one alphabet.",
)
declare(
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
declare(
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
declare(
    "PYV112",
    "lambda",
    Severity.WARNING,
    "a `lambda` is made, and called, by the interpreter",
    meaning="A lambda makes a new function object each time it is reached.",
    why="Who calls it is known only at run time.",
    example="def twice(n):\n    f = lambda x: 2 * x\n    return f(n)",
    instead="def double(x):\n    return 2 * x\n\ndef twice(n):\n    return double(n)",
)
declare(
    "PYV113",
    "nested-function",
    Severity.WARNING,
    "a function defined inside a function is made, and called, by the interpreter",
    meaning="An inner `def` makes a new function object each time it is reached.",
    why="Who calls it is known only at run time.",
    example="def area(points):\n    def cross(a, b): ...\n    return cross(points[0], points[1])",
    instead="Move the inner function to the module.",
)
declare(
    "PYV114",
    "nested-class",
    Severity.WARNING,
    "a class defined inside a function is made by the interpreter",
    meaning="The class statement runs a body and makes a new type each time it is reached.",
    why="A class body may do anything.",
    example="def shapes(n):\n    class Point: ...\n    return [Point() for _ in range(n)]",
    instead="Define the class at module level.",
)
declare(
    "PYV115",
    "handler",
    Severity.WARNING,
    "what an `except` clause does is left to the interpreter",
    meaning="""
    What is tried runs natively. When it raises, CPython makes the exception, finds the handler and
    runs it; native code goes on at the next pass of a loop.
    """,
    why="An exception belongs to a frame of the interpreter, with its traceback and its context.",
    example="try:\n    y = 1 / x\nexcept ZeroDivisionError:\n    y = 0.0",
    instead="y = 1 / x if x != 0 else 0.0        # where it is raised often, test before",
)
declare(
    "PYV116",
    "with",
    Severity.WARNING,
    "entering and leaving a `with` is left to the interpreter",
    meaning="The context manager's methods are called by CPython; loops inside run natively.",
    why="They may look at the frame, and leaving one may swallow an exception.",
    example="for name in names:\n    with open(name) as lines: ...",
    instead="In a hot loop, enter the context once around the loop.",
)
declare(
    "PYV118",
    "generator-expression",
    Severity.WARNING,
    "a generator expression is made, and run, by the interpreter",
    meaning="The expression is a generator, whose code is resumed for each item. Only one that is "
    "the sole argument of `sum`, `min`, `max`, `any`, `all`, `list`, `tuple`, `sorted` or `.join` "
    "is native.",
    why="Its frame lives on between two items, and whoever has the generator decides when.",
    example="def lengths(v):\n    return set(len(x) for x in v)",
    instead="def lengths(v):\n    return {len(x) for x in v}",
)
declare(
    "PYV119",
    "star-parameters",
    Severity.ERROR,
    "`*args` and `**kwargs` parameters cannot be compiled yet",
    meaning="The function takes any number of arguments and packs them into a tuple or dict.",
    why="Each call would build that container before anything else happens.",
    example="def score(*columns): ...",
    instead="def score(a, b, c): ...",
)
declare(
    "PYV120",
    "method",
    Severity.NOTE,
    "these methods stay in Python",
    meaning="Plain methods of classes at module level are compiled. One with a decorator, with "
    "`super()`, with `yield`, or that makes the object, such as `__init__`, runs as it is.",
    why="What a decorator or `super()` does is known only when the class exists.",
    example="class Price:\n    @property\n    def net(self):\n"
    "        return self.gross / (1 + self.rate)",
    instead="class Price:\n    def net(self):\n        return self.gross / (1 + self.rate)",
)
declare(
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
declare(
    "PYV123",
    "delete-attribute",
    Severity.WARNING,
    "deleting an attribute is left to the interpreter",
    meaning="`del` of an attribute. " + _LEAVES,
    why="Which code runs depends on the object's class.",
    example="del node.parent",
    instead="node.parent = None",
)
declare(
    "PYV124",
    "format-names",
    Severity.WARNING,
    "`.format()` with names is left to the interpreter",
    meaning="Text is formatted with named values. " + _LEAVES,
    why="Native code passes the values by position.",
    example='label = "{name}: {value:.2f}".format(name=name, value=value)',
    instead='label = f"{name}: {value:.2f}"',
)
declare(
    "PYV125",
    "star-call",
    Severity.WARNING,
    "a call with `*` or `**` arguments is left to the interpreter",
    meaning="The number of arguments is known only at run time. " + _LEAVES,
    why="It builds a tuple or a dict for each call.",
    example="point(*coordinates)",
    instead="point(coordinates[0], coordinates[1])",
)
declare(
    "PYV126",
    "import-inside",
    Severity.WARNING,
    "`import` inside a function is left to the interpreter",
    meaning="The module is looked up each time. " + _LEAVES,
    why="Native code knows what the module imported when it was loaded, not what a call imports.",
    example="def length(x, y):\n    import math\n    return math.hypot(x, y)",
    instead="import math\n\ndef length(x, y):\n    return math.hypot(x, y)",
)
declare(
    "PYV127",
    "display",
    Severity.WARNING,
    "building a dict or set out of another is left to the interpreter",
    meaning="A display such as `{**a, 'x': 0}` or `{*a, 0}` copies a container. " + _LEAVES,
    why="What is copied may be any mapping or iterable, with code of its own.",
    example="def extended(a):\n    return {**a, 'x': 0}",
    instead="def extended(a):\n    b = {}\n    b.update(a)\n    b['x'] = 0\n    return b",
)
declare(
    "PYV129",
    "attribute",
    Severity.WARNING,
    "this attribute is left to the interpreter",
    meaning="An attribute of a class, a module or a variable of the module is read or stored, or "
    "one that every object has, such as `__class__`. " + _LEAVES,
    why="Only attributes that instances keep in slots or values of their own are native.",
    example="def cost(hours):\n    return hours * settings.rate",
    instead="def cost(hours, settings):\n    return hours * settings.rate",
)
declare(
    "PYV130",
    "method-call",
    Severity.WARNING,
    "this method call is left to the interpreter",
    meaning="A method without a native form is called. " + _LEAVES,
    why="Which code runs depends on the object's class.",
    example="out.sort(key=weight)",
    instead="Call it in the caller, outside of the loop.",
)
declare(
    "PYV131",
    "builtin-call",
    Severity.WARNING,
    "this builtin is left to the interpreter",
    meaning="A builtin function without a native form is called. " + _LEAVES,
    why="It takes or makes objects of any class, iterates, or has effects outside the program.",
    example="print(total)",
    instead="return total      # and print it in the caller",
)
declare(
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
declare(
    "PYV133",
    "unknown-name",
    Severity.WARNING,
    "this name is not defined in the module and is no builtin",
    meaning="Reading it raises NameError, unless something outside the module defines it.",
    why="Compiled code raises exactly as CPython does, by leaving the place to it.",
    example="def f(x):\n    return x * scael",
    instead="Correct the name, import it, or define it at module level.",
)
declare(
    "PYV134",
    "match-pattern",
    Severity.WARNING,
    "this pattern is left to the interpreter",
    meaning="A sequence, mapping or class pattern looks into an object. " + _LEAVES,
    why="It runs methods of the object's class. Patterns of values are compiled.",
    example="match point:\n    case (0, y): ...",
    instead="x, y = point\nif x == 0: ...",
)
declare(
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
declare(
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
declare(
    "PYV137",
    "matrix-operator",
    Severity.WARNING,
    "the operator `@` is left to the interpreter",
    meaning="No builtin class has `@`. " + _LEAVES,
    why="It runs `__matmul__` of some class.",
    example="c = a @ b",
    instead="Call a function of this module that loops over the rows and columns.",
)
