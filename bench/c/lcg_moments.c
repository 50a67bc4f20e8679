/* Twin of bench/programs/lcg_moments.py: a 256-bit accumulator of four words, lowest first. */
#include <stdint.h>

typedef unsigned __int128 wide;

void third_moment(int64_t steps, int64_t seed, uint64_t total[4])
{
    uint64_t state = (uint64_t)seed;
    total[0] = total[1] = total[2] = total[3] = 0;
    for (int64_t i = 0; i < steps; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        wide square = (wide)state * state;
        wide low = (wide)(uint64_t)square * state;
        wide high = (square >> 64) * state + (low >> 64);
        uint64_t cube[4] = {(uint64_t)low, (uint64_t)high, (uint64_t)(high >> 64), 0};
        wide carry = 0;
        for (int word = 0; word < 4; word++) {
            carry += (wide)total[word] + cube[word];
            total[word] = (uint64_t)carry;
            carry >>= 64;
        }
    }
}
