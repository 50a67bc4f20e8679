/* Twin of bench/programs/mergesort.py; every merge makes a new array, as there. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static double *sorted(const double *items, int64_t count)
{
    double *result = malloc((count ? count : 1) * sizeof *result);
    if (count <= 1) {
        memcpy(result, items, count * sizeof *result);
        return result;
    }
    int64_t middle = count / 2, rest = count - middle, i = 0, j = 0, k = 0;
    double *left = sorted(items, middle), *right = sorted(items + middle, rest);
    while (i < middle && j < rest)
        result[k++] = left[i] <= right[j] ? left[i++] : right[j++];
    memcpy(result + k, left + i, (middle - i) * sizeof *result);
    memcpy(result + k + middle - i, right + j, (rest - j) * sizeof *result);
    free(left);
    free(right);
    return result;
}

void merge_sort(double *items, int64_t count)
{
    double *result = sorted(items, count);
    memcpy(items, result, count * sizeof *result);
    free(result);
}
