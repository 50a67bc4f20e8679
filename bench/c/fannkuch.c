/* Twin of bench/programs/fannkuch.py. */
#include <stdint.h>
#include <string.h>

enum { LARGEST = 16 };

void fannkuch(int64_t n, int64_t *answer)
{
    int64_t perm1[LARGEST], perm[LARGEST], count[LARGEST];
    int64_t max_flips = 0, checksum = 0, sign = 1, r = n;
    for (int64_t i = 0; i < n; i++)
        perm1[i] = i;
    for (;;) {
        for (; r != 1; r--)
            count[r - 1] = r;
        if (perm1[0] != 0) {
            memcpy(perm, perm1, n * sizeof *perm);
            int64_t flips = 0, k;
            while ((k = perm[0])) {
                for (int64_t i = 0, j = k; i < j; i++, j--) {
                    int64_t kept = perm[i];
                    perm[i] = perm[j];
                    perm[j] = kept;
                }
                flips++;
            }
            if (flips > max_flips)
                max_flips = flips;
            checksum += sign * flips;
        }
        sign = -sign;
        for (;; r++) {
            if (r == n) {
                answer[0] = checksum;
                answer[1] = max_flips;
                return;
            }
            int64_t first = perm1[0];
            memmove(perm1, perm1 + 1, r * sizeof *perm1);
            perm1[r] = first;
            if (--count[r] > 0)
                break;
        }
    }
}
