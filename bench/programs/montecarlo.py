"""Pi by throwing darts, with a Park-Miller generator of its own."""

MODULUS = 2147483647


def pi(samples, seed):
    state = seed
    inside = 0
    for _ in range(samples):
        state = state * 48271 % MODULUS
        x = state / MODULUS
        state = state * 48271 % MODULUS
        y = state / MODULUS
        if x * x + y * y < 1.0:
            inside += 1
    return 4.0 * inside / samples
