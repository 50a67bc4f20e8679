"""The determinant of a matrix of whole numbers, by expansion along the first row."""


def minor(matrix, column):
    return [row[:column] + row[column + 1 :] for row in matrix[1:]]


def determinant(matrix):
    if len(matrix) == 1:
        return matrix[0][0]
    if len(matrix) == 2:
        return matrix[0][0] * matrix[1][1] - matrix[0][1] * matrix[1][0]
    total = 0
    sign = 1
    for column, value in enumerate(matrix[0]):
        total += sign * value * determinant(minor(matrix, column))
        sign = -sign
    return total
