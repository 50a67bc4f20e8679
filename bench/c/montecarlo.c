/* Twin of bench/programs/montecarlo.py. */
#include <stdint.h>

enum { MODULUS = 2147483647 };

double pi(int64_t samples, int64_t seed)
{
    int64_t state = seed, inside = 0;
    for (int64_t i = 0; i < samples; i++) {
        state = state * 48271 % MODULUS;
        double x = (double)state / MODULUS;
        state = state * 48271 % MODULUS;
        double y = (double)state / MODULUS;
        if (x * x + y * y < 1.0)
            inside++;
    }
    return 4.0 * (double)inside / (double)samples;
}
