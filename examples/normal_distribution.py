"""Probabilities under the normal curve: Simpson's rule, plain and adaptive."""

import math

NORMALISE = 1.0 / math.sqrt(2.0 * math.pi)


def density(x):
    """Return the standard normal density at x.

    >>> density(0.0)
    0.3989422804014327
    """
    return NORMALISE * math.exp(-0.5 * x * x)


def probability(low, high, panels):
    """Integrate the density from low to high with Simpson's rule over an even number of panels.

    >>> round(probability(-1.0, 1.0, 1000), 9)
    0.682689492
    >>> probability(0.0, 1.0, 3)
    Traceback (most recent call last):
    ValueError: panels must be even and positive
    """
    if panels <= 0 or panels % 2:
        raise ValueError("panels must be even and positive")
    width = (high - low) / panels
    total = density(low) + density(high)
    for i in range(1, panels):
        weight = 4 if i % 2 else 2
        total += weight * density(low + i * width)
    return total * width / 3


def refine(low, high, at_low, at_middle, at_high, whole, tolerance, depth):
    """Split an interval until two half-steps of Simpson's rule agree with the whole step."""
    middle = 0.5 * (low + high)
    at_left = density(0.5 * (low + middle))
    at_right = density(0.5 * (middle + high))
    left = (middle - low) / 6 * (at_low + 4 * at_left + at_middle)
    right = (high - middle) / 6 * (at_middle + 4 * at_right + at_high)
    error = left + right - whole
    if depth == 0 or abs(error) <= 15 * tolerance:
        return left + right + error / 15
    return refine(low, middle, at_low, at_left, at_middle, left, tolerance / 2, depth - 1) + refine(
        middle, high, at_middle, at_right, at_high, right, tolerance / 2, depth - 1
    )


def adaptive_probability(low, high, tolerance):
    """Integrate the density from low to high to about the tolerance.

    >>> round(adaptive_probability(-2.0, 2.0, 1e-10), 9)
    0.954499736
    """
    at_low, at_middle, at_high = density(low), density(0.5 * (low + high)), density(high)
    whole = (high - low) / 6 * (at_low + 4 * at_middle + at_high)
    return refine(low, high, at_low, at_middle, at_high, whole, tolerance, 40)


if __name__ == "__main__":
    for sigmas in (1.0, 2.0, 3.0):
        plain = probability(-sigmas, sigmas, 40000)
        adaptive = adaptive_probability(-sigmas, sigmas, 1e-12)
        print(f"within {sigmas:.0f} sigma: {plain:.12f} (adaptive {adaptive:.12f})")
