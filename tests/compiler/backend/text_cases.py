"""Cases of operations on strings for `test_ops`; rows as in `dict_cases`."""

from __future__ import annotations

import itertools
from typing import Any

TEXTS = ["", "a", "ab", "abc,d", "é", "Āb", "😀!", "\ud800", "x" * 300, " y\n", "0", "ß"]
SCALARS = [0, -7, 2**70, 1.5, -0.0, float("nan"), True, None, *TEXTS, [], (1, "x"), b"a", 1j]
POINTS = [
    "a",
    "Z",
    "0",
    " ",
    "_",
    "\0",
    "\x7f",
    "é",
    "ß",
    "²",
    "٣",
    "Ā",
    "ǅ",
    "\u2003",
    "\ud800",
    "😀",
]
TESTS = ("isalnum", "isalpha", "isdecimal", "isdigit", "islower", "isnumeric", "isspace", "isupper")


def rows() -> list[tuple[Any, ...]]:
    one, two, pairs = ("obj",), ("obj", "obj"), tuple(itertools.product(TEXTS, TEXTS))
    singles = tuple((x,) for x in SCALARS)
    points = tuple((x,) for x in POINTS)
    numbers = tuple((x,) for x in (0, 65, 255, 256, 0xD800, 0x10FFFF, 0x110000, -1, 2**63 - 1))
    formats = tuple(itertools.product(SCALARS, ("", ">8", ".2f", "d", "zz")))
    percents = tuple(itertools.product(("%s", "%d", ""), SCALARS))
    conversions = {"": "a"} | {name: f"{name}(a)" for name in ("str", "repr", "ascii")}
    return [
        ("i64.to_char", "chr(a)", ("i64",), "char", "", numbers, ""),
        ("str.concat", "a + b", two, "obj", "", pairs, ""),
        (
            "str.concat", "(a + b) + b", two, "obj", "", pairs,
            "%8:obj = str.concat %0, %1 STATE\n  %9:obj = str.concat %8, %1 STATE",
        ),
        ("str.eq", "a == b", two, "i1", "", pairs, ""),
        ("str.has", "a in b", two, "i1", "", pairs, ""),
        ("str.of", "str(a)", one, "obj", "", singles, ""),
        ("str.join", "a + b + a", two, "obj", "", pairs, "%9:obj = str.join %0, %1, %0 STATE"),
        ("str.percent", "a % b", two, "obj", "", percents, ""),
        *(
            ("str.format", f"format({text}, b)", two, "obj", f"conversion={name!r}", formats, "")
            for name, text in conversions.items()
        ),
        ("str.format", "format(a)", one, "obj", "conversion=''", singles, ""),
        *(
            ("char.is", f"a.{name}()", ("char",), "i1", f"method={name!r}", points, "")
            for name in TESTS
        ),
        *(
            ("char.map", f"a.{name}()", ("char",), "char", f"method={name!r}",
             tuple(x for x in points if x[0] != "ß"), "")
            for name in ("lower", "upper")
        ),
        ("method.call", "str.split(a, b)", two, "obj", "cls='str', method='split'",
         tuple(itertools.product(TEXTS, (*TEXTS, None, 1))), ""),
        ("method.call", "str.upper(a)", one, "obj", "cls='str', method='upper'", singles, ""),
    ]  # fmt: skip
