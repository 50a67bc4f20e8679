/* Twin of bench/programs/cubes.py; the result is two words, lowest first. */
#include <stdint.h>

typedef __int128 wide;

void sum_of_cubes(int64_t n, uint64_t result[2])
{
    wide total = 0;
    for (int64_t i = 1; i <= n; i++)
        total += (wide)i * i * i;
    result[0] = (uint64_t)total;
    result[1] = (uint64_t)(total >> 64);
}
