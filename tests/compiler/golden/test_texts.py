"""What is done with strings and bytes, on edges: empty, non-ASCII, beyond the BMP, surrogates,
subclasses, growing in place, formats of every kind, errors.

As in `test_dicts`: compiled for the classes of the recorded calls, then all others, then with
guards made to fail.
"""

from __future__ import annotations

import pytest

from tests.compiler.fuzz.engine import Plan, run_program
from tests.compiler.golden.native import driver, in_turn, program_of

pytestmark = pytest.mark.slow

SOURCE = """
nan = float("nan")

class Name(str):
    def __add__(self, other):
        print("add")
        return "sum"
    def __format__(self, spec):
        print("format", spec)
        return "formatted"
    def __str__(self):
        print("str")
        return "named"
    def __contains__(self, item):
        print("contains")
        return True
    def lower(self):
        print("lower")
        return "LOW"

class Odd:
    def __repr__(self):
        print("repr")
        return "odd"
    def __format__(self, spec):
        print("format", spec)
        return spec
    def __index__(self):
        print("index")
        return 2
    def __radd__(self, other):
        print("radd")
        return "radd"

def build(text, n):
    out = ""
    for ch in text:
        for i in range(n):
            out += ch
    return out, len(out)

def shared(text, n):
    out = text
    kept = out
    for i in range(n):
        out = out + "x"
        if i == 1:
            kept = out
    return out, kept, text

def add(a, b):
    return a + b, a == b, a != b, a < b

def inside(a, b):
    return a in b, a not in b

def times(a, n):
    return a * n, n * a

def shape(text):
    out = ""
    n = 0
    for ch in text:
        if ch.isalpha():
            out += ch.upper()
        elif ch.isdigit():
            n = n * 10 + ord(ch)
        elif ch.isspace():
            out += "_"
        else:
            out += ch.lower()
        if ch.isalnum() or ch.islower() or ch.isupper() or ch.isdecimal() or ch.isnumeric():
            n += 1
    return out, n

def whole(text):
    return text.lower(), text.upper(), text.strip(), text.isdigit(), text.isalpha(), text.title()

def search(text, part):
    return (text.find(part), text.rfind(part), text.count(part), text.startswith(part),
            text.endswith(part), text.replace(part, "<>"))

def index(text, part):
    return text.index(part)

def split(text, part):
    return text.split(part), text.split(), text.partition(part), text.splitlines()

def pad(text, n):
    return text.rjust(n), text.ljust(n, "*"), text.zfill(n), text.center(n, "é")

def join(sep, parts):
    return sep.join(parts)

def encode(text):
    return text.encode(), text.encode("utf-16-le")

def convert(x):
    return str(x), repr(x)

def number(text):
    return int(text), float(text)

def char(n):
    return chr(n)

def plain(x):
    return f"{x}", f"{x!r}", f"{x!s}", f"{x!a}", f"<{x}|{x}>"

def spec(x, w):
    return f"{x:>8}", f"{x:{w}}", f"{x!r:^12}"

def fixed(x):
    return f"{x:.3f} {x:e} {x:+.2g}"

def percent(fmt, x):
    return fmt % x

def fill(fmt, a, b):
    return fmt.format(a, b)

def caesar(text, shift):
    out = ""
    for ch in text:
        if "a" <= ch <= "z":
            out += chr((ord(ch) - 97 + shift) % 26 + 97)
        else:
            out += ch
    return out

def runs(s):
    out = ""
    i = 0
    while i < len(s):
        j = i
        while j < len(s) and s[j] == s[i]:
            j += 1
        out += s[i] + str(j - i)
        i = j
    return out

def raw(data):
    return data.hex(), data.find(b"a"), data.split(b","), data.upper()
"""

TEXTS = [
    "''", "'a'", "'abc'", "'a,b,,c'", "'  x\\t y\\n'", "'\\xe9\\xdf'", "'\\u0101b'",
    "'\\U0001f600!'", "'\\ud800'", "'\\u0130\\ufb01'", "'0123'", "'\\u0663\\xb2'", "'aAbB zZ'",
    "'x' * 300", "Name('abc')", "b'a,b'", "None", "12", "['a', 'b']",
]  # fmt: skip
VALUES = [
    "0", "-7", "2**70", "1.5", "nan", "-0.0", "1e300", "True", "None", "''", "'a'", "'\\u0101b'",
    "'\\ud800'", "Name('n')", "Odd()", "[1, 'x']", "(1,)", "(1, 2)", "b'a'", "{}", "1j",
]  # fmt: skip
SPECS = ["'5'", "'<9'", "''", "'.2f'", "'x'", "'zz'", "','", "None", "7", "Name('4')"]


def calls() -> list[tuple[str, bool]]:
    recorded = [
        "build('ab', 3)", "shared('ab', 3)", "add('ab', 'cd')", "inside('ab', 'xaby')",
        "times('ab', 3)", "shape('aB 1-')", "whole('aB 1-')", "search('abcab', 'ab')",
        "index('abc', 'bc')", "split('a b,c', ',')", "pad('ab', 7)", "join(', ', ['ab', 'cd'])",
        "encode('ab')", "convert(17)", "number('12')", "char(65)", "plain(5)", "spec(5, '7')",
        "fixed(2.5)", "percent('<%s>', 5)", "fill('{} {}', 1, 'ab')", "caesar('abc xyz', 3)",
        "runs('aaab')", "raw(b'a,b')",
    ]  # fmt: skip
    others = [f"{name}({t})" for name in ("shape", "whole", "encode", "number", "runs", "raw")
              for t in TEXTS]  # fmt: skip
    others += [f"{name}({t}, {n})" for name in ("build", "shared", "times", "pad", "caesar")
               for t in TEXTS for n in ("0", "1", "3", "-1", "True", "'x'", "Odd()")]  # fmt: skip
    others += [f"{name}({a}, {b})" for name in ("add", "inside", "search", "index", "split")
               for a in TEXTS for b in TEXTS[::2]]  # fmt: skip
    others += [f"join({t}, {p})" for t in TEXTS[::3] for p in (
        "[]", "['a']", "['a', '\\u0101']", "['a', 1]", "('x', 'y')", "'abc'", "[Name('q'), 'z']",
        "{'k': 1}", "None", "iter(['a'])")]  # fmt: skip
    others += [f"{name}({v})" for name in ("convert", "plain", "fixed") for v in VALUES]
    others += [f"spec({v}, {s})" for v in VALUES for s in SPECS]
    others += [f"char({v})" for v in (*VALUES, "1114111", "1114112", "-1", "55296", "256")]
    others += [f"percent({f!r}, {v})" for f in ("%s", "%d", "%r!", "%5.1f", "", "%s %s", "%(a)s")
               for v in VALUES]  # fmt: skip
    others += [f"fill({f!r}, {v}, {w})" for f in ("{}{}", "{1} {0!r}", "{0:>9}", "{}", "{2}", "{a}")
               for v in VALUES[::2] for w in VALUES[1::4]]  # fmt: skip
    return [(call, True) for call in recorded] + [(call, False) for call in in_turn(others)]


def test_texts_answer_as_cpython() -> None:
    plan = Plan(forced=("keep", "once", "every:1", "every:3"))
    result = run_program(program_of(SOURCE, calls()), driver.compile_module, plan)
    assert not result.failures, "\n".join(result.failures[:20])
    assert result.native >= 24, result.reasons
    assert result.agreed > 3333
