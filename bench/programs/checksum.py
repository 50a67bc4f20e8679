"""The Adler-32 checksum of a text, character by character."""


def adler32(text):
    low = 1
    high = 0
    for character in text:
        low = (low + ord(character)) % 65521
        high = (high + low) % 65521
    return high * 65536 + low
