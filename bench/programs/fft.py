"""The fast Fourier transform, recursive, on complex numbers; and back again."""

from cmath import exp, pi


def fft(x):
    n = len(x)
    if n <= 1:
        return x
    even = fft(x[0::2])
    odd = fft(x[1::2])
    turned = [exp(-2j * pi * k / n) * odd[k] for k in range(n // 2)]
    return [even[k] + turned[k] for k in range(n // 2)] + [
        even[k] - turned[k] for k in range(n // 2)
    ]


def spectrum(signal):
    return [round(abs(c), 6) for c in fft(signal)]
