"""Lists, dicts and others in variables of the module: changed, replaced, deleted, dropped."""

import sys
import traceback
import weakref

TABLE = [n * n for n in range(16)]
NAMES = {"a": 1, "b": 2}
DATA = bytearray(b"0123")
SEEN = {1, 2}
PAIR = ([1], [2])


def mixed(values):
    total = 0
    for value in values:
        total = (total * 3 + TABLE[value & 15]) & 0xFFFF
    return total


def named(words):
    total = 0
    for word in words:
        total += NAMES.get(word, 0)
        NAMES[word] = total
    return total


def counted(n):
    for i in range(n):
        SEEN.add(i)
        DATA[i & 3] = i
        PAIR[0].append(i)
    return len(SEEN), len(DATA), len(PAIR[0])


def through(names, n):
    """Writes the module's own namespace, which the loop reads."""
    total = 0
    for i in range(n):
        names["TABLE"] = [i, i + 1]
        total += TABLE[1]
    return total


def dropped(names):
    del names["TABLE"]
    return TABLE[0]


class Item:
    """Says when it is gone."""


class Items(list):
    """Not a list."""

    def __getitem__(self, index):
        return 5


def kept_alive():
    """Is a list that was replaced gone at once?"""
    global TABLE
    item = Item()
    gone = []
    weakref.finalize(item, gone.append, 1)
    TABLE = [*range(15), item]
    try:
        mixed([1, 2, 3])
        mixed([15])
    except TypeError as error:
        print(error)
        del error
    del item
    before = len(gone)
    TABLE = list(range(16))
    return before, len(gone)


def scenario():  # pyvorin: skip
    global TABLE, NAMES, SEEN
    values = list(range(40))
    print(mixed(values))
    TABLE[3] = 1000
    print(mixed(values))
    for table in ([7] * 16, tuple(range(16)), Items(range(16)), [1.5] * 16, [2**70] * 16, [1], 3):
        TABLE = table
        try:
            print(type(table).__name__, mixed(values))
        except Exception:
            print(traceback.format_exc())
    TABLE = list(range(16))
    count = sys.getrefcount(TABLE)
    for _ in range(100):
        mixed(values)
    print(sys.getrefcount(TABLE) - count)
    print(kept_alive())
    print(named(["a", "b", "c", "a"]), NAMES)
    NAMES = {}
    print(named(["a", "b", "c", "a"]), NAMES)
    print(counted(9), SEEN, DATA, PAIR)
    SEEN = frozenset(SEEN)
    try:
        print(counted(3))
    except Exception:
        print(traceback.format_exc())
    print(through(globals(), 5), TABLE)
    TABLE = list(range(16))
    print(through({}, 5))
    for _ in range(2):
        try:
            print(dropped(globals()))
        except Exception:
            print(traceback.format_exc())
    try:
        print(mixed(values))
    except Exception:
        print(traceback.format_exc())
    TABLE = [5] * 16
    print(mixed(values))
