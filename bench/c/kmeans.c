/* Twin of bench/programs/kmeans.py; points and centres are pairs in a row. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static double squared_distance(const double *p, const double *q)
{
    double dx = p[0] - q[0], dy = p[1] - q[1];
    return dx * dx + dy * dy;
}

static int64_t nearest(const double *point, const double *centres, int64_t k)
{
    int64_t best = 0;
    double best_distance = squared_distance(point, centres);
    for (int64_t i = 1; i < k; i++) {
        double d = squared_distance(point, centres + 2 * i);
        if (d < best_distance) {
            best = i;
            best_distance = d;
        }
    }
    return best;
}

void kmeans(const double *points, int64_t count, int64_t k, int64_t rounds, double *centres)
{
    double *sums = malloc(2 * k * sizeof *sums);
    int64_t *sizes = malloc(k * sizeof *sizes);
    memcpy(centres, points, 2 * k * sizeof *centres);
    while (rounds--) {
        memset(sums, 0, 2 * k * sizeof *sums);
        memset(sizes, 0, k * sizeof *sizes);
        for (const double *point = points; point < points + 2 * count; point += 2) {
            int64_t i = nearest(point, centres, k);
            sums[2 * i] += point[0];
            sums[2 * i + 1] += point[1];
            sizes[i]++;
        }
        for (int64_t i = 0; i < k; i++)
            if (sizes[i]) {
                centres[2 * i] = sums[2 * i] / sizes[i];
                centres[2 * i + 1] = sums[2 * i + 1] / sizes[i];
            }
    }
    free(sums);
    free(sizes);
}
