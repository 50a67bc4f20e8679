"""The most frequent words of a text."""


def words(text):
    word = ""
    for character in text:
        if character.isalpha():
            word += character.lower()
        elif word:
            yield word
            word = ""
    if word:
        yield word


def most_common(text, count):
    counts = {}
    for word in words(text):
        if word in counts:
            counts[word] += 1
        else:
            counts[word] = 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:count]
