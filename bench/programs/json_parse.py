"""A reader of JSON by recursive descent."""


class JSONError(ValueError):
    pass


def skip_space(text, i):
    while i < len(text) and text[i] in " \t\r\n":
        i += 1
    return i


def parse_string(text, i):
    parts = []
    while True:
        if i >= len(text):
            raise JSONError("the string does not end")
        c = text[i]
        if c == '"':
            return "".join(parts), i + 1
        if c == "\\":
            c = text[i + 1]
            if c == "u":
                parts.append(chr(int(text[i + 2 : i + 6], 16)))
                i += 6
                continue
            parts.append({"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}.get(c, c))
            i += 2
        else:
            parts.append(c)
            i += 1


def parse_number(text, i):
    start = i
    while i < len(text) and text[i] in "+-0123456789.eE":
        i += 1
    number = text[start:i]
    try:
        return int(number), i
    except ValueError:
        return float(number), i


def parse_array(text, i):
    items = []
    i = skip_space(text, i)
    if text[i] == "]":
        return items, i + 1
    while True:
        value, i = parse_value(text, i)
        items.append(value)
        i = skip_space(text, i)
        if text[i] == "]":
            return items, i + 1
        if text[i] != ",":
            raise JSONError(f"expected , or ] at {i}")
        i += 1


def parse_object(text, i):
    members = {}
    i = skip_space(text, i)
    if text[i] == "}":
        return members, i + 1
    while True:
        i = skip_space(text, i)
        if text[i] != '"':
            raise JSONError(f"expected a name at {i}")
        name, i = parse_string(text, i + 1)
        i = skip_space(text, i)
        if text[i] != ":":
            raise JSONError(f"expected : at {i}")
        members[name], i = parse_value(text, i + 1)
        i = skip_space(text, i)
        if text[i] == "}":
            return members, i + 1
        if text[i] != ",":
            raise JSONError(f"expected , or }} at {i}")
        i += 1


def parse_value(text, i):
    i = skip_space(text, i)
    c = text[i]
    if c == "{":
        return parse_object(text, i + 1)
    if c == "[":
        return parse_array(text, i + 1)
    if c == '"':
        return parse_string(text, i + 1)
    for word, value in (("true", True), ("false", False), ("null", None)):
        if text.startswith(word, i):
            return value, i + len(word)
    return parse_number(text, i)


def loads(text):
    value, i = parse_value(text, 0)
    if skip_space(text, i) != len(text):
        raise JSONError(f"something follows at {i}")
    return value
