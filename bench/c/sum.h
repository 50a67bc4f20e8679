/* The `sum` of floats: from Python 3.12 on it carries what rounding lost (Neumaier). */
#ifdef COMPENSATED
#include <math.h>
typedef struct {
    double total, lost;
} Sum;

static inline void sum_add(Sum *sum, double x)
{
    double total = sum->total + x;
    sum->lost += fabs(sum->total) >= fabs(x) ? (sum->total - total) + x : (x - total) + sum->total;
    sum->total = total;
}

static inline double sum_value(const Sum *sum)
{
    return sum->lost != 0.0 && isfinite(sum->lost) ? sum->total + sum->lost : sum->total;
}
#else
typedef struct {
    double total;
} Sum;

static inline void sum_add(Sum *sum, double x)
{
    sum->total += x;
}

static inline double sum_value(const Sum *sum)
{
    return sum->total;
}
#endif
