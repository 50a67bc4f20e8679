"""The 0/1 knapsack as a dynamic programme over lists that the caller provides."""


def best_value(weights, values, best):
    capacity = len(best) - 1
    for i in range(len(weights)):
        weight = weights[i]
        value = values[i]
        for room in range(capacity, weight - 1, -1):
            candidate = best[room - weight] + value
            if candidate > best[room]:
                best[room] = candidate
    return best[capacity]
