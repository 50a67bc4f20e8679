"""Cases of operations on dicts and sets for `test_ops`: operation, Python, operands, result,
attributes, values, body.
"""

from __future__ import annotations

import itertools
import math
from typing import Any


class Odd:
    """Equal to everything, with the hash of 1."""

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        return True

    def __repr__(self) -> str:
        return "Odd"


KEYS = [0, 1, -1, -2, 2**61 - 1, 2**70, True, 1.0, math.nan, None, "", "a", "é", "\ud800", "😀"]
KEYS += [(1, 2), ("a", (1, None)), (), [], (1, []), Odd(), b"a", object]
INTS = [0, 1, -1, -2, 5, 2**61 - 1, 2**61, -(2**61), 2**63 - 1, -(2**63)]


def dicts() -> list[dict[Any, Any]]:
    return [
        {},
        {1: 2, -2: "x"},
        {"a": 1, "é": 2},
        {"a": 1, (1, 2): 3, None: 4, 1: 5},
        {Odd(): 1},
        {True: 7, 2**61 - 1: 8, 0.0: 9},
        {number: number for number in range(300)},
        {str(number): number for number in range(300)},
        {1: 300, "a": 2.5},
    ]


def sets() -> list[Any]:
    return [
        set(),
        {1, -2, 300},
        {"a", "é"},
        {(1, 2), None, 2.5},
        {Odd()},
        set(range(300)),
        frozenset((1, "a", 2**61 - 1)),
    ]


def _pairs(left: Any, right: Any) -> tuple[tuple[Any, ...], ...]:
    return tuple(itertools.product(left, right))


def rows() -> list[tuple[Any, ...]]:
    pair = ("obj", "i64", "i64")
    two, keyed = ("obj", "obj"), ("obj", "i64")
    containers = [*sets(), *dicts(), [], [1, "a", 1], (1, (2, 3)), "abca", range(4), [[1]], None]
    containers += [[Odd(), 1], (1, Odd())]
    changeable = [x for x in sets() if type(x) is set]
    select = "%7:i1 = const {value=True}\n  %9:obj = select %7, %0, %0"
    found = [(d, k) for d in dicts() for k in d]
    ints = [(d, k) for d, k in found if type(k) is int and abs(k) < 2**62]

    def changing(op: str, python: str, kinds: Any, values: Any, text: str) -> tuple[Any, ...]:
        return op, f"({python}, a)[1]", kinds, "obj", "", tuple(values), f"{text}\n  {select}"

    find = "%5:i64 = dict.find %0, %1 STATE\n  "
    missing = "%6:i64 = const {value=0}\n  %8:i1 = i64.cmp %5, %6 {op='>='}\n  "
    missing += "guard %8 {reason='missing'} STATE\n  "
    value = f"{find}{missing}%9:obj = dict.value %0, %5"
    found_cases = [
        ("dict.find", "b in a", two, "i1", "", _pairs(dicts(), KEYS), _found(find)),
        ("dict.find", "b in a", keyed, "i1", "", _pairs(dicts(), INTS), _found(find)),
        ("dict.value", "a[b]", two, "obj", "", _pairs(dicts(), KEYS), value),
        ("dict.value", "a[b]", keyed, "obj", "", _pairs(dicts(), INTS), value),
    ]
    puts = []
    for key, given in (("obj", KEYS), ("i64", INTS)):
        for rep, items in (("obj", KEYS), ("i64", INTS), ("f64", [0.5, math.nan])):
            kinds, python = ("obj", key, rep), "a.__setitem__(b, c)"
            text = f"{find}dict.put %0, %5, %1, %2 STATE"
            values = itertools.product(dicts(), given[::2], items[::3])
            puts.append(changing("dict.put", python, kinds, values, text))
    delete = f"{find}{missing}dict.delete %0, %5 STATE"
    peek = "%4:obj = hash.iter %0\n  %5:i64 = hash.peek %4 {cls=CLS} STATE\n  "
    peek += missing.replace("missing", "empty")
    return [
        ("dict.new", "{a: b}", two, "obj", "", _pairs(KEYS, KEYS[::4]), ""),
        ("dict.len", "len(a)", ("obj",), "i64", "", _one(dicts()), ""),
        *found_cases,
        *puts,
        changing("dict.delete", "a.__delitem__(b)", two, found, delete),
        changing("dict.delete", "a.__delitem__(b)", keyed, ints, delete),
        changing("dict.clear", "a.clear()", ("obj",), _one(dicts()), "dict.clear %0 STATE"),
        changing(
            "dict.update", "a.update(b)", two, _pairs(dicts(), dicts()), "dict.update %0, %1 STATE"
        ),
        *(
            ("dict.view", f"a.{kind}()", ("obj",), "obj", f"kind={kind!r}", _one(dicts()), "")
            for kind in ("keys", "values", "items")
        ),
        ("set.new", "{a, b}", two, "obj", "", _pairs(KEYS, KEYS[::4]), ""),
        ("set.len", "len(a)", ("obj",), "i64", "", _one(sets()), ""),
        ("set.has", "b in a", two, "i1", "", _pairs(sets(), KEYS), ""),
        ("set.has", "b in a", keyed, "i1", "", _pairs(sets(), INTS), ""),
        changing("set.add", "a.add(b)", two, _pairs(changeable, KEYS), "set.add %0, %1 STATE"),
        changing("set.add", "a.add(b)", keyed, _pairs(changeable, INTS), "set.add %0, %1 STATE"),
        changing("set.add", "a.add((b, c))", pair, _grid(changeable), "set.add %0, %1, %2 STATE"),
        ("set.has", "(b, c) in a", pair, "i1", "", _grid(sets()), ""),
        (
            "dict.find", "(b, c) in a", pair, "i1", "", _grid(dicts()),
            _found("%5:i64 = dict.find %0, %1, %2 STATE\n  "),
        ),
        changing(
            "set.discard", "a.discard(b)", two, _pairs(changeable, KEYS), "set.discard %0, %1 STATE"
        ),
        *(
            ("set.of", f"{cls}(a)", ("obj",), "obj", f"cls={cls!r}", _one(containers), "")
            for cls in ("set", "frozenset")
        ),
        *(
            ("set.binop", f"a {op} b", two, "obj", f"op={op!r}", _pairs(sets(), sets()), "")
            for op in "&|-^"
        ),
        *(
            changing(
                "set.change",
                f"a.__i{name}__(b)",
                two,
                _pairs(changeable, sets()),
                f"set.change %0, %1 {{op={op!r}}} STATE",
            )
            for op, name in (("&", "and"), ("|", "or"), ("-", "sub"), ("^", "xor"))
        ),
        changing(
            "set.update",
            "a.update(b)",
            two,
            _pairs(changeable, containers),
            "set.update %0, %1 STATE",
        ),
        changing("set.clear", "a.clear()", ("obj",), _one(changeable), "set.clear %0 STATE"),
        (
            "set.top", "a.pop()", ("obj",), "obj", "", _one(changeable),
            "%9:obj = set.top %0 STATE\n  set.pop %0",
        ),
        (
            "set.pop", "(a.pop(), a)[1]", ("obj",), "obj", "", _one(changeable),
            f"%5:obj = set.top %0 STATE\n  set.pop %0\n  {select}",
        ),
        *_iterating(peek),
    ]  # fmt: skip


def _grid(tables: Any) -> tuple[tuple[Any, ...], ...]:
    return tuple(itertools.product(tables, (1, -1, 2**61, -(2**63)), (2, 0, 2**63 - 1)))


def _found(find: str) -> str:
    return f"{find}%6:i64 = const {{value=0}}\n  %9:i1 = i64.cmp %5, %6 {{op='>='}}"


def _one(values: Any) -> tuple[tuple[Any], ...]:
    return tuple((value,) for value in values)


def _iterating(peek: str) -> list[tuple[Any, ...]]:
    """The first key or value, read through an iterator, by each operation on the way."""
    made = []
    for cls, values in (("dict_keyiterator", dicts()), ("set_iterator", sets())):
        looked = peek.replace("CLS", repr(cls))
        key = f"{looked}%9:obj = hash.key %4, %5 {{cls={cls!r}}}"
        for op in ("hash.iter", "hash.peek", "hash.key"):
            made.append((op, "next(iter(a))", ("obj",), "obj", "", _one(values), key))
        step = f"{looked}hash.step %4 {{cls={cls!r}}}\n  "
        again = step + looked.replace("%4:obj = hash.iter %0\n  ", "").replace("%5", "%15").replace(
            "%8", "%18"
        ).replace("%6", "%16")
        second = f"{again}%9:obj = hash.key %4, %15 {{cls={cls!r}}}"
        python = "list(a)[1]"
        made.append(("hash.step", python, ("obj",), "obj", "", _one(values), second))
    looked = peek.replace("CLS", "'dict_keyiterator'")
    value = f"{looked}%9:obj = hash.value %4, %5"
    first = "next(iter(a.values()))"
    made.append(("hash.value", first, ("obj",), "obj", "", _one(dicts()), value))
    finish = "%4:obj = hash.iter %0\n  hash.finish %4\n  %9:i64 = dict.len %0"
    made.append(("hash.finish", "len(a)", ("obj",), "i64", "", _one(dicts()), finish))
    return made
