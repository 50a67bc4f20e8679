# The compiler ended: a block was come to only from a later way in to a loop (3.13).
import math

LIMIT = 3
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


def f0(p0, p1, p2, p3=0.0):
    if (not True) == bool(True):
        for v1 in p2:
            v2 = (LIMIT if (not False) else LIMIT) ** 3
        for v3 in range(p0 % 9):
            v4 = p3 + p1
    else:
        v5 = (lambda pv5: str((p3 is None)))((p2 if (True != True) else p2))
        for v6 in v5:
            v7 = SCALE
    for v8 in p2:
        if SCALE == 1e308:
            return p0
        p2 = chr((8 + (p0 >> (p0 & 3))) % 256)
    if LIMIT is True:
        if min(7, 11) == 11:
            raise ValueError("bad")
    if float(math.floor(p3)) >= p3:
        for v9 in range((p0 + p0) % 5):
            p0 = max(p0, (+(0) ^ (2 % (LIMIT | 1))))
    else:
        p2 = chr((-2) % 128)
        v8 = v8[(-3) % max(1, len(v8))]
    return (LIMIT - p0) * min(p0, 8)


def f1(p0, p1):
    v10, v11 = (LIMIT if (False is not None) else LIMIT), -0.0
    v10, v11 = v11, v10
    if p0 > abs(SCALE):
        p1 -= (p0 * SCALE) // (
            f0((v10 // (LIMIT | 1)), float(math.floor(SCALE)), str(v10), p1) or 1
        )
        v12 = f"{v11}-{True}"
    elif (p1 // (SCALE or 1)) > -2.5:
        if (LIMIT - LIMIT) == -3:
            raise ValueError("bad")
    elif True:
        if p0 == 1.5:
            return p1
    for v13 in range(f0((LIMIT * v10), (SCALE / (abs(p1) + 1)), f"{v10}-{True}", p0) % 9):
        v14 = False
    if False < False == False:
        v15 = [(-1.625 if ("0129" < "a") else p0)]
    elif f0((v11 % v10), (p1 - v11), f"{v10}-{True}", (SCALE + v10)) > v10:
        v11 = ((v10 % (v11 | 1)) - (v10 * v11)) - ((-2 >> (9223372036854775808 & 127)) << LIMIT)
        if v10 == 2:
            return (p1 * p0) + (-0.25 * p0)
    return p0 + 9


# call example f0(1, 10.0, '9x', 1.5)
# call example f0(7, 0.5, 'hello', 1.5)
# call example f0(-3, 10.0, 'abc', 0.5)
# call example f0(7, 10.0, 'a', 1.5)
# call example f0(0, 0.5, 'abc', 0.5)
# call example f0(7, 10.0, 'abc', 0.0)
# call neighbour f0(2.0, -inf, '9x', -2.0)
# call neighbour f0(7, 10.0, '\ud800', None)
# call neighbour f0(2147483647, nan, ['a', 'b'], 0.0)
# call neighbour f0(-9007199254740993, -0.0, 'a', -2.0)
# call neighbour f0(True, None, '', 1e308)
# call neighbour f0(32768, 10.0, 'a', -inf)
# call neighbour f0(2, 0.0, '9x', 5e-324)
# call neighbour f0(-18446744073709551616, -0.0, '9x', inf)
# call neighbour f0(-3, 5e-324, 'é', True)
# call neighbour f0(-3, nan, 'abc', nan)
# call neighbour f0(10, 1e308, 'é', nan)
# call neighbour f0(-3, 0.5, '9x', -2.0)
# call example f1(0.0, 0.0)
# call example f1(10.0, 0.5)
# call example f1(10.0, 1.5)
# call example f1(-2.0, 10.0)
# call neighbour f1(1.5, 3)
# call neighbour f1(inf, 3.25)
# call neighbour f1(-0.0, 5e-324)
# call neighbour f1(None, 5e-324)
# call neighbour f1(0.0, 5e-324)
# call neighbour f1(-inf, 0.0)
# call neighbour f1(3.25, None)
# call neighbour f1(1.5, 1e308)
# call neighbour f1(-2.0, 9007199254740993)
# call neighbour f1(None, -inf)
# call neighbour f1(0.5, -2.0)
# call neighbour f1(1.5, nan)
