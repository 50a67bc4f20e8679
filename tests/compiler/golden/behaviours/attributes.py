"""Attributes of instances, read and overwritten natively, while classes and instances change."""


class Point:
    kind = 0  # the class has it too; the instance's own comes first

    def __init__(self, x, y):
        self.x = x
        self.y = y


class Child(Point):
    pass


class Slotted:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y


class Mixed(Slotted):  # a dict beside the slots
    pass


class Reversed:
    def __init__(self, x, y):
        self.y = y
        self.x = x


class Computed:
    def __init__(self, x):
        self.y = x

    @property
    def x(self):
        return self.y * 2

    @x.setter
    def x(self, value):
        print("set", type(value).__name__)
        self.y = value


class Dynamic:
    def __init__(self):
        self.y = 1

    def __getattr__(self, name):
        print("asked for", name)
        return 100


class Watching:
    def __init__(self, x):
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", x)

    def __setattr__(self, name, value):
        print("stores", name, type(value).__name__)
        object.__setattr__(self, name, value)


class Asked(Point):
    def __getattribute__(self, name):
        value = object.__getattribute__(self, name)
        return value + 1 if name == "x" else value


class Loud:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("gone:", self.name)


def total(items):
    s = 0
    for p in items:
        s += p.x
    return s


def move(items, dx):
    for p in items:
        p.x += dx
    return total(items)


def grow(p, n):
    for _ in range(n):
        p.x = p.x * 3 + 1
    return p.x


def fill(p, values):
    for value in values:
        p.x = value
    return p


def change_at(items, at, change):
    s = 0
    for i in range(len(items)):
        if i == at:
            change()
        s += items[i].x
        items[i].x = s
    return s


def kinds(items):
    s = 0
    for p in items:
        s += p.kind
    return s


def same(p, n):
    x = p.x
    for _ in range(n):
        p.x = x
    return p.x is x


def many(n):  # pyvorin: skip
    return [Point(i, i * 0.5) for i in range(n)]


def tell(function, *args):
    try:
        print(function.__name__, function(*args))
    except Exception as error:
        print(function.__name__, type(error).__name__, error)


def mixed_classes():
    items = [Point(1, 2), Child(2, 3), Slotted(3, 4), Mixed(4, 5), Reversed(5, 6), Asked(6, 7)]
    items += [Computed(7), Dynamic(), Watching(9), Point(10**30, 1), Point(1.5, 0), Point(True, 0)]
    tell(total, items[:3] * 50)
    tell(total, items)
    tell(move, items, 1)
    tell(move, items[:4] * 30, 2)
    tell(total, [*items, 5])
    tell(total, [Point("a", 0)])
    one = Slotted(1, 2)
    del one.x
    tell(total, [Slotted(1, 2), one])
    tell(move, [Slotted(1, 2), one], 1)
    one = Point(1, 2)
    del one.x
    tell(total, [Point(1, 2), one])
    tell(move, [Point(1, 2), one], 1)
    one.x = 7
    tell(total, [Point(1, 2), one])
    print(list(vars(one).items()))


def changes():
    items = many(40)

    def materialise():
        for p in items[20:]:
            p.__dict__["x"] += 100

    tell(change_at, items, 20, materialise)
    print([vars(p) for p in items[18:23]])
    tell(change_at, items, 10, lambda: None)

    def replace():
        for p in items[25:]:
            p.__dict__ = {"x": 3, "y": 4}

    tell(change_at, items, 20, replace)

    def become_other():
        for p in items[21:]:
            p.__class__ = Child

    items = many(40)
    tell(change_at, items, 20, become_other)

    def delete():
        del items[22].x

    tell(change_at, items, 20, delete)
    items = many(40)

    class Local(Point):
        pass

    others = [Local(i, i) for i in range(40)]

    def add_property():
        Local.x = property(lambda self: self.y + 1000, lambda self, value: print("set", value))

    tell(change_at, others, 36, add_property)

    def drop_property():
        del Local.x

    tell(change_at, others, 35, drop_property)

    def add_getattribute():
        Local.__getattribute__ = lambda self, name: object.__getattribute__(self, name)

    tell(change_at, others, 30, add_getattribute)

    def add_setattr():
        Local.__setattr__ = lambda self, name, value: print("sets", name, value)

    tell(change_at, others, 37, add_setattr)
    print([p.x for p in others[35:]])


def changes_of_bases():
    class Base:
        def __init__(self, x):
            self.x = x

    class Derived(Base):
        pass

    derived = [Derived(i) for i in range(40)]

    def change_base():
        Base.x = property(lambda self: 5, lambda self, value: None)

    tell(change_at, derived, 36, change_base)

    class Descriptor:
        def __get__(self, instance, owner):
            return 77

    class Described:
        x = Descriptor()

        def __init__(self, x):
            self.__dict__["x"] = x

    described = [Described(i) for i in range(10)]
    tell(total, described)

    def give_set():
        Descriptor.__set__ = lambda self, instance, value: print("descriptor", value)

    tell(change_at, described, 5, give_set)


def class_attributes():
    items = many(30)
    tell(kinds, items)
    for p in items:
        p.kind = 2
    tell(kinds, items)
    Point.kind = 5
    tell(kinds, items)
    del items[7].kind
    tell(kinds, items)
    tell(kinds, [Slotted(1, 2)])
    tell(kinds, [Point])  # a class is an object, too


def values_let_go():
    p = Point(Loud("first"), 0)
    fill(p, [1, 2, Loud("second")])
    print("still there")
    fill(p, [Loud("third"), 3, 4])
    print("after")
    p = Slotted([Loud("in a list")], 0)
    fill(p, [[1], [2], [3.5], None, True, "text", b"bytes", 5])
    print(p.x)
    big = 10**40
    fill(p, [big, big + 1, 3, big])
    print(p.x is big)
    p.x = 1000
    kept = p.x
    fill(p, [2000, 3000])
    print(kept, p.x)
    nan = float("nan")
    print(same(Point(nan, 0), 10), same(Point(12345, 0), 10), same(Slotted([], 0), 10))


def scenario():  # pyvorin: skip
    mixed_classes()
    changes()
    changes_of_bases()
    class_attributes()
    values_let_go()
    tell(grow, Point(1, 0), 100)
    tell(grow, Slotted(1.0, 0), 50)
    tell(grow, Slotted("a", 0), 3)
    tell(grow, None, 1)
