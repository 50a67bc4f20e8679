"""S41, S42, S45, S46: source that wants to use up, crash or mislead the compiler in its jail.

Each must end within the limits as a refusal with a code, as an answer, or as one of the typed
endings; the next job passes. A breach is anything else: an answer that is no message, a refusal
without a code, text of the source in what a linker or an assembler is given.
"""

import functools

from pyvorin_server.sandbox.model import Ending
from pyvorin_server.sandbox.tiers import Tier
from pyvorin_server.verifier.judge import read_compiled
from pyvorin_wire.errors import CanonicalError, WireError

from tests.attacks.ground import Breach, Ground
from tests.attacks.probe import compiler_tiers
from tests.attacks.table import attack
from tests.attacks.verdict_attacks import ask_compiler

FUNCTION = (
    "def added(x):\n    total = 0\n    for i in range(x):\n        total += i\n    return total\n"
)
ENDINGS = (Ending.TIMEOUT, Ending.MEMORY, Ending.CRASHED, Ending.OUTPUT_LIMIT)
REFUSED, ANSWERED, EITHER = "refused", "answered", "either"

SOURCES = {
    "S41": {
        "a power of powers": ("X = 10 ** 10 ** 10\n", REFUSED),
        "a shift by a billion": ("X = 1 << 10 ** 9\n", REFUSED),
        "a string of ten billion": ("X = 'a' * 10 ** 10\n", REFUSED),
        "a list of a trillion": ("X = [0] * 10 ** 12\n", REFUSED),
        "a tuple of tuples": ("X = ((((1,) * 99999,) * 99999,) * 99999,) * 99999\n", EITHER),
        "a constant in a function": ("def f(x):\n    return x + 7 ** 7 ** 9\n", REFUSED),
    },
    "S42": {
        "100,000 brackets": ("X = " + "(" * 100_000 + ")" * 100_000 + "\n", REFUSED),
        "10,000 nested ifs": (
            "".join(" " * i + "if 1:\n" for i in range(10_000)) + " " * 10_000 + "pass\n",
            REFUSED,
        ),
        "a chain of 49,000 terms": ("X = 1" + "+1" * 49_000 + "\n", EITHER),
        "a dict of 90,000 keys": (
            "X = {\n" + "".join(f"{i}: {i},\n" for i in range(90_000)) + "}\n",
            EITHER,
        ),
        "a function of 20,000 statements": (
            "def f(x):\n" + "    x = x * 3 + 1\n" * 20_000 + "    return x\n",
            REFUSED,
        ),
        "500 functions": (
            "".join(f"def f{i}(x):\n    return x + {i}\n" for i in range(500)),
            EITHER,
        ),
        "unary minus without end": ("X = " + "-" * 90_000 + "1\n", REFUSED),
        "lambdas in lambdas": ("X = " + "lambda: " * 9_000 + "1\n", REFUSED),
    },
    "S45": {
        "a line of two million": ("X = '" + "a" * 1_900_000 + "'\n", REFUSED),
        "a NUL": ("X = 1\0\n", REFUSED),
        "a lone surrogate": ("X = '\ud800'\n", REFUSED),
        "an encoding that is not UTF-8": ("# coding: utf-7\nX = '+AGE-'\n", EITHER),
        "a byte order mark": ("\ufeffX = 1\n", EITHER),
        "homoglyphs": ("def \u0430dded(x):\n    return x\n", EITHER),
        "bidi controls": ("X = '\u202e'  # \u2066\n", EITHER),
        "an open string": ("X = '''" + "a\n" * 100_000, REFUSED),
    },
    "S46": {
        "a docstring for the linker": (
            'def f(x):\n    "-Wl,--version @/etc/passwd"\n    return x + 1\n',
            ANSWERED,
        ),
        "assembler in a name": (
            "import sys\ndef f(x):\n    return x + 1\n"
            'f.__qualname__ = f.__name__ = \'f"\\n.incbin "/etc/passwd"\'\n',
            EITHER,
        ),
        "LLVM metadata in a string": (
            "def f(x):\n    return 'a\\\\22!0 = !{}\\n define void @g()' if x else x\n",
            EITHER,
        ),
    },
}


def _try(tier: Tier | None, source: str, expected: str, path: str, _: Ground) -> str:
    try:
        result = ask_compiler(tier, source + "\n" + FUNCTION, path)
    except CanonicalError as error:
        return f"no request can hold it: {error}"
    if result.ending in ENDINGS and expected == EITHER:
        return f"{result.ending}: {result.message}"
    if result.ending is not Ending.OK:
        raise Breach(f"ended as {result.ending}: {result.message}: {result.stderr_tail[-200:]}")
    try:
        answer = read_compiled(result.stdout)
    except WireError as error:
        raise Breach(f"no message: {error}") from error
    if not answer.ok:
        codes = [each.get("code", "") for each in answer.answer.get("diagnostics", [])]
        if expected == ANSWERED or not all(codes) or not codes:
            raise Breach(f"refused with {codes}")
        text = answer.answer["diagnostics"][0]["message"]
        return f"refused: {codes[0]} {text}"[:120]
    if expected == REFUSED:
        raise Breach("was compiled")
    if b"root:x:0" in answer.artifact:
        raise Breach("a file of the host is in the artifact")
    return f"compiled, {len(answer.artifact)} bytes"


PATHS = ("-Wl,--version.py", "@evil.py", "a\nb.py", "../../etc/evil.py", "x" * 300 + ".py")
for _tier in compiler_tiers():

    def _add(id: str, title: str, *asked: str, tier: Tier | None = _tier) -> None:
        attack(id, title, where=f"compiler/{tier}")(functools.partial(_try, tier, *asked))

    # The same jail compiles the function when nothing stands above it.
    _add("S41", "control: the function compiles", "", ANSWERED, "evil.py")
    for _id, _cases in SOURCES.items():
        for _title, (_source, _expected) in _cases.items():
            _add(_id, _title, _source, _expected, "evil.py")
    for _path in PATHS:
        _add("S46", f"a file named {_path[:20]!r}", "", EITHER, _path)
