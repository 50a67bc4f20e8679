# r0(3, 'hello', [5, 0, -2, 8], [0.5, 1.5], 3.25): outcome: raised but no answer: signal 11
LIMIT = 29
SCALE = 0.25

def r0(p0, p1, p2, p3, p4):
    deeper = r0(p0 - 1, p1 if p0 < LIMIT else p1, p2, [p3[int(-4.625) % max(1, len(p3))], 9007199254740992.0 if p1 == '😀' else -1e+308, p0 / (8 or 1), float(p4)], p4 + SCALE)
    for v1 in range(min(p0, -3) % 9):
        for v2 in p2:
            v3 = v1 if not True else 3 if False and False else 4
            v4 = (True or True) > (False == True <= False) < (p1 <= deeper)
        else:
            v5 = p0 * int(False > False)
    v6, v7 = (p3[(p0 >> (LIMIT & 3)) % max(1, len(p3))], (SCALE - SCALE) * abs(SCALE))
    v6, v7 = (v7, v6)
    return chr(-1 % 256)

# call example r0(3, 'hello', [5, 0, -2, 8], [0.5, 1.5], 3.25)
# call neighbour r0(3000, 'abc', [1, 2, 3], [3.0], 0.5)
