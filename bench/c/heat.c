/* Twin of bench/programs/heat.py; `grid` holds the result, the last change is returned. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

double relax(double *grid, int64_t height, int64_t width, int64_t rounds)
{
    double change = 0.0, *new = malloc(height * width * sizeof *new);
    while (rounds--) {
        memcpy(new, grid, height * width * sizeof *new);
        change = 0.0;
        for (int64_t y = 1; y < height - 1; y++)
            for (int64_t x = 1; x < width - 1; x++) {
                const double *at = grid + y * width + x;
                double value = 0.25 * (at[-width] + at[width] + at[-1] + at[1]);
                double moved = fabs(value - *at);
                new[y * width + x] = value;
                change = moved > change ? moved : change;
            }
        memcpy(grid, new, height * width * sizeof *new);
    }
    free(new);
    return change;
}
