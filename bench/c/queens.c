/* Twin of bench/programs/queens.py. */
#include <stdint.h>

static int64_t place(int64_t full, int64_t columns, int64_t falling, int64_t rising)
{
    if (columns == full)
        return 1;
    int64_t count = 0;
    int64_t unused = full & ~(columns | falling | rising);
    while (unused) {
        int64_t square = unused & -unused;
        unused ^= square;
        count += place(full, columns | square, (falling | square) << 1, (rising | square) >> 1);
    }
    return count;
}

int64_t queens(int64_t n)
{
    return place(((int64_t)1 << n) - 1, 0, 0, 0);
}
