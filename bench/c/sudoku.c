/* Twin of bench/programs/sudoku.py; returns whether the board could be solved. */
#include <stdint.h>

static int allowed(const int64_t *board, int64_t square, int64_t digit)
{
    int64_t row = square / 9, column = square % 9;
    for (int64_t i = 0; i < 9; i++)
        if (board[9 * row + i] == digit || board[9 * i + column] == digit)
            return 0;
    int64_t top = 9 * (row - row % 3) + column - column % 3;
    for (int64_t i = 0; i < 3; i++)
        for (int64_t j = 0; j < 3; j++)
            if (board[top + 9 * i + j] == digit)
                return 0;
    return 1;
}

int64_t solve(int64_t *board)
{
    for (int64_t square = 0; square < 81; square++)
        if (board[square] == 0) {
            for (int64_t digit = 1; digit < 10; digit++)
                if (allowed(board, square, digit)) {
                    board[square] = digit;
                    if (solve(board))
                        return 1;
                    board[square] = 0;
                }
            return 0;
        }
    return 1;
}
