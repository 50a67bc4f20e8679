/* Twin of bench/programs/quicksort.py. */
#include <stdint.h>

static int64_t partition(int64_t *items, int64_t low, int64_t high)
{
    int64_t pivot = items[(low + high) / 2], i = low - 1, j = high + 1;
    for (;;) {
        do
            i++;
        while (items[i] < pivot);
        do
            j--;
        while (items[j] > pivot);
        if (i >= j)
            return j;
        int64_t kept = items[i];
        items[i] = items[j];
        items[j] = kept;
    }
}

static void quicksort(int64_t *items, int64_t low, int64_t high)
{
    if (low < high) {
        int64_t split = partition(items, low, high);
        quicksort(items, low, split);
        quicksort(items, split + 1, high);
    }
}

void sort(int64_t *items, int64_t count)
{
    quicksort(items, 0, count - 1);
}
