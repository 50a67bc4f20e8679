"""Three textbook dynamic programmes over lists: knapsack, edit distance, longest increasing run."""


def offer(best, weight, value):
    """Let one item improve best, where best[room] is the highest value that fits into room.

    >>> best = [0] * 6
    >>> offer(best, 2, 3)
    >>> offer(best, 3, 4)
    >>> best
    [0, 0, 3, 4, 4, 7]
    """
    for room in range(len(best) - 1, weight - 1, -1):
        candidate = best[room - weight] + value
        if candidate > best[room]:
            best[room] = candidate


def knapsack(weights, values, capacity):
    """Return the highest total value of items whose weights fit into capacity.

    >>> knapsack([1, 3, 4, 5], [1, 4, 5, 7], 7)
    9
    """
    best = [0] * (capacity + 1)
    for i in range(len(weights)):
        offer(best, weights[i], values[i])
    return best[capacity]


def next_row(above, row, letter, word):
    """Fill one row of the edit-distance table from the one above; row[0] is already set."""
    for j in range(len(word)):
        cost = above[j] if word[j] == letter else above[j] + 1
        if above[j + 1] + 1 < cost:
            cost = above[j + 1] + 1
        if row[j] + 1 < cost:
            cost = row[j] + 1
        row[j + 1] = cost


def edit_distance(first, second):
    """Return how many letters to insert, delete or replace to turn first into second.

    >>> edit_distance("kitten", "sitting")
    3
    """
    above = list(range(len(second) + 1))
    row = [0] * (len(second) + 1)
    for i, letter in enumerate(first):
        row[0] = i + 1
        next_row(above, row, letter, second)
        above, row = row, above
    return above[len(second)]


def longest_increasing(numbers, tails):
    """Return the length of the longest strictly increasing subsequence.

    tails is scratch space of the same length.

    >>> longest_increasing([3, 1, 4, 1, 5, 9, 2, 6], [0] * 8)
    4
    """
    length = 0
    for number in numbers:
        low = 0
        high = length
        while low < high:
            middle = (low + high) // 2
            if tails[middle] < number:
                low = middle + 1
            else:
                high = middle
        tails[low] = number
        if low == length:
            length += 1
    return length


if __name__ == "__main__":
    weights = [3 + 7 * i % 41 for i in range(120)]
    values = [10 + 13 * i % 97 for i in range(120)]
    print("knapsack", knapsack(weights, values, 4000))
    print("edit distance", edit_distance("exactness " * 30, "exact speed " * 25))
    numbers = [n * 7919 % 20011 for n in range(20000)]
    print("longest increasing subsequence", longest_increasing(numbers, [0] * len(numbers)))
