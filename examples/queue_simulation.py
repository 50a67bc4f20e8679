"""How long do customers wait at one counter? A discrete simulation with its own random generator.

Customers arrive at random, are served one at a time, and wait while the counter is busy.
The generator is the 64-bit linear congruential one from Knuth's MMIX.
"""

import math

MULTIPLIER = 6364136223846793005
INCREMENT = 1442695040888963407
WORD = 1 << 64


def advance(state):
    """Return the generator's next state.

    >>> advance(1)
    7806831264735756412
    """
    return (state * MULTIPLIER + INCREMENT) % WORD


def uniform(state):
    """Map a state to a float in [0, 1), using its upper 53 bits.

    >>> uniform(1 << 63)
    0.5
    """
    return (state >> 11) / 9007199254740992.0


def exponential(state, mean):
    """Map a state to an exponentially distributed waiting time.

    >>> round(exponential(1 << 63, 2.0), 6)
    1.386294
    """
    return -mean * math.log(1.0 - uniform(state))


def simulate(customers, between_arrivals, service, seed):
    """Return (mean wait, longest wait, share of customers who waited), times in minutes.

    >>> mean, longest, share = simulate(2000, 1.0, 0.8, 42)
    >>> round(mean, 4), round(longest, 4), round(share, 4)
    (3.105, 18.502, 0.7975)
    """
    state = seed
    now = 0.0
    free_at = 0.0
    total = 0.0
    longest = 0.0
    waited = 0
    for _ in range(customers):
        state = advance(state)
        now += exponential(state, between_arrivals)
        state = advance(state)
        wait = free_at - now
        if wait > 0.0:
            waited += 1
            total += wait
            longest = max(longest, wait)
        else:
            wait = 0.0
        free_at = now + wait + exponential(state, service)
    return total / customers, longest, waited / customers


if __name__ == "__main__":
    for load in (0.5, 0.8, 0.9, 0.95):
        mean, longest, share = simulate(40000, 1.0, load, 2024)
        print(
            f"load {load:4.2f}: mean wait {mean:7.3f}, longest {longest:8.3f}, {share:6.1%} waited"
        )
