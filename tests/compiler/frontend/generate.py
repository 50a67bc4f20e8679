"""Random programs over ints, lists and loops; the same seed makes the same program.

Names may be unbound, indices out of range, divisors zero: what matters is that both sides agree.
Every loop has a bound, so that programs end.
"""

from random import Random

NAMES = ("a", "b", "c", "d", "items")
OPERATORS = ("+", "-", "*", "//", "%", "&", "|", "^")
COMPARISONS = ("<", "<=", "==", "!=", ">", ">=")


def program(seed: int) -> str:
    """The source of a function `f(a, b, items)` and of a function `g(x, y=…)` that it may call."""
    random = Random(seed)
    start = "".join(
        f"    {name} = {random.randint(0, 9)}\n"
        if random.random() < 0.8
        else f"    if a == {random.randint(0, 3)}:\n        {name} = b\n"
        for name in "cd"
    )
    body = start + _block(random, 1, depth=3) + _block(random, 1, depth=2)
    return (
        "def g(x, y=3):\n    if x > y:\n        return x - y\n    return x\n\n"
        f"def f(a, b, items):\n{body}    return a, b, items\n"
    )


def _block(random: Random, indent: int, depth: int) -> str:
    count = random.randint(1, 4)
    return "".join(_statement(random, indent, depth) for _ in range(count))


def _statement(random: Random, indent: int, depth: int) -> str:
    pad = "    " * indent
    simple = (_assign, _augmented, _store, _swap, _delete, _leave_loop)
    nested = (_if, _for, _while, _if)
    makers = simple + nested * 2 if depth else simple
    return random.choice(makers)(random, pad, indent, depth)


def _name(random: Random) -> str:
    return random.choice(NAMES[:4])


def _assign(random: Random, pad: str, indent: int, depth: int) -> str:
    return f"{pad}{_name(random)} = {_expression(random, 3)}\n"


def _augmented(random: Random, pad: str, indent: int, depth: int) -> str:
    return f"{pad}{_name(random)} {random.choice(OPERATORS)}= {_expression(random, 2)}\n"


def _store(random: Random, pad: str, indent: int, depth: int) -> str:
    return f"{pad}items[{_index(random, 1)}] = {_expression(random, 2)}\n"


def _swap(random: Random, pad: str, indent: int, depth: int) -> str:
    names = random.sample(NAMES[:4], random.choice((2, 3)))
    values = random.sample(names, len(names))
    return f"{pad}{', '.join(names)} = {', '.join(values)}\n"


def _delete(random: Random, pad: str, indent: int, depth: int) -> str:
    if random.random() < 0.95:
        return _assign(random, pad, indent, depth)
    return f"{pad}del {random.choice('cd')}\n"


def _leave_loop(random: Random, pad: str, indent: int, depth: int) -> str:
    test = f"{pad}if {_condition(random, 1)}:\n{pad}    "
    if depth == 3:
        return f"{test}return {_expression(random, 2)}\n"
    return (
        test + random.choice(("return a, b", f"raise ValueError({_name(random)})", "pass")) + "\n"
    )


def _if(random: Random, pad: str, indent: int, depth: int) -> str:
    text = f"{pad}if {_condition(random, 2)}:\n{_block(random, indent + 1, depth - 1)}"
    if random.random() < 0.5:
        text += f"{pad}else:\n{_block(random, indent + 1, depth - 1)}"
    return text


def _for(random: Random, pad: str, indent: int, depth: int) -> str:
    over = random.choice(
        ("range(3)", "range(b % 4)", "items", f"range({random.randint(0, 4)}, -1, -2)")
    )
    text = f"{pad}for {_name(random)} in {over}:\n{_loop_body(random, indent + 1, depth)}"
    if random.random() < 0.3:
        text += f"{pad}else:\n{_block(random, indent + 1, depth - 1)}"
    return text


def _while(random: Random, pad: str, indent: int, depth: int) -> str:
    count = f"n{indent}"
    text = f"{pad}{count} = 0\n{pad}while {_condition(random, 2)} and {count} < 4:\n"
    if random.random() < 0.3:
        text = (
            f"{pad}{count} = 0\n{pad}while True:\n{pad}    if {count} >= 4:\n{pad}        break\n"
        )
    return text + f"{pad}    {count} += 1\n{_loop_body(random, indent + 1, depth)}"


def _loop_body(random: Random, indent: int, depth: int) -> str:
    pad = "    " * indent
    text = _block(random, indent, depth - 1)
    if random.random() < 0.5:
        word = random.choice(("break", "continue"))
        text += f"{pad}if {_condition(random, 1)}:\n{pad}    {word}\n{_block(random, indent, 0)}"
    return text


def _condition(random: Random, depth: int) -> str:
    kind = random.randrange(7)
    if depth and kind < 3:
        joiner = random.choice(("and", "or"))
        return f"({_condition(random, depth - 1)} {joiner} {_condition(random, depth - 1)})"
    if kind == 3:
        return f"not {_expression(random, 1)}"
    if kind == 4:
        return f"{_name(random)} {random.choice(('is', 'is not'))} None"
    if kind == 5:
        one, other = random.choices(COMPARISONS, k=2)
        return f"{_name(random)} {one} {_expression(random, 1)} {other} {_name(random)}"
    return f"{_expression(random, 1)} {random.choice(COMPARISONS)} {_expression(random, 1)}"


def _index(random: Random, depth: int) -> str:
    index = _expression(random, depth)
    return index if random.random() < 0.1 else f"int({index}) % len(items)"


def _expression(random: Random, depth: int) -> str:
    kind = random.randrange(9)
    if not depth or kind < 3:
        return random.choice((*NAMES[:4], "a", "b", str(random.randint(-3, 9))))
    left, right = _expression(random, depth - 1), _expression(random, depth - 1)
    match kind:
        case 3:
            return f"({left} if {_condition(random, 1)} else {right})"
        case 4:
            return f"items[{_index(random, depth - 1)}]"
        case 5:
            return random.choice((f"g({left})", f"g({left}, {right})", f"g(y={left}, x={right})"))
        case 6:
            return f"({left} {random.choice(('and', 'or'))} {right})"
        case 7:
            return f"{random.choice('-~')}{left}"
        case _:
            return f"({left} {random.choice(OPERATORS)} {right})"
