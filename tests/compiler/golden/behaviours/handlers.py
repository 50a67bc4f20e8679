"""Handlers inside compiled functions: which one runs, with what traceback, context and cleanup."""

import sys
import traceback


def harmonic(xs):
    total = 0.0
    for x in xs:
        try:
            total += 1 / x
        except ZeroDivisionError as error:
            total -= error.__traceback__.tb_lineno
            print(total, repr(error.__context__), repr(sys.exc_info()[1]))
        else:
            total += 1
        finally:
            total *= 2
    return total


def chained(xs, n):
    total = 0
    for i in range(n):
        try:
            try:
                total += xs[i]
            except IndexError as error:
                raise LookupError(i, total) from error
        except LookupError:
            total -= 1
            for k in range(n):
                total += k
    return total


def escaping(xs, n):
    total = 0
    for i in range(n):
        try:
            total += xs[i]
        except KeyError:
            total = -1
    return total


def in_context(gate, xs):
    total = 0
    for x in xs:
        with gate:
            total += 100 // x
            for k in range(20):
                total += k
    with gate as g:
        for k in range(20):
            total += k
        total //= xs[0] - 5
    return total, g


class Gate:
    def __init__(self):
        self.log = []

    def __enter__(self):
        self.log.append(sys._getframe(1).f_lineno)
        return len(self.log)

    def __exit__(self, kind, error, trace):
        self.log.append(kind and kind.__name__)
        return kind is ZeroDivisionError


def deep(n):
    try:
        if n == 0:
            raise ValueError("bottom")
        return deep(n - 1) + 1
    except ValueError:
        if n % 3 == 0:
            raise
        return 0
    finally:
        n -= 1


def bound_by_handler(a):
    found = 1
    try:
        found = 10 // a
    except ZeroDivisionError:
        fallen = 5
        del found
    total = 0
    for i in range(30):
        total += i
    return total + fallen if a == 0 else total + found


def scenario():  # pyvorin: skip
    print([bound_by_handler(a) for a in (1, 2, 0, 3, 0) * 20])
    print(harmonic([1, 2, 4, 0, 8] * 3))
    print(harmonic([1.5, 2.5]))
    print(chained(list(range(30)), 30), chained(list(range(30)), 40))
    for xs in (list(range(5)), ["a"]):
        try:
            escaping(xs, 9)
        except Exception:
            print(traceback.format_exc())
    gate = Gate()
    print(in_context(gate, [5, 3, 0, 2]), gate.log)
    print([deep(n) if n % 3 else None for n in range(9)])
    try:
        deep(0)
    except ValueError:
        print(traceback.format_exc())
