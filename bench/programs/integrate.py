"""The length of a parabola's arc by Simpson's rule."""

import math


def speed(x):
    return math.sqrt(1.0 + 4.0 * x * x)


def arc(end, panels):
    width = end / panels
    total = speed(0.0) + speed(end)
    for i in range(1, panels):
        if i % 2:
            total += 4.0 * speed(i * width)
        else:
            total += 2.0 * speed(i * width)
    return total * width / 3.0
