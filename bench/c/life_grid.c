/* Twin of bench/programs/life_grid.py; `grid` holds the result. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int64_t wrapped(int64_t i, int64_t size)
{
    int64_t rest = i % size;
    return rest < 0 ? rest + size : rest;
}

static int64_t count_neighbours(const int64_t *grid, int64_t height, int64_t width, int64_t row,
                                int64_t column)
{
    int64_t count = 0;
    for (int64_t dr = -1; dr <= 1; dr++)
        for (int64_t dc = -1; dc <= 1; dc++)
            if (dr != 0 || dc != 0)
                count += grid[wrapped(row + dr, height) * width + wrapped(column + dc, width)];
    return count;
}

void life(int64_t *grid, int64_t height, int64_t width, int64_t generations)
{
    int64_t *next = malloc(height * width * sizeof *next);
    while (generations--) {
        for (int64_t row = 0; row < height; row++)
            for (int64_t column = 0; column < width; column++) {
                int64_t n = count_neighbours(grid, height, width, row, column);
                next[row * width + column] = n == 3 || (n == 2 && grid[row * width + column]);
            }
        memcpy(grid, next, height * width * sizeof *grid);
    }
    free(next);
}
