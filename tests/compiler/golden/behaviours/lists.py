"""Lists: aliasing, growing and shrinking while they are iterated, elements of other types, identity."""


def add_into(target, source):
    for i in range(len(source)):
        target[i] = target[i] + source[i]
    return target[0]


def consume(xs):
    seen = 0
    for x in xs:
        seen += 1
        if seen < 20:
            push(xs, x)
    return seen


def drain(xs):
    seen = 0
    for x in xs:
        seen += x
        pop(xs)
    return seen


def total(xs):
    s = 0
    for x in xs:
        s += x
    return s


def pick(xs, i):
    return xs[i]


def push(xs, x):  # pyvorin: skip
    xs.append(x)


def pop(xs):  # pyvorin: skip
    xs.pop()


class Loud(list):
    def __getitem__(self, i):
        print("get", i)
        return list.__getitem__(self, i)

    def __iter__(self):
        print("iter")
        return list.__iter__(self)


class Number(int):
    def __add__(self, other):
        print("add", other)
        return int(self) + other

    __radd__ = __add__


def scenario():  # pyvorin: skip
    both = [1, 2, 3]
    print(add_into(both, both), both)
    print(consume([1, 2]), drain([1, 2, 3, 4]))
    print(total([1, 2.5, True]), total([2**62, 2**62, 2**62]), total([-0.0]), total(Loud([1, 2])))
    print(total([Number(3), 4]), total((1, 2)), total(range(4)), total({1: 2}))
    token = object()
    print(pick([token], 0) is token, pick(Loud([5]), 0), pick([1, 2], True), pick("ab", 1))
    big = 10**30
    print(pick([big], 0) is big, pick([True], 0), type(pick([1.0], 0)))
    nan = float("nan")
    print(pick([nan], 0) is nan, total([nan]) != total([nan]))
    for bad in ((None, 0), ([1], 1), ([1], "x"), ([1], None), ([1], 2**70), ([1], -2)):
        try:
            print(pick(*bad))
        except Exception as error:
            print(type(error).__name__, error)
