"""Huffman's code of a text: the tree with a heap, the codes, the bits, and back."""

import heapq


def code_table(text):
    frequency = {}
    for character in text:
        frequency[character] = frequency.get(character, 0) + 1
    heap = [[weight, [character, ""]] for character, weight in sorted(frequency.items())]
    heapq.heapify(heap)
    while len(heap) > 1:
        low = heapq.heappop(heap)
        high = heapq.heappop(heap)
        for pair in low[1:]:
            pair[1] = "0" + pair[1]
        for pair in high[1:]:
            pair[1] = "1" + pair[1]
        heapq.heappush(heap, [low[0] + high[0]] + low[1:] + high[1:])
    return dict(heapq.heappop(heap)[1:])


def encode(text, codes):
    return "".join(codes[character] for character in text)


def decode(bits, codes):
    characters = {code: character for character, code in codes.items()}
    result = []
    code = ""
    for bit in bits:
        code += bit
        if code in characters:
            result.append(characters[code])
            code = ""
    return "".join(result)


def round_trip(text):
    codes = code_table(text)
    bits = encode(text, codes)
    assert decode(bits, codes) == text
    return len(bits), sorted(codes.items())
