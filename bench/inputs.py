"""What the programs are given: data of the usual kinds, the same on every machine.

Every function takes sizes and returns fresh Python literals' values (numbers, text, bytes, lists,
tuples, dicts), so that a call can be written down as source. A fixed seed each; only
`Random.random` is used, whose sequence no Python release changes.
"""

from __future__ import annotations

from random import Random

Points = list[tuple[float, float]]
Matrix = list[list[float]]

_FREQUENT = """
the of and to in is that it was for on are as with his they at be this from have or by one had not
but what all were when we there can an your which their said if do will each about how up out them
then she many some so these would other into has more her two like him see time could no make than
first been its who now people my made over did down only way find use may water long little very
after words called just where most know
"""
_WORDS = _FREQUENT.split()


def below(random: Random, limit: int) -> int:
    """A whole number from 0 to limit-1."""
    return int(random.random() * limit)


def integers(count: int, limit: int, seed: int = 1) -> list[int]:
    random = Random(seed)
    return [below(random, limit) for _ in range(count)]


def floats(count: int, seed: int = 2) -> list[float]:
    random = Random(seed)
    return [random.random() for _ in range(count)]


def matrix(rows: int, columns: int, seed: int = 3) -> Matrix:
    random = Random(seed)
    return [[random.random() for _ in range(columns)] for _ in range(rows)]


def small_matrix(size: int, limit: int, seed: int = 4) -> list[list[int]]:
    """A square matrix of whole numbers around zero."""
    random = Random(seed)
    return [[below(random, limit) - limit // 2 for _ in range(size)] for _ in range(size)]


def points(count: int, seed: int = 5) -> Points:
    """Points in the plane, in a few clouds."""
    random = Random(seed)
    return [(i % 5 + random.random(), i % 3 + random.random()) for i in range(count)]


def letters(count: int, alphabet: str = "ACGT", seed: int = 6) -> str:
    random = Random(seed)
    return "".join(alphabet[below(random, len(alphabet))] for _ in range(count))


def octets(count: int, seed: int = 7) -> bytes:
    return bytes(integers(count, 256, seed))


def prose(words: int, seed: int = 8) -> str:
    """Sentences of frequent English words, common ones more often than rare ones."""
    random = Random(seed)
    text = []
    for i in range(words):
        word = _WORDS[int(random.random() ** 2 * len(_WORDS))]
        text.append(word.capitalize() if i % 9 == 0 else word + ("." if i % 9 == 8 else ""))
    return " ".join(text) + "."


def road_matrix(nodes: int, seed: int = 9) -> list[list[int]]:
    """Distances between all nodes; most pairs have no road, which is a large number."""
    random = Random(seed)
    none = 10**9
    rows = []
    for i in range(nodes):
        row = [1 + below(random, 99) if random.random() < 0.2 else none for _ in range(nodes)]
        row[i] = 0
        rows.append(row)
    return rows


def roads(nodes: int, degree: int, seed: int = 10) -> dict[int, list[tuple[int, int]]]:
    """A directed graph: for each node its (neighbour, weight) pairs, one of them the next node."""
    random = Random(seed)
    return {
        node: [((node + 1) % nodes, 50)]
        + [(below(random, nodes), 1 + below(random, 100)) for _ in range(degree - 1)]
        for node in range(nodes)
    }


def cells(count: int, size: int, seed: int = 11) -> list[tuple[int, int]]:
    random = Random(seed)
    return [(below(random, size), below(random, size)) for _ in range(count)]


def planets(count: int, seed: int = 12) -> Matrix:
    """Bodies as [x, y, z, vx, vy, vz, mass], the heavy one first."""
    random = Random(seed)
    bodies = [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 39.5]]
    for i in range(1, count):
        place = [5.0 * i + random.random() for _ in range(3)]
        speed = [random.random() - 0.5 for _ in range(3)]
        bodies.append([*place, *speed, random.random() * 0.04])
    return bodies


def formulas(count: int, seed: int = 13) -> list[str]:
    """Lines of arithmetic with brackets."""
    random = Random(seed)

    def formula(depth: int) -> str:
        if depth == 0 or random.random() < 0.2:
            return str(below(random, 1000))
        text = f"{formula(depth - 1)} {'+-*/%'[below(random, 5)]} {formula(depth - 1)}"
        return f"({text})" if random.random() < 0.5 else text

    return [formula(4) for _ in range(count)]


def edges(nodes: int, count: int, seed: int = 14) -> list[tuple[int, int, int]]:
    """Edges of an undirected graph as (weight, node, node)."""
    random = Random(seed)
    return [
        (1 + below(random, 10000), below(random, nodes), below(random, nodes)) for _ in range(count)
    ]


def links(nodes: int, degree: int, seed: int = 15) -> dict[int, list[int]]:
    """A directed graph without weights; from each node one can go on to the next."""
    return {node: [to for to, _ in roads_] for node, roads_ in roads(nodes, degree, seed).items()}


def board(height: int, width: int, seed: int = 16) -> list[list[int]]:
    """A board of zeros and ones."""
    random = Random(seed)
    return [[below(random, 2) for _ in range(width)] for _ in range(height)]


def table(rows: int, seed: int = 17) -> str:
    """Comma-separated text with a heading; now and then a field is not a number."""
    random = Random(seed)
    cities = ("Basel", "Bern", "Chur", "Genf", "Lugano", "Zug")
    lines = ["day,city,amount,remark"]
    for i in range(rows):
        amount = "n/a" if i % 50 == 49 else f"{random.random() * 1000:.2f}"
        lines.append(f"{i % 365}, {cities[below(random, 6)]} ,{amount},{'late' if i % 7 else ''}")
    return "\n".join(lines) + "\n"


def runs(count: int, seed: int = 18) -> str:
    """Letters that come in runs."""
    random = Random(seed)
    return "".join("abcdwxyz"[below(random, 8)] * (1 + below(random, 9)) for _ in range(count))


def document(records: int, seed: int = 19) -> str:
    """JSON text: a list of records with numbers, texts, escapes, nested lists and objects."""
    random = Random(seed)
    items = []
    for i in range(records):
        tags = ", ".join(f'"{_WORDS[below(random, len(_WORDS))]}"' for _ in range(below(random, 4)))
        items.append(
            f'{{"id": {i}, "name": "{_WORDS[i % len(_WORDS)]}\\n\\u00e9", "ok": true,'
            f' "price": {random.random() * 100:.3f}, "tags": [{tags}],'
            f' "size": {{"w": {below(random, 90)}, "h": -{below(random, 9)}}}, "next": null}}'
        )
    return "[" + ",\n ".join(items) + "]"


def plate(height: int, width: int) -> Matrix:
    """A cold plate with one hot edge."""
    return [[100.0] * width, *[[0.0] * width for _ in range(height - 1)]]


def sudoku(clues: str) -> list[int]:
    return [int(clue) for clue in clues]
