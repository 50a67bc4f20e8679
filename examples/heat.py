"""Heat in a rod that is hot at one end: explicit finite differences over lists of temperatures."""


def step(now, after, conductivity):
    """Write the temperatures one time step later into after; both ends are held.

    >>> now, after = [100.0, 0.0, 0.0, 0.0], [0.0] * 4
    >>> step(now, after, 0.25)
    >>> after
    [100.0, 25.0, 0.0, 0.0]
    """
    last = len(now) - 1
    after[0] = now[0]
    after[last] = now[last]
    for i in range(1, last):
        after[i] = now[i] + conductivity * (now[i - 1] - 2.0 * now[i] + now[i + 1])


def largest_change(first, second):
    """Return the largest difference between two rods.

    >>> largest_change([1.0, 2.0], [1.5, 0.0])
    2.0
    """
    largest = 0.0
    for i in range(len(first)):
        change = abs(first[i] - second[i])
        if change > largest:
            largest = change
    return largest


def settle(rod, conductivity, tolerance):
    """Step until nothing changes by more than the tolerance; return (rod, steps).

    >>> rod, steps = settle([100.0, 0.0, 0.0, 0.0, 0.0], 0.25, 1e-6)
    >>> [round(t, 3) for t in rod], steps
    ([100.0, 75.0, 50.0, 25.0, 0.0], 103)
    """
    other = list(rod)
    steps = 0
    while True:
        step(rod, other, conductivity)
        steps += 1
        if largest_change(rod, other) <= tolerance:
            return other, steps
        rod, other = other, rod


if __name__ == "__main__":
    rod, steps = settle([100.0] + [20.0] * 31, 0.25, 1e-4)
    print(f"settled after {steps} steps; middle of the rod {rod[16]:.3f} degrees")
