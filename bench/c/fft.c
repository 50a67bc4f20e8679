/* Twin of bench/programs/fft.py; every step makes new arrays, as there. */
#include <complex.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

static double complex *fft(const double complex *x, int64_t n, int64_t step)
{
    double complex *result = malloc(n * sizeof *result);
    if (n <= 1) {
        result[0] = x[0];
        return result;
    }
    double complex *even = fft(x, n / 2, 2 * step), *odd = fft(x + step, n / 2, 2 * step);
    for (int64_t k = 0; k < n / 2; k++) {
        double angle = -2.0 * 3.14159265358979323846 * k / n;
        double c = cos(angle), s = sin(angle), re = creal(odd[k]), im = cimag(odd[k]);
        double complex turned = CMPLX(c * re - s * im, c * im + s * re);
        result[k] = even[k] + turned;
        result[k + n / 2] = even[k] - turned;
    }
    free(even);
    free(odd);
    return result;
}

/* `n` is a power of two; writes the absolute values. */
void spectrum(const double *signal, int64_t n, double *absolute)
{
    double complex *x = malloc(n * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = signal[i];
    double complex *result = fft(x, n, 1);
    for (int64_t i = 0; i < n; i++)
        absolute[i] = cabs(result[i]);
    free(x);
    free(result);
}
