# A recorded call doubled a list in each pass until the machine had no memory.
import math

LIMIT = 6
SCALE = 0.25


class Gate:
    def __init__(self, *hidden):
        self.hidden = hidden

    def __enter__(self):
        return len(self.hidden)

    def __exit__(self, kind, error, trace):
        return kind in self.hidden


def opaque(value, *rest):
    return value


def f0(p0, p1, p2, p3):
    v1 = ((LIMIT + False) % (p3[(LIMIT // (LIMIT | 1)) % max(1, len(p3))] | 1)) % (
        max(p0, LIMIT) - p2
    )
    v2, v3 = ((p0 if (not True) else v1) // (max(10, p2) | 1)), (p2 // ((8 if False else p2) | 1))
    v2, v3 = v3, v2
    for v4 in p1:
        for v5 in range(2, len("0129") % 30):
            v6 = "a"
        p1[(v5 if (p0 != v3 == p2) else p2) % max(1, len(p1)) : (4) % max(1, len(p1))] = p1[
            (4) % max(1, len(p1)) : (v3 >> (v3 & 63)) % max(1, len(p1))
        ]
    return (6 * v3) / ((p0 * v2) or 1)


def f1(p0, p1):
    v8 = (0 * (-1 - p1)) + (p1 <= LIMIT > p1)
    v9 = f"{LIMIT}-{p0}"
    return (p1 % (v8 | 1)) << ((-2 + p0) & 7)


def f2(p0):
    v10 = (LIMIT - LIMIT) - LIMIT
    for v11 in range((p0 if (v10 >= LIMIT <= v10) else p0) % 30):
        v12 = ((LIMIT - v10) // (min(-9223372036854775809, v11) | 1)) // (
            ((v10 + v10) | (18446744073709551616 * v11)) | 1
        )
    else:
        v13 = p0 + p0[(0) % max(1, len(p0))]
    return SCALE if (False or False) else SCALE


# call example f0(10, [0.5, 1.5], 7, [5, 0, -2, 8])
# call example f0(7, [3.0], 7, [4])
# call example f0(7, [0.5, 1.5], 10, [5, 0, -2, 8])
# call example f0(2, [1.0, -2.0, 0.25], 12, [4])
# call example f0(10, [0.5, 1.5], -3, [4])
# call example f0(0, [3.0], 5, [4])
# call neighbour f0(-9007199254740992, [1.0, -2.0, 0.25], 1, [1, 2, 3])
# call neighbour f0(32768, (_shared := [0.5, 1.5]), 2.0, _shared)
# call neighbour f0(-32769, [1, 2.5], -9007199254740992, [2, 2, 9, 1, 0, 7])
# call neighbour f0(12, [], 5, [5, 0, -2, 8])
# call neighbour f0(False, [-0.0], 12, (1, 2, 3))
# call neighbour f0(7, (_shared := [3.0]), False, _shared)
# call neighbour f0(2147483647, [inf, -inf], -32769, [1, 2, 3])
# call neighbour f0(2, (_shared := [1.0, -2.0, 0.25]), 2147483648, _shared)
# call neighbour f0(-18446744073709551617, (_shared := []), 12, _shared)
# call neighbour f0(9007199254740992, (_shared := [0.5, 1.5]), 5, _shared)
# call neighbour f0(7, (_shared := [None]), 32768, _shared)
# call neighbour f0(5, [], -9007199254740993, [2, 2, 9, 1, 0, 7])
# call example f1(True, 7)
# call example f1(True, 12)
# call example f1(False, 2)
# call example f1(False, 5)
# call neighbour f1(False, 0)
# call neighbour f1('', -9007199254740991)
# call neighbour f1(False, 1)
# call neighbour f1(False, 2147483649)
# call neighbour f1(0, -9007199254740991)
# call neighbour f1(True, -9007199254740992)
# call neighbour f1(False, 2147483648)
# call neighbour f1(0, 2147483648)
# call neighbour f1(1, 9007199254740993)
# call neighbour f1(True, 1)
# call neighbour f1(False, -18446744073709551617)
# call example f2('a')
# call example f2('abc')
# call example f2('9x')
# call neighbour f2('é')
# call neighbour f2(None)
# call neighbour f2('\ud800')
# call neighbour f2(7)
# call neighbour f2(['a', 'b'])
# call neighbour f2('hello')
