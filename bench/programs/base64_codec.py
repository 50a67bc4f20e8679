"""Base64, there and back."""

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
VALUES = {character: value for value, character in enumerate(ALPHABET)}


def encode(data):
    out = []
    for i in range(0, len(data), 3):
        chunk = data[i : i + 3]
        word = int.from_bytes(chunk, "big") << (8 * (3 - len(chunk)))
        quad = [ALPHABET[(word >> shift) & 63] for shift in (18, 12, 6, 0)]
        for j in range(len(chunk) + 1, 4):
            quad[j] = "="
        out.append("".join(quad))
    return "".join(out)


def decode(text):
    out = bytearray()
    bits = word = 0
    for character in text:
        if character == "=":
            break
        word = (word << 6) | VALUES[character]
        bits += 6
        if bits >= 8:
            bits -= 8
            out.append((word >> bits) & 255)
            word &= (1 << bits) - 1
    return bytes(out)


def round_trip(data):
    text = encode(data)
    if decode(text) != data:
        raise ValueError("decoding gave something else")
    return text
