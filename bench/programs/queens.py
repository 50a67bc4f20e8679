"""Count the placements of n queens, with integers as sets of squares."""


def place(full, columns, falling, rising):
    if columns == full:
        return 1
    count = 0
    free = full & ~(columns | falling | rising)
    while free:
        square = free & -free
        free ^= square
        count += place(full, columns | square, (falling | square) << 1, (rising | square) >> 1)
    return count


def queens(n):
    return place((1 << n) - 1, 0, 0, 0)
