"""Words of the same letters, and a cipher that shifts letters."""


def groups(words):
    by_letters = {}
    for word in words:
        by_letters.setdefault("".join(sorted(word)), set()).add(word)
    return sorted(sorted(group) for group in by_letters.values() if len(group) > 1)


def shift(text, by):
    result = ""
    for character in text:
        if "a" <= character <= "z":
            result += chr((ord(character) - ord("a") + by) % 26 + ord("a"))
        else:
            result += character
    return result


def puzzle(words):
    found = groups(words)
    return len(found), [shift(" ".join(group), 3) for group in found[:20]]
