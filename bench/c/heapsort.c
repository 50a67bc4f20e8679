/* Twin of bench/programs/heapsort.py. */
#include <stdint.h>

static void swap(int64_t *items, int64_t i, int64_t j)
{
    int64_t kept = items[i];
    items[i] = items[j];
    items[j] = kept;
}

static void sift_down(int64_t *items, int64_t start, int64_t end)
{
    for (int64_t root = start, child; (child = 2 * root + 1) <= end; root = child) {
        if (child + 1 <= end && items[child] < items[child + 1])
            child++;
        if (items[root] >= items[child])
            break;
        swap(items, root, child);
    }
}

void heap_sort(int64_t *items, int64_t count)
{
    for (int64_t start = (count - 2) / 2; start >= 0; start--)
        sift_down(items, start, count - 1);
    for (int64_t end = count - 1; end > 0; end--) {
        swap(items, end, 0);
        sift_down(items, 0, end - 1);
    }
}
