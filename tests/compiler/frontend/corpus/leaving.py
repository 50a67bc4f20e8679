"""Places that only the interpreter does: raise, assert, and instructions without a model."""


def raises(x):
    y = x + 1
    if x > 2:
        raise ValueError("too big: " + str(x))
    return y


def raises_class(x):
    for i in range(x):
        if i == 3:
            raise KeyError
    return x


def raises_from(x):
    cause = TypeError(x)
    raise RuntimeError("outer") from cause


def asserts(x):
    total = 0
    for i in range(x):
        assert i < 4, (i, total)
        total += i
    return total


def formats(x):
    y = x * 2
    text = f"{x} and {y!r:>5}"
    for i in range(3):
        y += i
    return text, y


def list_display(n):
    row = [n, n + 1]
    s = 0
    for i in range(n):
        s += i
    return row, s


def dict_display(n):
    return {"a": n}


def global_store(n):
    global COUNTER
    COUNTER = n
    return n


CASES = [
    ("raises", (1,)),
    ("raises", (5,)),
    ("raises_class", (2,)),
    ("raises_class", (5,)),
    ("raises_from", (5,)),
    ("asserts", (3,)),
    ("asserts", (8,)),
    ("formats", (3,)),
    ("list_display", (3,)),
    ("dict_display", (3,)),
    ("global_store", (3,)),
]
