"""A planet around its star: leapfrog integration, and how well it keeps the energy."""

import math


def acceleration(x, y):
    """Return the pull of a star of unit mass at the origin, as (ax, ay).

    >>> acceleration(2.0, 0.0)
    (-0.25, -0.0)
    """
    distance = math.sqrt(x * x + y * y)
    scale = -1.0 / (distance * distance * distance)
    return scale * x, scale * y


def energy(x, y, vx, vy):
    """Return kinetic plus potential energy per unit mass.

    >>> energy(1.0, 0.0, 0.0, 1.0)
    -0.5
    """
    return 0.5 * (vx * vx + vy * vy) - 1.0 / math.sqrt(x * x + y * y)


def travel(x, y, vx, vy, dt, steps):
    """Advance position and velocity by so many leapfrog steps of length dt.

    >>> x, y, vx, vy = travel(1.0, 0.0, 0.0, 1.0, 0.001, 6283)
    >>> round(x, 4), round(y, 4)
    (1.0, -0.0002)
    """
    ax, ay = acceleration(x, y)
    for _ in range(steps):
        vx += 0.5 * dt * ax
        vy += 0.5 * dt * ay
        x += dt * vx
        y += dt * vy
        ax, ay = acceleration(x, y)
        vx += 0.5 * dt * ax
        vy += 0.5 * dt * ay
    return x, y, vx, vy


if __name__ == "__main__":
    state = (1.0, 0.0, 0.0, 1.1)
    before = energy(*state)
    for year in range(1, 6):
        state = travel(*state, 0.0005, 12566)
        drift = energy(*state) / before - 1.0
        print(f"year {year}: x {state[0]:+.6f}  y {state[1]:+.6f}  energy drift {drift:+.2e}")
