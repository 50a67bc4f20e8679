/* Twin of bench/programs/spectral_norm.py. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "sum.h"

static double entry(int64_t i, int64_t j)
{
    return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1);
}

static void times(const double *v, double *result, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        Sum sum = {0};
        for (int64_t j = 0; j < n; j++)
            sum_add(&sum, entry(i, j) * v[j]);
        result[i] = sum_value(&sum);
    }
}

static void times_transposed(const double *v, double *result, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        Sum sum = {0};
        for (int64_t j = 0; j < n; j++)
            sum_add(&sum, entry(j, i) * v[j]);
        result[i] = sum_value(&sum);
    }
}

double spectral_norm(int64_t n)
{
    double *u = malloc(n * sizeof *u), *v = malloc(n * sizeof *v), *w = malloc(n * sizeof *w);
    for (int64_t i = 0; i < n; i++)
        u[i] = 1.0;
    for (int round = 0; round < 10; round++) {
        times(u, w, n);
        times_transposed(w, v, n);
        times(v, w, n);
        times_transposed(w, u, n);
    }
    times(u, w, n);
    times_transposed(w, v, n);
    double vv = 0.0, uv = 0.0;
    for (int64_t i = 0; i < n; i++) {
        uv += u[i] * v[i];
        vv += v[i] * v[i];
    }
    free(u);
    free(v);
    free(w);
    return sqrt(uv / vv);
}
