"""A sum of cubes: it leaves 64 bits on the way and fits 128."""


def sum_of_cubes(n):
    total = 0
    for i in range(1, n + 1):
        total += i * i * i
    return total
