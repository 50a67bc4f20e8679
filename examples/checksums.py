"""Checksums and number parsing over text, character by character."""

ADLER_PRIME = 65521
CRC_POLYNOMIAL = 0xEDB88320


def adler32(text):
    """Return the Adler-32 checksum (RFC 1950) of text whose characters are all below 256.

    >>> hex(adler32("Wikipedia"))
    '0x11e60398'
    """
    low = 1
    high = 0
    for character in text:
        low = (low + ord(character)) % ADLER_PRIME
        high = (high + low) % ADLER_PRIME
    return high << 16 | low


def crc32(text):
    """Return the CRC-32 (ISO 3309) of text whose characters are all below 256.

    >>> hex(crc32("123456789"))
    '0xcbf43926'
    """
    crc = 0xFFFFFFFF
    for character in text:
        crc ^= ord(character)
        for _ in range(8):
            if crc & 1:
                crc = crc >> 1 ^ CRC_POLYNOMIAL
            else:
                crc >>= 1
    return crc ^ 0xFFFFFFFF


def luhn_valid(number):
    """Tell whether a card number's check digit is right; blanks are skipped.

    >>> luhn_valid("4539 1488 0343 6467")
    True
    >>> luhn_valid("8273 1232 7352 0569")
    False
    """
    total = 0
    digits = 0
    for i in range(len(number) - 1, -1, -1):
        character = number[i]
        if character == " ":
            continue
        digit = ord(character) - 48
        if digit < 0 or digit > 9:
            return False
        if digits % 2:
            digit *= 2
            if digit > 9:
                digit -= 9
        total += digit
        digits += 1
    return digits > 1 and total % 10 == 0


def parse_number(text, start):
    """Read an integer at text[start:]; return (value, index after it) or (None, start).

    >>> parse_number("x=-1234;", 2)
    (-1234, 7)
    >>> parse_number("x", 0)
    (None, 0)
    >>> parse_number("98765432109876543210", 0)
    (98765432109876543210, 20)
    """
    i = start
    end = len(text)
    negative = False
    if i < end and (text[i] == "-" or text[i] == "+"):
        negative = text[i] == "-"
        i += 1
    first = i
    value = 0
    while i < end and "0" <= text[i] <= "9":
        value = value * 10 + ord(text[i]) - 48
        i += 1
    if i == first:
        return None, start
    return (-value if negative else value), i


def sum_numbers(text):
    """Add up every integer found in the text.

    >>> sum_numbers("3 apples, 14 pears, -2 returned")
    15
    """
    total = 0
    i = 0
    while i < len(text):
        value, after = parse_number(text, i)
        if value is None:
            i += 1
        else:
            total += value
            i = after
    return total


if __name__ == "__main__":
    log = "GET /items/4711 200 5123 0.031\n" * 1000
    print(f"adler32 {adler32(log):#010x}  crc32 {crc32(log):#010x}  sum {sum_numbers(log)}")
    cards = sum(luhn_valid(str(4539148803430000 + n)) for n in range(5000))
    print(f"{cards} of 5000 consecutive card numbers are valid")
