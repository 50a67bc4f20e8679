"""All placements of n queens, with the column of each row's queen in a list."""


def is_safe(columns, row, column):
    for other in range(row):
        if columns[other] == column or abs(columns[other] - column) == row - other:
            return False
    return True


def place(columns, row, n, solutions):
    if row == n:
        solutions.append(columns[:])
        return
    for column in range(n):
        if is_safe(columns, row, column):
            columns[row] = column
            place(columns, row + 1, n, solutions)


def queens(n):
    solutions = []
    place([0] * n, 0, n, solutions)
    return solutions
