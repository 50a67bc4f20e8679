"""Functions that handle exceptions: what is tried is IR, what raises is CPython's."""


class Gate:
    """Counts how often it was entered and left; swallows LookupError."""

    def __init__(self):
        self.log = []

    def __enter__(self):
        self.log.append("in")
        return self

    def __exit__(self, kind, error, trace):
        self.log.append(kind and kind.__name__)
        return kind is not None and issubclass(kind, LookupError)


def quotients(numbers, divisor):
    total = 0
    for n in numbers:
        try:
            total += n // divisor
            divisor -= 1
        except ZeroDivisionError as error:
            total = -total
            divisor = n
            text = str(error)
        else:
            total += 1
        finally:
            total *= 2
    return total, divisor, text


def first_index(items, wanted):
    try:
        for i in range(100):
            if items[i] == wanted:
                return i
    except IndexError:
        return -1
    finally:
        items = None
    return -2


def nested(n):
    total = 0
    for i in range(n):
        try:
            try:
                total += 10 // (i % 3)
            except ZeroDivisionError:
                total += 100 // (i % 4)
        except ZeroDivisionError:
            for k in range(i):
                total -= k
            continue
        total += 1
    return total


def reraised(n):
    for i in range(n):
        try:
            if i == 3:
                raise KeyError(i)
        except KeyError as error:
            raise ValueError(i) from error
    return n


def within(n):
    gate = Gate()
    total = 0
    for i in range(n):
        with gate:
            for k in range(i):
                total += 12 // (k - 3 + i)
                if k == 5:
                    break
            [1, 2][total % 3]
    return total, gate.log


def returned_from_finally(n):
    total = 0
    while True:
        try:
            total += n
            n -= 1
            if total > 20:
                return total
        finally:
            total += 1


CASES = [
    ("quotients", ([3, 5, 7, 9, 11], 2)),
    ("quotients", ([3, 5], 9)),
    ("quotients", ([3, "a"], 9)),
    ("first_index", ([3, 4, 5], 5)),
    ("first_index", ([3, 4, 5], 6)),
    ("first_index", (7, 6)),
    ("nested", (0,)),
    ("nested", (25,)),
    ("reraised", (2,)),
    ("reraised", (9,)),
    ("within", (0,)),
    ("within", (9,)),
    ("returned_from_finally", (9,)),
    ("returned_from_finally", ("a",)),
]
