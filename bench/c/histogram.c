/* Twin of bench/programs/histogram.py; `moments` gets mean and standard deviation. */
#include <math.h>
#include <stdint.h>

void describe(const double *values, int64_t size, int64_t bins, int64_t *counts, double *moments)
{
    double mean = 0.0, variance = 0.0, low = values[0], high = values[0];
    for (int64_t i = 0; i < size; i++)
        mean += values[i];
    mean /= size;
    for (int64_t i = 0; i < size; i++)
        variance += (values[i] - mean) * (values[i] - mean);
    for (int64_t i = 0; i < size; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    double width = (high - low) / bins;
    for (int64_t i = 0; i < bins; i++)
        counts[i] = 0;
    for (int64_t i = 0; i < size; i++) {
        int64_t index = (int64_t)((values[i] - low) / width);
        counts[index == bins ? index - 1 : index]++;
    }
    moments[0] = mean;
    moments[1] = sqrt(variance / size);
}
