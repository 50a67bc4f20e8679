"""CRC-32 with a table of 256 words."""


def make_table():
    table = []
    for n in range(256):
        word = n
        for _ in range(8):
            if word & 1:
                word = 0xEDB88320 ^ (word >> 1)
            else:
                word >>= 1
        table.append(word)
    return table


TABLE = make_table()


def crc32(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF
