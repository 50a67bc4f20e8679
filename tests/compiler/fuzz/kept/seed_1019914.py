# A recorded call squared an integer in each level of a recursion: CPython ran it, without end.
import math

LIMIT = 21
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


def r0(p0, p1):
    if p0 <= 0:
        return (LIMIT | LIMIT)
    deeper = r0(p0 - 1, bool(SCALE))
    p1 = (p1 is not None)
    for v1 in range(1, abs(LIMIT) % 30):
        v2 = ''
        deeper *= ((p0 ^ deeper) - abs(p0))
    else:
        v3 = (chr(((deeper % (-2147483648 | 1))) % 1114112) <= chr((deeper) % 256))
    v4 = p0
    return ((v4 + deeper) >> ((deeper << (12 & 127)) & 63))

# call example r0(4, True)
# call example r0(1, True)
# call example r0(3, True)
# call example r0(2, False)
# call example r0(5, True)
# call example r0(5, False)
# call neighbour r0(4, False)
# call neighbour r0(3, 1)
# call neighbour r0(3, '')
# call neighbour r0(3, False)
# call neighbour r0(2, True)
# call neighbour r0(0, True)
# call neighbour r0(0, 1)
# call neighbour r0(0, False)
# call neighbour r0(3000, False)
