/* Twin of bench/programs/crc32.py. */
#include <stdint.h>

static uint32_t table[256];

__attribute__((constructor)) static void make_table(void)
{
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t word = n;
        for (int bit = 0; bit < 8; bit++)
            word = word & 1 ? 0xEDB88320 ^ (word >> 1) : word >> 1;
        table[n] = word;
    }
}

int64_t crc32(const unsigned char *data, int64_t size)
{
    uint32_t crc = 0xFFFFFFFF;
    for (int64_t i = 0; i < size; i++)
        crc = table[(crc ^ data[i]) & 0xFF] ^ (crc >> 8);
    return crc ^ 0xFFFFFFFF;
}
