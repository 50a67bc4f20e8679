"""Run-length coding of text, there and back."""


def encode(text):
    if not text:
        return ""
    parts = []
    previous = text[0]
    count = 1
    for character in text[1:]:
        if character == previous:
            count += 1
        else:
            parts.append(str(count) + previous)
            previous = character
            count = 1
    parts.append(str(count) + previous)
    return "".join(parts)


def decode(text):
    result = ""
    count = ""
    for character in text:
        if character.isdigit():
            count += character
        else:
            result += character * int(count)
            count = ""
    return result


def round_trip(text):
    coded = encode(text)
    assert decode(coded) == text
    return coded
