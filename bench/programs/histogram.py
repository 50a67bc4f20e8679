"""Counts of numbers by interval, with mean and standard deviation."""

import math


def histogram(values, bins):
    low = min(values)
    high = max(values)
    width = (high - low) / bins
    counts = [0] * bins
    for value in values:
        index = int((value - low) / width)
        if index == bins:
            index -= 1
        counts[index] += 1
    return counts


def describe(values, bins):
    mean = 0.0
    for value in values:
        mean += value
    mean /= len(values)
    variance = 0.0
    for value in values:
        variance += (value - mean) * (value - mean)
    return histogram(values, bins), mean, math.sqrt(variance / len(values))
