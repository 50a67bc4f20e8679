"""LZW compression, there and back, with a dict and a list as dictionaries."""


def compress(data):
    table = {bytes([i]): i for i in range(256)}
    current = b""
    codes = []
    for i in range(len(data)):
        longer = current + data[i : i + 1]
        if longer in table:
            current = longer
        else:
            codes.append(table[current])
            table[longer] = len(table)
            current = data[i : i + 1]
    if current:
        codes.append(table[current])
    return codes


def decompress(codes):
    table = [bytes([i]) for i in range(256)]
    previous = table[codes[0]]
    result = [previous]
    for code in codes[1:]:
        if code < len(table):
            entry = table[code]
        else:
            entry = previous + previous[:1]
        result.append(entry)
        table.append(previous + entry[:1])
        previous = entry
    return b"".join(result)


def round_trip(text):
    data = text.encode("utf-8")
    codes = compress(data)
    if decompress(codes) != data:
        raise ValueError("decompressing gave something else")
    return len(codes), codes[-1]
