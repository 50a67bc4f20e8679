"""Pairs and triples of words: counts, and the likeliest word after each."""

from collections import Counter, defaultdict


def tokens(text):
    cleaned = "".join(c.lower() if c.isalpha() or c == " " else " " for c in text)
    return cleaned.split()


def ngrams(words, n):
    counts = Counter()
    for i in range(len(words) - n + 1):
        counts[tuple(words[i : i + n])] += 1
    return counts


def followers(pairs):
    after = defaultdict(dict)
    for (first, second), count in pairs.items():
        after[first][second] = count
    return {
        word: max(next_words.items(), key=lambda item: (item[1], item[0]))[0]
        for word, next_words in after.items()
    }


def model(text):
    words = tokens(text)
    pairs = ngrams(words, 2)
    triples = ngrams(words, 3)
    likeliest = followers(pairs)
    ranked = sorted(triples.items(), key=lambda item: (-item[1], item[0]))
    return ranked[:5], sorted(likeliest.items())[:10]
