/* Twin of bench/programs/lu.py; the matrix is overwritten by its decomposition. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "sum.h"

static void decompose(double **lu, int64_t *order, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        int64_t pivot = k;
        for (int64_t i = k + 1; i < n; i++)
            if (fabs(lu[i][k]) > fabs(lu[pivot][k]))
                pivot = i;
        double *row = lu[k];
        lu[k] = lu[pivot];
        lu[pivot] = row;
        int64_t kept = order[k];
        order[k] = order[pivot];
        order[pivot] = kept;
        for (int64_t i = k + 1; i < n; i++) {
            lu[i][k] /= lu[k][k];
            double factor = lu[i][k];
            for (int64_t j = k + 1; j < n; j++)
                lu[i][j] -= factor * lu[k][j];
        }
    }
}

void solve(double *matrix, const double *right, int64_t n, double *x)
{
    double **lu = malloc(n * sizeof *lu), *y = malloc(n * sizeof *y);
    int64_t *order = malloc(n * sizeof *order);
    for (int64_t i = 0; i < n; i++) {
        lu[i] = matrix + i * n;
        order[i] = i;
    }
    decompose(lu, order, n);
    for (int64_t i = 0; i < n; i++) {
        Sum sum = {0};
        for (int64_t j = 0; j < i; j++)
            sum_add(&sum, lu[i][j] * y[j]);
        y[i] = right[order[i]] - sum_value(&sum);
    }
    for (int64_t i = n - 1; i >= 0; i--) {
        Sum sum = {0};
        for (int64_t j = i + 1; j < n; j++)
            sum_add(&sum, lu[i][j] * x[j]);
        x[i] = (y[i] - sum_value(&sum)) / lu[i][i];
    }
    free(lu);
    free(y);
    free(order);
}
