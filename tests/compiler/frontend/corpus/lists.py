"""Lists: building, appending, extending, popping, bound methods, and what they raise."""


def display(a, b):
    return [], [a], [a, [b, a]], [1, 2, 3, 4]


def starred(a, b):
    return [*a, 1, *b]


def append_all(n):
    out = []
    for i in range(n):
        out.append(i * i)
        out.append([i])
    return out


def hoisted(items, n):
    push = items.append
    for i in range(n):
        push(i)
    return items


def conditional(items, n):
    items.append(n if n > 3 else [n])
    return items


def take(items):
    total = 0
    while items:
        total += items.pop()
    return total, items


def pop_twice(items):
    return items.pop(), items.pop(), items


def method_of(value, item):
    value.append(item)
    return value


def same_method(items):
    first = second = items.append
    return first is second, first(1), second(2), items


def slices(a, i, j, k):
    return a[i:j], a[i:], a[:j], a[i:j:k], a[::-1]


def change(a, i, j, b):
    a[i:j] = b
    del a[i]
    a[::2] = a[::2]
    del a[j:]
    return a


def augment(a, i, j):
    a[i:j] += [i if i > 1 else j, j]
    a[0] *= 2
    return a


def star(a):
    first, *rest = a
    *most, last = rest
    return first, rest, most, last, (first, *most)


def call_methods(a, x):
    a.sort(reverse=True)
    a.insert(1, x)
    return sorted(a), a.index(x), a.count(x), a.pop(0), sum(a), min(a), any(a), list(a), tuple(a)


def membership(x, a):
    return x in a, x not in (1, 2), [x] * 3 + a, a == [x], a is a


class Loud(list):
    def append(self, item):
        print("append", item)
        list.append(self, item)


CASES = [
    ("display", (1, "x")),
    ("starred", ([1], (2, 3))),
    ("starred", ("ab", {5: 6})),
    ("starred", (7, ())),
    ("append_all", (5,)),
    ("hoisted", ([], 4)),
    ("hoisted", (None, 4)),
    ("conditional", ([], 5)),
    ("conditional", ([], 1)),
    ("take", ([1, 2, 3],)),
    ("take", ([1, "x"],)),
    ("pop_twice", ([1],)),
    ("pop_twice", ([1, 2, 3],)),
    ("method_of", (Loud([1]), 2)),
    ("method_of", ((), 2)),
    ("same_method", ([],)),
    ("slices", ([1, 2, 3, 4], 1, 3, 2)),
    ("slices", ((1, 2, 3, 4), -1, None, -1)),
    ("slices", ("abc", 0, 9, 0)),
    ("slices", (5, 0, 9, 0)),
    ("change", ([1, 2, 3, 4, 5], 1, 2, [7, 8])),
    ("change", ([1], 1, 0, "ab")),
    ("change", ([1], 1, 0, 5)),
    ("augment", ([1, 2, 3], 0, 2)),
    ("augment", ([1, 2, 3], 2, 9)),
    ("augment", ((1, 2, 3), 2, 9)),
    ("star", ([1, 2, 3],)),
    ("star", ("ab",)),
    ("star", ((1,),)),
    ("star", ([],)),
    ("star", (7,)),
    ("call_methods", ([3, 1, 2], 2)),
    ("call_methods", ([3, "x"], 2)),
    ("membership", (1, [1, 2])),
    ("membership", ("x", [])),
]
