/* Twin of bench/programs/nqueens_list.py; writes the columns of each solution, counts them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int is_safe(const int64_t *columns, int64_t row, int64_t column)
{
    for (int64_t other = 0; other < row; other++)
        if (columns[other] == column || llabs(columns[other] - column) == row - other)
            return 0;
    return 1;
}

static int64_t place(int64_t *columns, int64_t row, int64_t n, int64_t *solutions)
{
    if (row == n) {
        memcpy(solutions, columns, n * sizeof *columns);
        return 1;
    }
    int64_t found = 0;
    for (int64_t column = 0; column < n; column++)
        if (is_safe(columns, row, column)) {
            columns[row] = column;
            found += place(columns, row + 1, n, solutions + found * n);
        }
    return found;
}

int64_t queens(int64_t n, int64_t *solutions)
{
    int64_t columns[20] = {0};
    return place(columns, 0, n, solutions);
}
