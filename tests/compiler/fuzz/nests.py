"""Random programs about nests of loops over lists of numbers, and over tables of them.

As in `containers`, phrases in which `{kind}` stands for another random phrase. What breaks the rule
that a nest sees items only as numbers is rare, but there: so is a list that is another one as well.
"""

from __future__ import annotations

import re
from random import Random

from pyvorin.check.case import Case

from tests.compiler.fuzz.programs import Program

CALLS = 14
PARAMETERS = ("n", "a", "b", "f", "h", "g", "m", "t")
PHRASES: dict[str, tuple[str, ...]] = {
    "int": (
        "n", "i", "j", "k", "1", "2", "7", "a[{place}]", "b[{place}]", "a[{place}]", "len(a)",
        "({int} + {int})", "({int} - {int})", "({int} * 3)", "({int} & 255)", "len(m)",
        "m[{place}][{place}]", "({int} // {int})", "({int} % 5)", "({int} if {bool} else {int})",
        "abs({int})", "max({int}, {int})", "2**62", "x",
    ),
    "float": (
        "0.5", "2.0", "-0.0", "f[{place}]", "h[{place}]", "f[{place}]", "t[{place}][{place}]", "y",
        "({float} + {float})", "({float} - {float})", "({float} * {float})", "({float} / {float})",
        "({float} if {bool} else {float})", "abs({float})", "float({int})", "({int} * 0.25)",
        "min({float}, {float})", "1e308",
    ),
    "bool": (
        "{int} < {int}", "{int} == {int}", "{float} < {float}", "{float} != {float}",
        "g[{place}]", "not g[{place}]", "{int} > 0", "i < j",
    ),
    "place": ("i", "j", "k", "0", "-1", "i - 1", "j + 1", "(i + j) % 3", "-1 - i", "k % 2", "n"),
    "limit": ("n", "n", "len(a)", "len(f)", "3", "i", "n * n", "len(m)"),
}  # fmt: skip
CHANGES = (
    "a[{place}] = {int}", "a[{place}] += {int}", "b[{place}] = a[{place}]", "b[{place}] = {int}",
    "f[{place}] = {float}", "f[{place}] *= {float}", "h[{place}] = f[{place}]", "x += {int}",
    "h[{place}] = {float}", "g[{place}] = {bool}", "g[{place}] = True",
    "m[{place}][{place}] = {int}",
    "m[{place}][{place}] += {int}", "t[{place}][{place}] = {float}", "x = {int}", "y += {float}",
    "t[{place}][{place}] -= {float}", "a[i], a[j] = a[j], a[i]", "f[{place}] = 0.0",
    "a[{place}] = 0",
    "y = {float}", "x = x & 1023",
)  # fmt: skip
RARE = (
    "row = m[{place}]", "row[{place}] = {int}", "line = t[{place}]", "line[{place}] = {float}",
    "a.append({int})", "x += sum(a)", "row = list(a)", "f[{place}] = {int}", "a[{place}] = {float}",
    "m[{place}] = a", "print(a, f)", "x += {int} in a", "t[0], t[-1] = t[-1], t[0]", "b = a[:]",
    "f[{place}] = y * 1e300 - y * 1e300", "a[{place}] = None", "g[{place}] = 1", "del b[-1:]",
)  # fmt: skip
LOOPS = ("for {v} in range({limit}):", "for {v} in range({limit}):",
         "for {v} in range(1, {limit}):", "for {v} in range(n, -1, -1):",
         "for {v} in range(0, 9, 2):")  # fmt: skip
WALKS = ("for x in a:", "for y in f:", "for row in m:", "for line in t:", "for x in row:",
         "for {v}, x in enumerate(b):", "for y, x in zip(f, a):",
         "while x > 0 and x < 9:")  # fmt: skip
ENDS = ("if {bool}: break", "if {bool}: continue", "if {bool}: return x, y")
ARGUMENTS = {
    "n": ("3", "4", "2", "0", "9", "True"),
    "a": ("[1, 2, 3, 4]", "[5, 3, 9, 1, 7]", "[0] * 6", "[2**62, 1, 2**63 - 1, 4]", "[1, 2**70, 3]",
          "[]", "[1, 2.5, 3]", "[True, 2, 3]", "(1, 2, 3)"),
    "b": ("[1, 2, 3, 4]", "[9, 8, 7, 6]", "[300] * 5", "[]", "[1, 'x', 3]"),
    "f": ("[0.5, 1.5, 2.5, 3.5]", "[0.25] * 5", "[1e308, -0.0, 2.0, 4.0]", "[1, 2.0, 3.0, 4.5]",
          "[1.5, float('nan'), 2.5, 0.5]", "[]"),
    "h": ("[0.0] * 4", "[1.5, 2.5, 3.5, 4.5]", "[float('inf')] * 4", "[1, 2, 3, 4]"),
    "g": ("[True, False] * 3", "[False] * 5", "[True, 1, 0, False]", "[]"),
    "m": ("[[1, 2, 3], [4, 5, 6], [7, 8, 9]]", "[[0] * 4 for _ in range(4)]", "[[1, 2, 3]] * 3",
          "[[1, 2], [3], [4, 5, 6]]", "[[1, 2, 3], (4, 5, 6), [7, 8, 9]]", "[]",
          "[[1, 2.5], [3, 4]]"),
    "t": ("[[0.5, 1.5, 2.5], [3.5, 4.5, 5.5], [6.5, 7.5, 8.5]]", "[[0.0] * 4 for _ in range(4)]",
          "[[1.5, 2.5]] * 2", "[[0.5], [1, 2]]"),
}  # fmt: skip
USUAL = 2  # of each variable's arguments, the first ones
SAME = "    if n == 4:\n        b, h, row = a, f, m[0]"
_PLACE = re.compile(r"\{(\w+)\}")


def make(seed: int) -> Program:
    random = Random(f"nests {seed}")
    texts: list[str] = []
    cases = []
    for number in range(2):
        name = f"c{number}"
        texts += ["", *_function(random, name), ""]
        for call in range(CALLS):
            usual = call < CALLS // 3
            arguments = [
                random.choice(each[:USUAL] if usual or random.random() < 0.8 else each)
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
        return _phrase(random, random.choice(phrases if depth > 0 else shallow), depth - 1)

    return _PLACE.sub(fill, text)


def _function(random: Random, name: str) -> list[str]:
    lines = [f"def {name}({', '.join(PARAMETERS)}):", "    x, y, i, j, k = 3, 0.5, 0, 1, 2"]
    lines.append("    row, line = [1, 2, 3], [0.5, 1.5, 2.5]")
    if random.random() < 0.3:
        lines.append(SAME)
    for _ in range(random.randint(1, 3)):
        lines += _loop(random, "    ", "ijk")
    lines.append("    return n, x, y, i, j, k, row, line, a, b, f, h, g, m, t")
    return lines


def _loop(random: Random, indent: str, variables: str) -> list[str]:
    """A loop, with others inside while there are variables for them."""
    head = random.choice(WALKS if random.random() < 0.15 else LOOPS)
    lines = [indent + _phrase(random, head.replace("{v}", variables[0]), 1)]
    inside = indent + "    "
    if head.startswith("while"):
        lines.append(f"{inside}x += 1")
    left = variables[1:]
    for _ in range(random.randint(1, 3)):
        if left and random.random() < 0.6:
            lines += _loop(random, inside, left)
        else:
            lines += _statement(random, inside)
    return lines


def _statement(random: Random, indent: str) -> list[str]:
    chance = random.random()
    if chance < 0.02:
        return [indent + _phrase(random, random.choice(RARE), 1)]
    if chance < 0.1:
        return [indent + _phrase(random, random.choice(ENDS), 1)]
    change = indent + _phrase(random, random.choice(CHANGES), 2)
    if chance < 0.3:
        return [f"{indent}if {_phrase(random, '{bool}', 1)}:", "    " + change]
    return [change]
