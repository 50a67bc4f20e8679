"""Cases of operations on bytes and bytearrays for `test_ops`; rows as in `dict_cases`."""

from __future__ import annotations

import itertools
from typing import Any

DATA = [b"", b"a", b"abc", b"\x00\xff", b"x" * 300]
BOTH = [*DATA, *map(bytearray, DATA)]
NUMBERS = (-1, 0, 97, 255, 256, 2**63 - 1, -(2**63))
MADE_OF = [
    0,
    3,
    -1,
    2**70,
    True,
    1.5,
    "ab",
    None,
    [],
    [1, 2],
    [1, 256],
    [1, True],
    [1.5],
    (3,),
    [b"a"],
]
MADE_OF += [range(5), range(300), {1: 2}, *BOTH]


def _changing(op: str, operands: str, attrs: str = "") -> str:
    body = f"{op} %0, {operands}{attrs} STATE\n  %7:i1 = const {{value=True}}\n"
    return body + "  %9:obj = select %7, %0, %0"


def rows() -> list[tuple[Any, ...]]:
    one, two = ("obj",), ("obj", "obj")
    made = []
    for cls in ("bytes", "bytearray"):
        each = [x for x in BOTH if type(x).__name__ == cls]
        items = tuple((x, i) for x in each for i in (-301, -3, -2, -1, 0, 1, 2, 299, 300))
        body = f"%5:i64 = {cls}.len %0\n  %6:i64 = seq.index %1, %5 STATE\n"
        get = f"{body}  %9:i64 = {cls}.get %0, %6"
        singles = tuple((x,) for x in MADE_OF)
        steps = tuple((x, *s) for x in each for s in itertools.product((-9, 0, 1), (-1, 0, 2, 400)))
        step = "%5:i64 = const {value=STEP}\n  %9:obj = seq.slice %0, %1, %2, %5 STATE"
        made += [
            (f"{cls}.len", "len(a)", one, "i64", "", tuple((x,) for x in each), ""),
            (f"{cls}.get", "a[b]", ("obj", "i64"), "i64", "", items, get),
            ("bytes.of", f"{cls}(a)", one, "obj", f"cls={cls!r}", singles, ""),
            ("seq.repeat", "a * b", ("obj", "i64"), "obj", "",
             tuple(itertools.product(each, (-1, 0, 1, 3))), ""),
            ("seq.slice", "a[b:c]", ("obj", "i64", "i64"), "obj", "", steps,
             step.replace("STEP", "1")),
            ("seq.slice", "a[b:c:-2]", ("obj", "i64", "i64"), "obj", "", steps,
             step.replace("STEP", "-2")),
        ]  # fmt: skip
    arrays = [bytearray(x) for x in DATA]
    places = tuple((x, i % len(x), n) for x in arrays if x for i in (0, -1) for n in NUMBERS)
    others = (*BOTH, [1], "a", None)
    pairs = tuple(itertools.product(BOTH, BOTH))
    for order in ("big", "little"):
        attrs = f"order={order!r}"
        long = [*BOTH, b"\x7f" + b"\xff" * 7, b"\x80" + bytes(7), bytes(20), bytes(9) + b"\x01"]
        made += [
            ("bytes.to_i64", f"int.from_bytes(a, {order!r})", one, "i64", attrs,
             tuple((x,) for x in long), ""),
            ("i64.to_bytes", f"a.to_bytes(b, {order!r})", ("i64", "i64"), "obj", attrs,
             tuple(itertools.product((*NUMBERS, 65535, 65536), (-1, 0, 1, 2, 7, 8, 20))), ""),
        ]  # fmt: skip
    for op in ("bit_length", "bit_count"):
        made.append((f"i64.{op}", f"a.{op}()", ("i64",), "i64", "", (), ""))
    return [
        *made,
        ("bytearray.set", "(a.__setitem__(b, c), a)[1]", ("obj", "i64", "i64"), "obj", "", places,
         _changing("bytearray.set", "%1, %2")),
        ("bytearray.append", "(a.append(b), a)[1]", ("obj", "i64"), "obj", "",
         tuple(itertools.product(arrays, NUMBERS)), _changing("bytearray.append", "%1")),
        ("bytearray.extend", "(a.extend(b), a)[1]", two, "obj", "",
         tuple(itertools.product(arrays, others)),
         _changing("bytearray.extend", "%1", " {how='extend'}")),
        ("bytearray.extend", "a.__iadd__(b)", two, "obj", "",
         tuple(itertools.product(arrays, BOTH)),
         _changing("bytearray.extend", "%1", " {how='+='}")),
        ("bytes.eq", "a == b", two, "i1", "", pairs, ""),
        ("bytes.has", "b in a", two, "i1", "",
         tuple(itertools.product(BOTH, (*BOTH, 0, 97, 256, -1, "a", None))), ""),
        ("seq.concat", "a + b", two, "obj", "", pairs, ""),
        ("method.call", "bytes.find(a, b)", two, "obj", "cls='bytes', method='find'",
         tuple(itertools.product(DATA, (*DATA, 97, None))), ""),
        ("method.call", "bytearray.hex(a)", one, "obj", "cls='bytearray', method='hex'",
         tuple((x,) for x in (*arrays, b"a")), ""),
    ]  # fmt: skip
