"""Solve a sudoku by trying; the board is a list of 81 numbers, 0 for an empty square."""


def allowed(board, square, digit):
    row, column = divmod(square, 9)
    for i in range(9):
        if board[9 * row + i] == digit or board[9 * i + column] == digit:
            return False
    top = 9 * (row - row % 3) + column - column % 3
    for i in range(3):
        for j in range(3):
            if board[top + 9 * i + j] == digit:
                return False
    return True


def solve(board):
    for square in range(81):
        if board[square] == 0:
            for digit in range(1, 10):
                if allowed(board, square, digit):
                    board[square] = digit
                    if solve(board):
                        return True
                    board[square] = 0
            return False
    return True


def solved(board):
    return board if solve(board) else []
