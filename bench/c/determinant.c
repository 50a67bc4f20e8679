/* Twin of bench/programs/determinant.py. */
#include <stdint.h>
#include <stdlib.h>

int64_t determinant(const int64_t *matrix, int64_t n)
{
    if (n == 1)
        return matrix[0];
    if (n == 2)
        return matrix[0] * matrix[3] - matrix[1] * matrix[2];
    int64_t total = 0, sign = 1, *minor = malloc((n - 1) * (n - 1) * sizeof *minor);
    for (int64_t column = 0; column < n; column++) {
        int64_t *to = minor;
        for (int64_t i = 1; i < n; i++)
            for (int64_t j = 0; j < n; j++)
                if (j != column)
                    *to++ = matrix[i * n + j];
        total += sign * matrix[column] * determinant(minor, n - 1);
        sign = -sign;
    }
    free(minor);
    return total;
}
