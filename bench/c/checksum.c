/* Twin of bench/programs/checksum.py. */
#include <stdint.h>

int64_t adler32(const unsigned char *text, int64_t length)
{
    int64_t low = 1, high = 0;
    for (int64_t i = 0; i < length; i++) {
        low = (low + text[i]) % 65521;
        high = (high + low) % 65521;
    }
    return high * 65536 + low;
}
