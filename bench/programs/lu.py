"""LU decomposition with partial pivoting, and the solution of a linear system with it."""


def decompose(matrix):
    n = len(matrix)
    lu = [row[:] for row in matrix]
    order = list(range(n))
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: abs(lu[i][k]))
        if lu[pivot][k] == 0.0:
            raise ValueError("the matrix is singular")
        lu[k], lu[pivot] = lu[pivot], lu[k]
        order[k], order[pivot] = order[pivot], order[k]
        for i in range(k + 1, n):
            lu[i][k] /= lu[k][k]
            factor = lu[i][k]
            for j in range(k + 1, n):
                lu[i][j] -= factor * lu[k][j]
    return lu, order


def solve(matrix, right):
    lu, order = decompose(matrix)
    n = len(lu)
    y = [0.0] * n
    for i in range(n):
        y[i] = right[order[i]] - sum(lu[i][j] * y[j] for j in range(i))
    x = [0.0] * n
    for i in reversed(range(n)):
        x[i] = (y[i] - sum(lu[i][j] * x[j] for j in range(i + 1, n))) / lu[i][i]
    return x
