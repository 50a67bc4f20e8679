"""What is done with bytes and bytearrays, on edges: empty, out of range, exported, subclasses,
changed while iterated over, as keys beside strs, errors.

As in `test_dicts`: compiled for the classes of the recorded calls, then all others, then with
guards made to fail.
"""

from __future__ import annotations

import pytest

from tests.compiler.fuzz.engine import Plan, run_program
from tests.compiler.golden.native import driver, in_turn, program_of

pytestmark = pytest.mark.slow

SOURCE = """
class Blob(bytes):
    def __getitem__(self, index):
        print("getitem")
        return 300
    def __iter__(self):
        print("iter")
        return iter([1, "x"])
    def __eq__(self, other):
        print("eq")
        return True
    def __hash__(self):
        print("hash")
        return hash(b"ab")

held = bytearray(b"abc")
view = memoryview(held)
own = bytearray(b"ab")

class Odd:
    def __index__(self):
        print("index")
        return 2
    def __bytes__(self):
        print("bytes")
        return b"odd"
    def __repr__(self):
        return "odd"

def exported(x):
    held.append(x)
    return held

def doubled(x):
    own.append(x)
    own.extend(own)
    return len(own), own

def total(data):
    found = 0
    last = None
    for byte in data:
        found = (found * 31 + byte) & 0xFFFFFFFF
        last = byte
    return found, last, len(data)

def at(data, i):
    return data[i], data[-1 - i]

def cut(data, i, j):
    return data[i:j], data[:i], data[j:], data[::-1], data[i:j:2]

def glue(a, b, n):
    c = a + b
    c += a
    return c, a * n, c * n, type(c)

def inside(x, data):
    return x in data, x not in data

def same(a, b):
    return a == b, a != b, a is b

def numbered(data, other):
    out = []
    for i, byte in enumerate(data):
        out.append((i, byte))
    for a, b in zip(data, other):
        out.append(a - b)
    for byte in reversed(data):
        out.append(byte)
    return out

def spread(data):
    a, b, c = data
    return c, b, a

def make(x):
    return bytes(x), bytearray(x)

def nothing():
    return bytes(), bytearray()

def fill(n, x):
    out = bytearray()
    for i in range(n):
        out.append((i * 7 + x) & 255)
    return out, bytes(out)

def push(out, x):
    out.append(x)
    out[0] = x
    out[-1] += 1
    return out

def grow(out, more):
    out.extend(more)
    out += more
    return out, len(out)

def shrinking(out):
    seen = []
    for byte in out:
        seen.append(byte)
        if byte == 2:
            out[0] = 9
            out.append(0)
        if len(seen) > 9:
            break
    return seen, out

def count(keys):
    found = {}
    for key in keys:
        found[key] = found.get(key, 0) + 1
        if key in found and (key, 1) not in found:
            found[key, 1] = 0
    return found, {key: n for n, key in enumerate(keys)}, {key for key in keys}

def words(data, sep):
    return sep.join(data.split(sep)), data.find(sep), data.hex(), data.startswith(sep)

def backwards(data, n):
    out = []
    for i in range(n):
        for byte in reversed(data):
            out.append(byte)
        data = (data + data[:1])[1:]
    return out, data

def truth(data):
    while data:
        data = data[1:]
    return not data

def listed(data):
    return list(data), tuple(data), sorted(data), max(data), sum(data), set(data)
"""

DATA = [
    "b''", "b'a'", "b'abc'", "bytes(range(256))", "bytearray()", "bytearray(b'abc')",
    "bytearray(b'\\x01\\x02\\x03')", "Blob(b'ab')", "'abc'", "[97, 98, 99]", "(1, 2, 3)",
    "range(3)", "memoryview(b'abc')", "None", "7", "['a']",
]  # fmt: skip
PLACES = ["0", "1", "-1", "3", "-9", "2**70", "True", "None", "1.5", "Odd()"]
MADE_OF = [
    *DATA,
    "-1",
    "2**70",
    "[1, 256]",
    "[-1]",
    "[1, True]",
    "['x']",
    "Odd()",
    "[Odd()]",
    "1.5",
]


def calls() -> list[tuple[str, bool]]:
    recorded = [
        "total(b'abcd')", "total(bytearray(b'ab'))", "at(b'abc', 1)", "cut(b'abcd', 1, 3)",
        "glue(b'ab', b'cd', 2)", "inside(97, b'abc')", "inside(b'b', b'abc')",
        "same(b'ab', b'ab')", "numbered(b'abc', b'xy')", "spread(b'abc')", "make([1, 2])",
        "make(3)", "nothing()", "fill(9, 3)", "push(bytearray(b'ab'), 7)",
        "grow(bytearray(b'ab'), b'cd')", "shrinking(bytearray(b'\\x01\\x02\\x03'))",
        "count([b'ab', b'c', b'ab'])", "words(b'a,b', b',')", "truth(b'abc')", "listed(b'cab')",
        "doubled(1)", "backwards(b'abc', 2)",
    ]  # fmt: skip
    others = [f"{name}({d})" for name in ("total", "spread", "shrinking", "truth", "listed")
              for d in DATA]  # fmt: skip
    others += [f"at({d}, {p})" for d in DATA for p in PLACES]
    others += [f"cut({d}, {p}, {q})" for d in DATA for p in PLACES[::2] for q in PLACES[1::2]]
    others += [f"{name}({a}, {b})" for name in ("same", "inside", "numbered", "words", "grow")
               for a in DATA for b in DATA]  # fmt: skip
    others += [f"inside({x}, {d})" for x in ("97", "256", "-1", "2**70", "True") for d in DATA]
    others += [f"glue({a}, {b}, {n})" for a in DATA for b in DATA[::2] for n in ("0", "3", "-1")]
    others += [f"backwards({d}, {n})" for d in DATA for n in ("0", "3", "True", "None")]
    others += [f"make({x})" for x in MADE_OF]
    others += [f"push({d}, {x})" for d in DATA for x in ("7", "255", "256", "-1", "2**70", "True",
                                                         "'x'", "Odd()")]  # fmt: skip
    others += [
        f"fill({n}, {x})" for n in ("0", "300", "True", "None") for x in ("0", "2**63", "'a'")
    ]
    others += [f"count([{', '.join(keys)}])" for keys in (
        ["b'ab'", "'ab'", "b'ab'"], ["Blob(b'ab')", "b'ab'"], ["bytearray(b'a')"], ["(b'a', 'a')"],
        ["b'ab'", "Blob(b'ab')", "7"], ["('a', b'a')", "(b'a', 'a')"], [])]  # fmt: skip
    others += ["exported(7)", "doubled(7)", "doubled(256)"]
    return [(call, True) for call in recorded] + [(call, False) for call in in_turn(others)]


def test_buffers_answer_as_cpython() -> None:
    plan = Plan(forced=("keep", "once", "every:1", "every:3"))
    result = run_program(program_of(SOURCE, calls()), driver.compile_module, plan)
    assert not result.failures, "\n".join(result.failures[:20])
    assert result.native >= 17, result.reasons
    assert result.agreed > 1000
