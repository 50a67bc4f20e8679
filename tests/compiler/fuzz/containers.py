"""Random programs about dicts, sets, strs, bytes, bytearrays and variables of the module.

A grammar: each kind of value has phrases, in which `{kind}` stands for another random phrase and
names stand for themselves. Every function has one variable of each kind, changes them in loops, and
answers them all, so that nothing that happened stays unseen.
"""

from __future__ import annotations

import re
from random import Random

from pyvorin.check.case import Case

from tests.compiler.fuzz.programs import Program

CALLS = 12
HEAD = """
import bisect
import heapq

TABLE = [3, 1, 4, 1]
LOOKUP = {"a": 1, "bc": 2}
MARKS = {1, 2, 3}
POOL = bytearray(b"pool")
"""
PARAMETERS = ("n", "s", "b", "a", "d", "e", "w")
PHRASES: dict[str, tuple[str, ...]] = {
    "int": (
        "n", "n", "n", "x", "1", "2", "7", "255", "256", "-1", "2**63 - 1", "({int} + {int})",
        "({int} - {int})", "({int} & 255)", "({int} * 3)", "len({sized})", "b[{place}]",
        "a[{place}]", "d[{str}]", "d.get({str}, {int})", "LOOKUP.get({str}, {int})",
        "TABLE[{place}]", "({int}).bit_length()", "int.from_bytes({bytes}[:9], 'big')",
        "int.from_bytes(b[:3], 'little')", "ord(s[{place}])", "b.find({bytes})", "s.find({str})",
        "sum(b)", "max(TABLE)", "d.setdefault({str}, {int})", "({int} if {bool} else {int})",
        "s.count({str})", "POOL[{place}]", "bisect.bisect_left(TABLE, {int})",
        "bisect.bisect_right(w, {str})", "heapq.heapreplace(TABLE, {int} & 31)",
        "sum(v + n for v in b)", "sum({int} for v in a[:9])", "sum(len(v) for v in w if {bool})",
        "max({int} for v in a[:9])", "min(len(v) for v in w if {bool})",
    ),
    "place": ("0", "1", "-1", "n % 3", "{int} % 2", "{int}"),
    "sized": ("s", "b", "a", "d", "e", "w", "TABLE", "LOOKUP", "MARKS", "POOL"),
    "bool": (
        "{int} < {int}", "{str} in d", "{int} in e", "{str} == {str}", "{bytes} == {bytes}",
        "{int} in b", "{bytes} in b", "{str} in s", "not {sized}", "{str} not in LOOKUP",
        "{int} in MARKS", "s[:1].isalpha()", "b.startswith({bytes})", "a == b", "{str} in w",
        "any(v > n for v in b)", "all({bool} for v in w)", "any(v == {str} for v in w)",
    ),
    "str": (
        "s", "s", "y", "'a'", "'bc'", "''", "'é'", "'7'", "({str} + {str})[:20]", "s[{place}]",
        "s[1:]", "s.upper()", "str({int} & 1023)", "chr({int} & 127)", "f'{{n}}-{{s[:3]}}'",
        "'%d' % ({int})", "'-'.join(w)[:20]", "s.strip()", "w[{place}]", "b.hex()[:9]",
        "({str} if {bool} else {str})", "s.replace('a', {str})[:20]",
        "'-'.join(v + y for v in w)[:20]", "''.join(sorted(v for v in s if {bool}))[:20]",
    ),
    "bytes": (
        "b", "b", "b''", "b'a'", "b'\\x00\\xff'", "b[1:]", "b[{place}:{place}]", "b[::-1]",
        "({bytes} + {bytes})[:20]", "bytes(a)[:9]", "bytes([{int} & 255])", "bytes({int} & 7)",
        "({int} & 65535).to_bytes(2, 'big')", "s.encode()[:20]", "b'-'.join([b, b'z'])[:20]",
    ),
}  # fmt: skip
CHANGES = (
    "n = {int}", "n += {int}", "n = (n * 31 + {int}) & 0xFFFFFFFF", "s = {str}",
    "s = (s + {str})[-20:]", "b = {bytes}", "b = (b + {bytes})[-20:]", "a.append({int} & 255)",
    "a.append({int})", "a[{place}] = {int} & 255", "a[{place}] = {int}", "a.extend({bytes})",
    "a += {bytes}", "a = bytearray({bytes})", "d[{str}] = {int}", "d[{str}] = d.get({str}, 0) + 1",
    "d[s] = d.get(s, 0) + 1", "d[s] += 1", "del d[{str}]", "d.pop({str}, None)",
    "e.add({int} & 15)", "e.discard({int})", "e |= MARKS", "e = {{v & 7 for v in b}}",
    "d = {{v: len(v) for v in w}}", "w.append({str})", "w = s.split('a')[:9]",
    "w = list(v + {str} for v in w)[:9]",
    "w = [v + {str} for v in w][:9]", "TABLE[{place}] = {int} & 31", "LOOKUP[{str}] = {int} & 7",
    "MARKS.add({int} & 7)", "POOL[{place}] = {int} & 255", "u[b] = n", "u[b, s] = u.get(b, 0)",
    "n = u.get({bytes}, n)", "e.add(s)", "heapq.heappush(w, {str})", "y = heapq.heappop(w)",
    "y = heapq.heappushpop(w, {str})", "bisect.insort_right(w, {str})", "heapq.heappush(w, y)",
)  # fmt: skip
LOOPS = (
    "for x in b:", "for x in a[:20]:", "for x in range({int} % 9):", "for x in list(e)[:9]:",
    "for y in s:", "for y in w[:9]:", "for y in d:", "for y, x in d.items():",
    "for x, y in zip(b, s):", "for x, y in enumerate(w[:9]):", "for x in TABLE:",
    "for x in sorted(MARKS)[:9]:", "for x in reversed(b):", "for x in d.values():",
)  # fmt: skip
ARGUMENTS = {
    "n": ("0", "1", "5", "-3", "255", "2**63 - 1", "2**70", "True", "1.5", "None"),
    "s": ("'a'", "'abc a7'", "''", "'é\\U0001f600'", "' x '", "None", "b'a'"),
    "b": ("b'abc'", "b''", "b'\\x00\\xff\\x07'", "bytes(range(9))", "bytearray(b'ab')", "'abc'"),
    "a": ("bytearray(b'xyz')", "bytearray()", "bytearray(5)", "b'xyz'", "[1, 2]"),
    "d": ("{'a': 1}", "{}", "{'a': 1, 'b': 2, '': 3}", "{1: 2}", "{'a': 'b'}", "{b'a': 1}"),
    "e": ("{1, 2}", "set()", "{'a'}", "frozenset((1,))", "{1, (2, 3)}"),
    "w": ("['a', 'bc']", "[]", "['', 'é', 'x']", "('a', 'b')", "[1]"),
}
USUAL = 2  # of each variable's arguments, the first ones
_PLACE = re.compile(r"\{(\w+)\}")


def make(seed: int) -> Program:
    random = Random(f"containers {seed}")
    texts, cases = [HEAD], []
    for number in range(2):
        name = f"c{number}"
        texts += ["", *_function(random, name), ""]
        for call in range(CALLS):
            usual = call < CALLS // 3
            arguments = [
                random.choice(each[:USUAL] if usual or random.random() < 0.7 else each)
                for each in ARGUMENTS.values()
            ]
            text = f"{name}({', '.join(arguments)})"
            cases.append(Case(name, text, "example" if usual else "neighbour"))
    return Program(seed, "\n".join(texts).strip() + "\n", tuple(cases))


def _phrase(random: Random, text: str, depth: int) -> str:
    """The text with every place filled in."""

    def fill(found: re.Match[str]) -> str:
        phrases = PHRASES[found[1]]
        shallow = [each for each in phrases if "{" not in each]
        chosen = random.choice(phrases if depth > 0 or not shallow else shallow)
        return _phrase(random, chosen, depth - 1)

    return (
        _PLACE.sub(fill, text.replace("{{", "\0").replace("}}", "\1"))
        .replace("\0", "{")
        .replace("\1", "}")
    )


def _function(random: Random, name: str) -> list[str]:
    lines = [f"def {name}({', '.join(PARAMETERS)}):"]
    lines += ["    x, y, u = 3, 'a', {}"]
    for _ in range(random.randint(2, 4)):
        lines += _statement(random, "    ", 2)
    lines.append("    return n, s, b, a, d, sorted(map(repr, e)), w, u, TABLE, LOOKUP, POOL")
    return lines


def _statement(random: Random, indent: str, depth: int) -> list[str]:
    chance = random.random()
    if depth and chance < 0.45:
        head = _phrase(random, random.choice(LOOPS), 1)
    elif depth and chance < 0.6:
        head = f"if {_phrase(random, '{bool}', 2)}:"
    else:
        return [indent + _phrase(random, random.choice(CHANGES), 2)]
    lines = [indent + head]
    for _ in range(random.randint(1, 3)):
        lines += _statement(random, indent + "    ", depth - 1)
    return lines
