"""SHA-256 as FIPS 180-4 writes it down."""


def first_primes(count):
    primes = []
    candidate = 2
    while len(primes) < count:
        if all(candidate % p for p in primes):
            primes.append(candidate)
        candidate += 1
    return primes


def fraction_bits(number, root):
    """The first 32 bits of the fraction of a root, by bisection on integers."""
    low, high = 0, number << 32
    while low < high:
        middle = (low + high + 1) // 2
        if middle**root <= number << (32 * root):
            low = middle
        else:
            high = middle - 1
    return low & 0xFFFFFFFF


K = [fraction_bits(p, 3) for p in first_primes(64)]
START = [fraction_bits(p, 2) for p in first_primes(8)]


def rotate(x, n):
    return ((x >> n) | (x << (32 - n))) & 0xFFFFFFFF


def compress(state, block):
    w = [int.from_bytes(block[i : i + 4], "big") for i in range(0, 64, 4)]
    for i in range(16, 64):
        s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >> 3)
        s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >> 10)
        w.append((w[i - 16] + s0 + w[i - 7] + s1) & 0xFFFFFFFF)
    a, b, c, d, e, f, g, h = state
    for i in range(64):
        s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
        ch = (e & f) ^ (~e & g)
        t1 = (h + s1 + ch + K[i] + w[i]) & 0xFFFFFFFF
        s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
        maj = (a & b) ^ (a & c) ^ (b & c)
        t2 = (s0 + maj) & 0xFFFFFFFF
        h, g, f, e, d, c, b, a = g, f, e, (d + t1) & 0xFFFFFFFF, c, b, a, (t1 + t2) & 0xFFFFFFFF
    return [(x + y) & 0xFFFFFFFF for x, y in zip(state, [a, b, c, d, e, f, g, h])]


def sha256(message):
    length = len(message)
    padded = message + b"\x80" + b"\x00" * ((55 - length) % 64) + (length * 8).to_bytes(8, "big")
    state = START
    for i in range(0, len(padded), 64):
        state = compress(state, padded[i : i + 64])
    return "".join("%08x" % word for word in state)
