# on 3.11 the position of an unbound local behind a conditional expression
def f0(p0):
    return 0


def f1(p0, p1, p2, p3):
    for v1 in p3:
        p0 += 1
    return (p2 if f0(p1) else -3.625) <= (p2 // (v1 or 1))


# call example f1(1, [5, 0], 0.5, [1.0, -2.0, 0.25])
# call example f1(2, [5, 0], 0.5, [1.0, -2.0, 0.25])
# call example f1(3, [5, 0], 0.5, [1.0, -2.0, 0.25])
# call example f1(4, [5, 0], 0.5, [1.0, -2.0, 0.25])
# call example f1(5, [5, 0], 0.5, [1.0, -2.0, 0.25])
# call example f1(6, [5, 0], 0.5, [1.0, -2.0, 0.25])
# call example f1(7, [5, 0], 0.5, [1.0, -2.0, 0.25])
# call example f1(8, [5, 0], 0.5, [1.0, -2.0, 0.25])
# call example f1(9, [5, 0], 0.5, [1.0, -2.0, 0.25])
# call neighbour f1(2, [5, 0, -2, 8], 5e-324, [])
