/* Twin of bench/programs/mandelbrot.py. */
#include <stdint.h>

static int64_t escapes_after(double cx, double cy, int64_t limit)
{
    double x = 0.0, y = 0.0;
    for (int64_t i = 0; i < limit; i++) {
        double xx = x * x, yy = y * y;
        if (xx + yy > 4.0)
            return i;
        y = 2.0 * x * y + cy;
        x = xx - yy + cx;
    }
    return limit;
}

int64_t total(int64_t width, int64_t height, int64_t limit)
{
    int64_t steps = 0;
    for (int64_t row = 0; row < height; row++) {
        double cy = 2.4 * (double)row / (double)height - 1.2;
        for (int64_t column = 0; column < width; column++) {
            double cx = 3.2 * (double)column / (double)width - 2.2;
            steps += escapes_after(cx, cy, limit);
        }
    }
    return steps;
}
