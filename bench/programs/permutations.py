"""All permutations in the order of the dictionary; counts those without a fixed point."""


def next_permutation(items):
    i = len(items) - 2
    while i >= 0 and items[i] >= items[i + 1]:
        i -= 1
    if i < 0:
        return False
    j = len(items) - 1
    while items[j] <= items[i]:
        j -= 1
    items[i], items[j] = items[j], items[i]
    left = i + 1
    right = len(items) - 1
    while left < right:
        items[left], items[right] = items[right], items[left]
        left += 1
        right -= 1
    return True


def derangements(n):
    items = list(range(n))
    count = 0
    while True:
        for i in range(n):
            if items[i] == i:
                break
        else:
            count += 1
        if not next_permutation(items):
            return count
