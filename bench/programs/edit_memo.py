"""The edit distance of two strings by recursion, with what is known in a dict."""


def distance(a, b, i, j, memo):
    if i == 0:
        return j
    if j == 0:
        return i
    key = (i, j)
    if key in memo:
        return memo[key]
    if a[i - 1] == b[j - 1]:
        result = distance(a, b, i - 1, j - 1, memo)
    else:
        result = 1 + min(
            distance(a, b, i - 1, j, memo),
            distance(a, b, i, j - 1, memo),
            distance(a, b, i - 1, j - 1, memo),
        )
    memo[key] = result
    return result


def total_distance(words):
    total = 0
    for i in range(len(words)):
        for j in range(i):
            a, b = words[i], words[j]
            total += distance(a, b, len(a), len(b), {})
    return total
