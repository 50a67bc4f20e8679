"""How many ways are there to put n queens on an n by n board? Depth-first search with bit masks."""


def place(full, columns, falling, rising):
    """Count placements of the remaining rows; each mask has a bit for every square under attack."""
    if columns == full:
        return 1
    solutions = 0
    free = full & ~(columns | falling | rising)
    while free:
        square = free & -free
        free ^= square
        solutions += place(full, columns | square, (falling | square) << 1, (rising | square) >> 1)
    return solutions


def queens(n):
    """Return the number of placements of n queens that do not attack each other.

    >>> [queens(n) for n in range(1, 9)]
    [1, 0, 0, 2, 10, 4, 40, 92]
    """
    return place((1 << n) - 1, 0, 0, 0)


if __name__ == "__main__":
    for n in range(4, 11):
        print(f"{n:2} queens: {queens(n)}")
