/* Twin of bench/programs/sha256.py; the digest is written as 64 hexadecimal digits. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t constants[64], start[8];

/* The first 32 bits of the fraction of a root, by bisection. */
static uint32_t fraction_bits(uint32_t number, int root)
{
    uint64_t low = 0, high = (uint64_t)number << 32;
    while (low < high) {
        uint64_t middle = (low + high + 1) / 2;
        /* middle < 2^36 and the target < 2^105, so that three factors fit into 108 bits */
        unsigned __int128 power = (unsigned __int128)middle * middle;
        int fits = root == 2 || (middle >> 36) == 0;
        if (root == 3)
            power *= middle;
        if (fits && power <= (unsigned __int128)number << (32 * root))
            low = middle;
        else
            high = middle - 1;
    }
    return (uint32_t)low;
}

__attribute__((constructor)) static void make_constants(void)
{
    int found = 0;
    for (uint32_t candidate = 2; found < 64; candidate++) {
        int prime = 1;
        for (uint32_t p = 2; p < candidate; p++)
            prime &= candidate % p != 0;
        if (!prime)
            continue;
        if (found < 8)
            start[found] = fraction_bits(candidate, 2);
        constants[found++] = fraction_bits(candidate, 3);
    }
}

static uint32_t rotate(uint32_t x, int n)
{
    return (x >> n) | (x << (32 - n));
}

static void compress(uint32_t *state, const unsigned char *block)
{
    uint32_t w[64];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 |
               block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >> 3);
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + constants[i] + w[i];
        uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    uint32_t added[8] = {a, b, c, d, e, f, g, h};
    for (int i = 0; i < 8; i++)
        state[i] += added[i];
}

void sha256(const unsigned char *message, int64_t size, char *digest)
{
    int64_t blocks = (size + 8) / 64 + 1;
    unsigned char *padded = calloc(blocks, 64);
    memcpy(padded, message, size);
    padded[size] = 0x80;
    for (int i = 0; i < 8; i++)
        padded[64 * blocks - 1 - i] = (uint64_t)size * 8 >> 8 * i;
    uint32_t state[8];
    memcpy(state, start, sizeof state);
    for (int64_t i = 0; i < blocks; i++)
        compress(state, padded + 64 * i);
    free(padded);
    for (int i = 0; i < 8; i++)
        snprintf(digest + 8 * i, 9, "%08x", state[i]);
}
