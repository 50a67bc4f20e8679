"""Small programs for resuming: each uses a shape of bytecode, and leaves side effects in LOG.

`DRIVERS` are calls; every function of this module that they reach is resumed at.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from tests.runtime.resume_fuzz import LOG


class Point:
    """Has a method, a property, operators and a context manager."""

    def __init__(self, x: int, y: int = 0) -> None:
        self.x = x
        self.y = y

    def __repr__(self) -> str:
        return f"Point({self.x}, {self.y})"

    def __add__(self, other: Point) -> Point:
        return Point(self.x + other.x, self.y + other.y)

    def __enter__(self) -> Point:
        LOG.append(("enter", self.x))
        return self

    def __exit__(self, *error: object) -> bool:
        LOG.append(("exit", self.x, error[0]))
        return self.x == 7

    def moved(self, dx: int, *, dy: int = 0) -> Point:
        return Point(self.x + dx, self.y + dy)

    @property
    def norm(self) -> int:
        return abs(self.x) + abs(self.y)


def nested_loops(rows: int, columns: int) -> list[list[int]]:
    table = []
    for i in range(rows):
        row: list[int] = []
        for j in range(columns):
            if (i + j) % 3 == 0:
                continue
            if j > 4:
                break
            row.append(i * j)
        else:
            row.append(-1)
        table.append(row)
    return table


def while_loops(n: int) -> tuple[int, list[int]]:
    total, seen = 0, []
    while n > 1:
        m = n
        while m % 2 == 0:
            m //= 2
            total += 1
        seen.append(m)
        n = n - 1 if n % 2 else n // 2
    return total, seen


def chained_comparison(a: int, b: int, c: int) -> list[bool]:
    return [a < b < c, a <= b <= c < 10, a == b == c, not a < b > c]


def conditional(values: list[int]) -> list[str]:
    return ["even" if v % 2 == 0 else "odd" if v > 0 else "neg" for v in values]


def short_circuits(a: object, b: object) -> object:
    return ((a or b) and (b or a or "none")) or (a and b)


def f_strings(name: str, value: float, width: int) -> str:
    return f"{name!r:>{width}} = {value:.3f} ({value=}) {{}} {name}{width:04d}"


def unpacking(pairs: list[tuple[int, tuple[int, ...]]]) -> list[object]:
    out: list[object] = []
    for a, (b, *rest) in pairs:
        (x, y), *z = [(a, b), *rest, a]
        out += [x, y, *z, {**{"k": b}, "rest": rest}]
    return out


def keyword_calls(p: Point) -> list[object]:
    options: dict[str, Any] = {"dy": 4}
    moved = p.moved(1, dy=2), p.moved(dx=3), p.moved(*[4], **options), Point(y=1, x=2)
    return sorted([q.norm for q in moved], key=lambda n: -n, reverse=bool(p.x))


def comprehensions(n: int, k: int) -> object:
    a = [i * k for i in range(n) if i % 2]
    b = {i: {j for j in range(i)} for i in a if i < 9}
    c = sum(x * y for x in a for y in range(k))
    k = k + len([k for k in a if k])
    return a, b, c, k, [[x + y for x in range(y)] for y in range(3)]


def try_except(values: list[object]) -> list[object]:
    out: list[object] = []
    for value in values:
        try:
            out.append(10 // value)  # type: ignore[operator]
        except ZeroDivisionError as error:
            out.append(str(error))
        except (TypeError, ValueError):
            out.append("type")
        else:
            out.append("fine")
        finally:
            LOG.append(value)
    return out


def finally_returns(values: list[int]) -> int:
    try:
        for v in values:
            try:
                if v == 3:
                    return v * 10
                if v < 0:
                    raise ValueError(v)
            finally:
                LOG.append(("inner", v))
    finally:
        LOG.append("outer")
    return -1


def raises_deep(values: list[int]) -> int:
    total = 0
    for v in values:
        total += (100 // (v - 3)) + values[v]
    return total


def raises_chained(key: str) -> object:
    table = {"a": 1}
    try:
        return table[key]
    except KeyError as error:
        raise LookupError(f"no {key}") from error


def raises_in_argument(p: Point) -> object:
    return p.moved(p.x, dy=p.missing.value)  # type: ignore[attr-defined]


def with_blocks(p: Point, n: int) -> list[int]:
    out = []
    with p as q, Point(n):
        for i in range(3):
            with q.moved(i) as r:
                out.append(r.x + n)
                if r.x == 5:
                    break
    with suppress(ZeroDivisionError):
        out.append(1 // n)
    with Point(7):
        raise RuntimeError("swallowed")
    return out


def with_raises(p: Point) -> None:
    with p as q:
        LOG.append(q.x)
        q.moved("one")  # type: ignore[arg-type]


def deletes(x: Any, y: int) -> list[object]:
    out: list[object] = []
    for i in range(3):
        z = x + i
        if i != 1:
            del x
            x = z
        out.append(z)
        del z
    del y
    try:
        out.append(y)  # noqa: F821
    except UnboundLocalError as error:
        out.append(str(error))
    return out


def closure(n: int) -> list[int]:
    total = 0
    steps: list[Callable[[int], int]] = []

    def add(k: int) -> int:
        nonlocal total
        total += k + n
        return total

    for i in range(3):
        steps.append(add)
        n += i
        add(i)
    return [*(step(1) for step in steps), total, n]


def packed(a: int, *rest: int, flag: bool = False, **options: int) -> object:
    total = a
    for r in rest:
        total += r if flag else -r
    return total, {name: total * value for name, value in options.items()}


def defaults(a: int, b: list[int] = [1, 2], /, c: int = 3, *, d: int = 4) -> int:  # noqa: B006
    b.append(a)
    return sum(b) * c - d + (a if a > b[-1] else b[0])


def recursive(n: int) -> int:
    return n if n < 2 else recursive(n - 1) + recursive(n - 2)


def slices(values: list[int]) -> list[list[int]]:
    values[1:3] = [9, 9, 9]
    del values[-1:]
    values[0] += 5
    return [values[1:], values[:-1], values[::2], values[:]]


def strings(words: list[str]) -> str:
    s = ""
    for word in words:
        s += word
        s = s + "," if word not in s[:3] else s
    return s.rstrip(",").upper().center(30, "*")


def matching(value: object) -> str:
    match value:
        case [1, x, *_] if isinstance(x, int):
            return f"list {x}"
        case {"k": k, **rest}:
            return f"map {k} {rest}"
        case Point(x=0 as x) | Point(x=7 as x):
            return f"point {x}"
        case str() | None:
            return "text"
    return "other"


def globals_and_builtins(n: int) -> int:
    global _counter
    _counter = n
    for i in range(n):
        _counter += len(str(i)) + max(i, 3, key=lambda v: -v)
    return _counter


_counter = 0


def assertion(n: int) -> int:
    assert n > 2, f"{n} is too small"
    return n


def walrus(values: list[int]) -> list[int]:
    out = []
    while (n := len(values)) > 2 and (last := values.pop()) != n:
        out.append(last if (half := last // 2) % 2 else half)
    return out


def imports(name: str) -> str:
    from os.path import join, sep

    return join(name, "x") + sep


def augmented(p: dict[str, list[int]], k: str) -> dict[str, list[int]]:
    p.setdefault(k, []).append(1)
    p[k] += [2]
    p[k][0] -= 5
    p[k][-1] **= 3
    return p


def nested_functions(n: int) -> list[int]:
    def double(k: int = n, *, plus: int = 1) -> int:
        return k * 2 + plus

    return [double(), double(3), double(plus=n)]


def many_locals(n: int) -> int:
    a = b = c = d = e = f = g = h = n
    for i in range(2):
        a, b, c, d = b, a, d + i, c
        e, f, g = g, e, f - i
        h ^= a | b & c
    return a + b * c - d + e * f - g + h


def loop_over_generator(n: int) -> list[int]:
    out = []
    for v in (i * i for i in range(n)):
        out.append(v)
        if v > 10:
            break
    return out


def star_assignment_loop(pairs: dict[str, list[int]]) -> list[str]:
    return [
        f"{k}{first}{rest}" for k, (first, *rest) in pairs.items() if (n := len(rest)) or n == 0
    ]


def innermost(n: int, /, *more: int, scale: int = 1) -> int:
    LOG.append(n)
    total = 0
    for k in range(n):
        total += 12 // (3 - k) * scale
    return total + sum(more)


def middle(n: int, scale: int) -> int:
    a = n + innermost(n, scale=scale) * 2
    b = [innermost(n), a][0] - innermost(n, *[a, n], **{"scale": 2})
    return a if b else -a


def calls_of_calls(values: list[int]) -> list[object]:
    out: list[object] = []
    for v in values:
        try:
            out.append(f"{middle(v, 3)} {middle(n := v, scale=n)!r}")
        except ZeroDivisionError as error:
            out.append(str(error))
        else:
            LOG.append(middle(v, v) < middle(v + 1, v) < 100)
    return out


def decorated(values: list[int]) -> list[int]:
    def twice(function: Callable[[int], int]) -> Callable[[int], int]:
        return lambda n: function(function(n))

    @twice
    @twice
    def step(n: int) -> int:
        return innermost(2) + n

    return [step(v) for v in values]


def unwinds_through_calls(n: int) -> int:
    with Point(n):
        return middle(n, 1) + unwinds_through_calls(n + 1)


DRIVERS: list[Callable[[], object]] = [
    lambda: nested_loops(4, 7),
    lambda: while_loops(40),
    lambda: [chained_comparison(1, b, 3) for b in (0, 2, 5)],
    lambda: conditional([3, 4, -5]),
    lambda: [short_circuits(a, b) for a in (0, 1) for b in (0, "b")],
    lambda: f_strings("n", 1.25, 9),
    lambda: unpacking([(1, (2, 3, 4)), (5, (6,))]),
    lambda: keyword_calls(Point(3, -4)),
    lambda: comprehensions(8, 3),
    lambda: try_except([5, 0, "x", 2]),
    lambda: finally_returns([1, 2, 3, 4]),
    lambda: finally_returns([1, -2]),
    lambda: raises_deep([0, 1, 2, 3, 4]),
    lambda: raises_deep([0, 1, 9]),
    lambda: raises_chained("a"),
    lambda: raises_chained("b"),
    lambda: raises_in_argument(Point(1)),
    lambda: with_blocks(Point(4), 2),
    lambda: with_blocks(Point(1), 0),
    lambda: with_raises(Point(1)),
    lambda: with_raises(Point(7)),
    lambda: deletes(5, 6),
    lambda: closure(2),
    lambda: packed(1, 2, 3, flag=True, u=5, v=6),
    lambda: defaults(8, c=2),
    lambda: recursive(4),
    lambda: slices([1, 2, 3, 4, 5, 6]),
    lambda: strings(["a", "bc", "a", "d"]),
    lambda: [matching(v) for v in ([1, 2, 3], {"k": 1, "z": 2}, Point(7), "s", 1.5)],
    lambda: globals_and_builtins(12),
    lambda: assertion(3),
    lambda: assertion(1),
    lambda: walrus([1, 2, 3, 4, 5, 6, 7]),
    lambda: imports("a"),
    lambda: augmented({"a": [7]}, "a"),
    lambda: nested_functions(4),
    lambda: many_locals(3),
    lambda: loop_over_generator(9),
    lambda: star_assignment_loop({"a": [1, 2], "b": [3]}),
    lambda: calls_of_calls([1, 2, 3, 4]),
    lambda: decorated([1, 2]),
    lambda: unwinds_through_calls(1),
]
