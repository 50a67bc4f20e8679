# the compiler stopped with IndexError in lower/builder.py, slot_of
def f(p0, p1):
    d = f(p0 - 1, p1)
    for v in range(min(p0, -3) % 9):
        w = p1 <= d
    return d


# call example f(3, 'a')
# call neighbour f(3000, 'a')
