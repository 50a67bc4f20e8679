"""Comparisons, boolean operators, conditional expressions, identity and membership."""

# ruff: noqa: RUF021, SIM103, SIM208 (programs are kept as people write them)


def comparisons(a, b):
    return a < b, a <= b, a == b, a != b, a > b, a >= b


def chain(a, b, c, d):
    return a < b <= c != d


def chain_in_branch(a, b, c):
    if a < b < c:
        return "rising"
    elif not a > b > c:
        return "neither"
    return "falling"


def boolean_values(a, b, c):
    return (a and b, a or b, a and b or c, a or b and c, not (a and b), not a < b)


def boolean_branches(a, b, c):
    if (a and b) or c:
        result = 1
    elif a or (b and not c):
        result = 2
    else:
        result = 3
    while a and not b:
        a = False
        result += 10
    return result


def sign(x):
    return 1 if x > 0 else -1 if x < 0 else 0


def nested_choice(a, b):
    return max(a if a > b else b, (a or b) if a is not None else 0, b)


def identity(a, b):
    return a is b, a is not b, a is None, b is not None


def none_branches(a, b):
    if a is None:
        a = 1
    if b is not None:
        b = 2
    if not (a is None or b is None):
        return a + b
    return a


def membership(x, items):
    return x in items, x not in items, x in (1, 2, "a")


def membership_branch(c):
    if c in "aeiou":
        return "vowel"
    if c not in "bcdfg" and c != "?":
        return "other"
    return "consonant"


def truth_of(x):
    if x:
        return True
    return False


def truth_kept(x, y):
    z = bool(x) == (not y)
    w = not not x
    return z, w, (x < y) == (y < x), not (x < y)


def test_of_comparison(a, b):
    return 1 if (a < b) else 0


class Grudging:
    def __bool__(self):
        raise ValueError("no truth in me")

    def __lt__(self, other):
        return self


CASES = [
    ("comparisons", (1, 2)),
    ("comparisons", (1.5, float("nan"))),
    ("comparisons", ("a", "b")),
    ("comparisons", (1, "b")),
    *(("chain", args) for args in ((1, 2, 3, 4), (1, 0, 3, 4), (1, 2, 2, 2), (1, 2, "x", 0))),
    *(("chain_in_branch", args) for args in ((1, 2, 3), (3, 2, 1), (1, 3, 2), (1, 1, 1))),
    *(
        (name, (a, b, c))
        for name in ("boolean_values", "boolean_branches")
        for a in (0, 1)
        for b in ("", "x")
        for c in (None, 2.5)
        if name == "boolean_branches" or a is None
    ),
    ("boolean_values", (0, 2, 3)),
    ("boolean_values", (1, 0, 3)),
    ("sign", (5,)),
    ("sign", (-5.0,)),
    ("sign", (0,)),
    ("nested_choice", (1, 2)),
    ("nested_choice", (3, 2)),
    ("identity", (None, None)),
    ("identity", (1, None)),
    ("none_branches", (None, None)),
    ("none_branches", (None, 3)),
    ("none_branches", (4, 3)),
    ("membership", (1, [1, 2])),
    ("membership", ("a", "banana")),
    ("membership", (1, "banana")),
    *(("membership_branch", (c,)) for c in "ab?z"),
    *(("truth_of", (x,)) for x in (0, 1, "", "a", [], [0], None, 0.0, float("nan"))),
    ("truth_of", (Grudging(),)),
    ("truth_kept", (1, 2)),
    ("truth_kept", (0, 0)),
    ("truth_kept", (Grudging(), 0)),
    ("test_of_comparison", (1, 2)),
    ("test_of_comparison", (Grudging(), 2)),
]
