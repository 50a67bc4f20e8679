/* Twin of bench/programs/permutations.py. */
#include <stdint.h>

static void swap(int64_t *items, int64_t i, int64_t j)
{
    int64_t kept = items[i];
    items[i] = items[j];
    items[j] = kept;
}

static int next_permutation(int64_t *items, int64_t n)
{
    int64_t i = n - 2, j = n - 1;
    while (i >= 0 && items[i] >= items[i + 1])
        i--;
    if (i < 0)
        return 0;
    while (items[j] <= items[i])
        j--;
    swap(items, i, j);
    for (int64_t left = i + 1, right = n - 1; left < right; left++, right--)
        swap(items, left, right);
    return 1;
}

int64_t derangements(int64_t n)
{
    int64_t items[20], count = 0;
    for (int64_t i = 0; i < n; i++)
        items[i] = i;
    do {
        int64_t i = 0;
        while (i < n && items[i] != i)
            i++;
        count += i == n;
    } while (next_permutation(items, n));
    return count;
}
