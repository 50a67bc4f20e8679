"""Build and walk many perfect binary trees, each a pair of trees or of Nones."""


def bottom_up(depth):
    if depth == 0:
        return (None, None)
    return (bottom_up(depth - 1), bottom_up(depth - 1))


def check(tree):
    left, right = tree
    if left is None:
        return 1
    return 1 + check(left) + check(right)


def trees(most):
    results = []
    kept = bottom_up(most)
    for depth in range(2, most + 1, 2):
        count = 1 << (most - depth + 2)
        total = 0
        for _ in range(count):
            total += check(bottom_up(depth))
        results.append((count, depth, total))
    results.append((1, most, check(kept)))
    return results
