"""A name that changes while a caller is in its loop is seen by the rest of that loop."""

FACTOR = 2
state = []


def step(x):
    if x == 3:
        notify(x)
    return x * FACTOR


def run(n):
    total = 0
    for i in range(n):
        total += step(i)
    return total


def notify(x):  # pyvorin: skip
    global FACTOR
    state.append(x)
    FACTOR = 1000


def scenario():  # pyvorin: skip
    global FACTOR
    print(run(3), run(6), FACTOR, state)
    FACTOR = 2
    print(run(3), run(6), FACTOR, state)
