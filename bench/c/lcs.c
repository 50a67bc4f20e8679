/* Twin of bench/programs/lcs.py, on ASCII texts; `result` has room for the shorter one and a NUL. */
#include <stdint.h>
#include <stdlib.h>

void lcs(const char *a, int64_t a_size, const char *b, int64_t b_size, char *result)
{
    int64_t width = b_size + 1, *lengths = calloc((a_size + 1) * width, sizeof *lengths);
    for (int64_t i = 0; i < a_size; i++)
        for (int64_t j = 0; j < b_size; j++) {
            int64_t left = lengths[(i + 1) * width + j], above = lengths[i * width + j + 1];
            lengths[(i + 1) * width + j + 1] =
                a[i] == b[j] ? lengths[i * width + j] + 1 : above > left ? above : left;
        }
    int64_t i = a_size, j = b_size, at = lengths[i * width + j];
    result[at] = 0;
    while (i > 0 && j > 0)
        if (a[i - 1] == b[j - 1]) {
            result[--at] = a[i - 1];
            i--;
            j--;
        } else if (lengths[(i - 1) * width + j] >= lengths[i * width + j - 1])
            i--;
        else
            j--;
    free(lengths);
}
