"""Third moment of a 64-bit generator: the accumulator outgrows 128 bits at once."""


def third_moment(steps, seed):
    state = seed
    total = 0
    for _ in range(steps):
        state = (state * 6364136223846793005 + 1442695040888963407) % 18446744073709551616
        total += state * state * state
    return total
