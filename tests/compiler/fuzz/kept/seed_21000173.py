# the verifier refused an edge: hoisted constants of an int and of a character were made one
LIMIT = 13


def r0(p0, p1, p2, p3, p4):
    if p0 <= 0:
        return p0
    deeper = r0(p0 - 1, [], bool(LIMIT), p0 >> (LIMIT & 7), p0 is not None)
    if p1[p3 % max(1, len(p1))] >= -0.75 * p3:
        v1 = (11 if not p2 else 2) % 17
        v2 = chr(((p0 if False is None else p3) + v1 % (deeper | 1)) % 256)
    else:
        for v4 in range(3, (p3 << (p3 & 63)) % 5):
            v5 = float(p1[0])
    return p3 + p0 - p0 * p0


# call example r0(0, [0.5, 1.5], True, 5, True)
# call example r0(1, [0.5, 1.5], False, 2, True)
# call example r0(1, [9.5, 1.5], False, 2, True)
# call example r0(3, [3.0], True, 1, False)
# call neighbour r0(3, [-3.0], True, 1, False)
