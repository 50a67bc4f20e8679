"""What is done with dicts and sets, on edges: foreign keys, collisions, NaN, mutation, errors.

Functions are compiled for the classes of their recorded calls, and then meet all others; then the
same with every guard made to fail, now and then and always.
"""

from __future__ import annotations

import pytest

from tests.compiler.fuzz.engine import Plan, run_program
from tests.compiler.golden.native import driver, in_turn, program_of
from tests.thirds import third

pytestmark = pytest.mark.slow

SOURCE = '''
nan = float("nan")

class Odd:
    """Hashes as 1 and "a" do by turns, and says so."""
    def __init__(self, h=1):
        self.h = h
    def __repr__(self):
        return "Odd"
    def __hash__(self):
        print("hash")
        return hash(self.h)
    def __eq__(self, other):
        print("eq", type(other).__name__)
        return True

class Gone:
    def __init__(self, out):
        self.out = out
    def __repr__(self):
        return "Gone"
    def __del__(self):
        self.out.append("gone")

class Name(str):
    def __eq__(self, other):
        print("name", type(other).__name__)
        return str.__eq__(self, other)
    __hash__ = str.__hash__

class Counting(dict):
    def __missing__(self, key):
        print("missing", key)
        return 40
    def __setitem__(self, key, value):
        print("set", key, value)
        dict.__setitem__(self, key, value)

def odd(*keys):
    d = {}
    for key in keys:
        d[Odd(key)] = str(key)
    return d

def weak(value):
    out = []
    return {1: Gone(out), "a": Gone(out)}, out

def read(d, k):
    return d[k], k in d, k not in d, len(d), bool(d)

def store(d, k, v):
    d[k] = v
    return list(d.items()), v

def bump(d, k):
    d[k] += 1
    return list(d.items())

def count(items):
    d = {}
    for item in items:
        d[item] = d.get(item, 0) + 1
    return list(d.items())

def tally(items):
    d = {}
    for item in items:
        if item in d:
            d[item] += 1
        else:
            d[item] = 1
    return list(d.items())

def group(items):
    d = {}
    for item in items:
        d.setdefault(item, []).append(item)
    return d

def weigh(items, by):
    d = {}
    for item in items:
        d[item] = d.get(item, 0.0) + by
    return d

def remove(d, k):
    del d[k]
    return list(d.items())

def take(d, k):
    return d.pop(k), list(d)

def take_or(d, k, v):
    return d.pop(k, v), list(d)

def get(d, k):
    return d.get(k), d.get(k, 5)

def keep(d, k, v):
    return d.setdefault(k, v), list(d.items())

def walk(d):
    out = []
    for k in d:
        out.append(k)
    for k in d.keys():
        out.append(k)
    for v in d.values():
        out.append(v)
    for k, v in d.items():
        out.append((k, v))
    for pair in d.items():
        out.append(pair)
    return out

def total(d):
    s = 0
    for k, v in d.items():
        s += k * v
    return s

def grow_while(d, n):
    for k in d:
        d[k + n] = 0
    return d

def shrink_while(d, n):
    for k in d:
        if k == n:
            del d[k]
    return d

def swap_while(d, n):
    for k in d:
        if k == n:
            del d[k]
            d[k + 100] = 1
    return list(d)

def change_while(d, n):
    for k in d:
        d[k] = n
    return list(d.items())

def drop_values(pair):
    d, out = pair
    d[1] = 5
    out.append("stored")
    del d["a"]
    out.append("deleted")
    return d, out

def merge(d, e):
    d.update(e)
    return list(d.items())

def empty(d):
    d.clear()
    return d, len(d)

def displays(a, b):
    x = {a: 1, b: 2, "c": a}
    y = {"p": a, "q": b, "r": 3, "s": 4, "t": 5, "u": 6, "v": 7}
    z = {a, b, 3}
    return x, list(y.items()), z, dict(), set(), {}

def points(n):
    d = {}
    for i in range(n):
        for j in range(n):
            d[i, j] = i - j
    s = 0
    for i in range(n + 1):
        if (i, i) in d:
            s += d[(i, i)]
    for i, j in d:
        s += i * j
    return s, d

def visited(seen, n):
    fresh = 0
    for i in range(-1, n):
        for j in range(n):
            if (i, j) not in seen:
                seen.add((i, j))
                fresh += 1
    return fresh, list(seen)

def pair(d, i, j):
    d[i, j] = d.get((i, j), 0) + 1
    d[j, i] = None
    return list(d.items()), (i, j) in d

def unique(items):
    seen = set()
    out = []
    for item in items:
        if item not in seen:
            seen.add(item)
            out.append(item)
    return out, list(seen), len(seen)

def has(s, k):
    return k in s, k not in s, len(s)

def add(s, k):
    s.add(k)
    return list(s)

def drop(s, k):
    s.discard(k)
    return list(s)

def must_drop(s, k):
    s.remove(k)
    return list(s)

def pops(s):
    out = 0
    while s:
        out = out * 3 + s.pop()
    return out

def pop_one(s):
    return s.pop(), s

def sum_of(s):
    t = 0
    for x in s:
        t += x
    return t

def add_while(s):
    for x in s:
        s.add(x + 1)
    return s

def vowels(text):
    n = 0
    for ch in text:
        if ch in {"a", "e", "i", "\\u0101"}:
            n += 1
    return n

def small(items):
    n = 0
    for x in items:
        if x in {1, 2, 300, None}:
            n += 1
    return n

def combine(a, b):
    return a | b, a & b, a - b, a ^ b, a <= b, a == b, a.union(b), a.intersection(b)

def combine_in_place(a, b, n):
    c = a
    if n == 0:
        a |= b
    elif n == 1:
        a &= b
    elif n == 2:
        a -= b
    else:
        a ^= b
    return a, c, c is a

def made(items):
    return set(items), frozenset(items)

def update(s, items):
    s.update(items)
    return list(s)

def literal(x):
    s = {1, 2, 3, 4}
    s.add(x)
    return s

def same(d, k):
    x = d[k]
    d[k] += 1000
    return x, d[k], d
'''

DICTS = [
    "{}", "{1: 2, 3: 4}", "{'a': 1, 'b': 2}", "{'a': 1, 1: 2}", "{True: 5, 2.0: 6, nan: 7}",
    "odd(1)", "odd('a')", "{Name('a'): 3}", "{(1, 2): 3, None: 4}", "Counting(a=1)",
    "{1: [], 2: [1]}", "{-1: 1, -2: 2}", "{2**61 - 1: 1, 0: 3}", "{1 << 200: 1, 1: 1 << 70}",
    "{'\\u0101': 1, '\\U0001f600': 2, '\\ud800': 3, '': 4}", "{b'a': 1}", "{1: 1.5, 'a': None}",
    "dict.fromkeys(range(100), 1)", "vars(Gone([]))", "None", "[1, 2]", "{1: 300}",
]  # fmt: skip
KEYS = [
    "1", "0", "'a'", "True", "1.0", "nan", "None", "(1, 2)", "-1", "-2", "2**61 - 1", "2**61",
    "-2**63", "2**64", "'\\u0101'", "''", "'xyz'", "[]", "Odd()", "Odd('a')", "Name('a')", "b'a'",
    "(1, [])", "(1, Odd(2))", "99",
]  # fmt: skip
SETS = [
    "set()", "{1, 2}", "{'a', 'b'}", "{True, None, 2.5}", "set(range(50))", "{Odd(1)}",
    "{Odd('a')}", "{Name('a')}", "frozenset((1, 'a'))", "{(1, 2)}", "{-1, -2}", "None",
    "{2**61 - 1, 0}", "{b'a'}", "{nan}",
]  # fmt: skip
ITEMS = [
    "[]", "[1, 2, 1]", "['a', 'b', 'a']", "'abcab'", "[1, True, 1.0, 'a']", "[nan, nan]",
    "[Odd(), 1]", "[(1, 2), (1, 2)]", "['x', Name('x')]", "[[1]]", "list(range(70)) * 2",
    "[-1, -2, -1, 2**61 - 1, 0]", "[2**70, 2**70]", "['\\u0101', '\\u0101']", "(3, 3)",
]  # fmt: skip


def calls() -> list[tuple[str, bool]]:
    """Calls, and whether they are recorded."""
    recorded = [
        "read({1: 2, 3: 4}, 1)", "read({'a': 1, 'b': 2}, 'a')", "store({1: 2}, 1, 3)",
        "store({'a': 1}, 'b', 2)", "bump({1: 300}, 1)", "bump({'a': 1}, 'a')",
        "count([1, 2, 1])", "count(['ab', 'cd', 'ab'])", "tally([1, 2, 1])", "tally(['ab', 'ab'])",
        "group([1, 2, 1])", "weigh(['a', 'b', 'a'], 0.5)", "remove({1: 2, 3: 4}, 1)",
        "take({1: 2, 3: 4}, 1)", "take_or({1: 2, 3: 4}, 7, 8)", "get({1: 2, 3: 4}, 1)",
        "keep({1: 2, 3: 4}, 1, 5)", "walk({1: 2, 3: 4})", "total({1: 2, 3: 4})",
        "grow_while({}, 1)", "shrink_while({1: 2}, 2)", "swap_while({1: 2}, 2)",
        "change_while({1: 2}, 400)", "drop_values(({1: 2, 'a': 3}, []))",
        "merge({1: 2}, {3: 4})", "empty({1: 2})", "displays(1, 2)", "points(3)",
        "visited(set(), 3)", "pair({}, 1, 2)",
        "unique([1, 2, 1])", "unique(['ab', 'cd'])", "has({1, 2}, 1)", "has({'a', 'b'}, 'ab')",
        "add({1, 2}, 3)", "drop({1, 2}, 1)", "must_drop({1, 2}, 1)", "pops({5, 6, 7})",
        "pop_one({5})", "sum_of({1, 2, 900})", "add_while(set())", "vowels('abc')",
        "small([1, 2, 5])", "same({'k': 500}, 'k')",
        "combine({1, 2}, {2, 3})", "combine_in_place({1, 2}, {2, 3}, 0)", "made([1, 2])",
        "combine_in_place({1, 2}, {2, 3}, 1)", "combine_in_place({1, 2}, {2, 3}, 2)",
        "combine_in_place({1, 2}, {2, 3}, 3)", "update({1, 2}, [3, 4])", "literal(5)",
    ]  # fmt: skip
    others = [f"{name}({d}, {k})" for name in ("read", "bump", "remove", "take", "get", "same")
              for d in DICTS for k in KEYS[:: 1 if name in ("read", "bump") else 3]]  # fmt: skip
    others += [f"{name}({d}, {k}, {v})" for name in ("store", "take_or", "keep")
               for d in DICTS[::2] for k in KEYS[::2]
               for v in ("7", "(1, 'x')", "[]", "1e300")]  # fmt: skip
    others += [f"{name}({d})" for name in ("walk", "total", "empty") for d in DICTS]
    others += [f"{name}({d}, {n})" for name in ("grow_while", "shrink_while", "swap_while")
               for d in DICTS for n in ("1", "3", "99")]  # fmt: skip
    others += [f"change_while({d}, {n})" for d in DICTS for n in ("1", "'x'", "nan", "[]", "2**40")]
    others += [f"{name}({i})" for name in ("count", "tally", "group", "unique", "small", "vowels")
               for i in ITEMS]  # fmt: skip
    others += [f"weigh({i}, {by})" for i in ITEMS for by in ("1", "0.25", "'x'", "nan")]
    others += [f"merge({d}, {e})" for d in DICTS for e in DICTS[:14]]
    others += [f"displays({a}, {b})" for a in KEYS[::2] for b in KEYS[1::3]]
    others += [f"{name}({s}, {k})" for name in ("has", "add", "drop", "must_drop")
               for s in SETS for k in KEYS]  # fmt: skip
    others += [f"{n}({s})" for n in ("pops", "pop_one", "sum_of", "add_while") for s in SETS]
    pairs = [
        "{(1, 2): 5}", "odd((1, 2))", "{(1.0, True): 1, (1, 2, 3): 2}", "{((1, 2), 3): 1}",
        "{(Name('a'), 2): 1}", "{-1: 1}", "{'a': 1}", "Counting()", "{(2**62, 1): 3}",
    ]  # fmt: skip
    others += [f"pair({d}, {i}, {j})" for d in pairs for i in ("1", "True", "-1", "2**62", "1.0")
               for j in ("2", "1", "2**61 - 1", "'x'", "2**64")]  # fmt: skip
    others += [f"visited({s}, {n})" for n in ("0", "1", "4", "20") for s in (
        *SETS, "{(1, 2), (2, 1)}", "{Odd((1, 2))}", "{(1.0, 2)}", "{(Odd(1), 2)}")]  # fmt: skip
    others += [f"combine({a}, {b})" for a in SETS for b in SETS]
    others += [f"combine_in_place({a}, {b}, {n})" for a in SETS for b in SETS[::3]
               for n in range(4)]  # fmt: skip
    others += [f"made({x})" for x in (*ITEMS, *SETS, *DICTS)]
    others += [f"update({s}, {x})" for s in SETS for x in (*ITEMS, *SETS[::3], *DICTS[::4])]
    others += [f"literal({k})" for k in KEYS]
    others += ["drop_values(weak(1))", "points(0)", "points(12)"]
    return [(call, True) for call in recorded] + [(call, False) for call in in_turn(others)]


def test_dicts_and_sets_answer_as_cpython() -> None:
    forced = ("keep", "once", "every:1", "every:2", "every:3")
    result = run_program(program_of(SOURCE, calls()), driver.compile_module, Plan(forced=forced))
    assert not result.failures, "\n".join(result.failures[:20])
    assert result.native >= 36, result.reasons
    assert result.agreed > 2000


@pytest.mark.parametrize("seed", third(["1", "4", "77"]))
def test_hash_seeds_change_nothing(seed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of a set of strings is that of the running process."""
    from subprocess import run
    from sys import executable

    code = (
        "from tests.compiler.golden.test_dicts import SOURCE, calls, driver, program_of\n"
        "from tests.compiler.fuzz.engine import run_program\n"
        "result = run_program(program_of(SOURCE, calls()), driver.compile_module)\n"
        "assert not result.failures, result.failures[:20]\n"
    )
    monkeypatch.setenv("PYTHONHASHSEED", seed)
    done = run([executable, "-c", code], capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-3000:]
