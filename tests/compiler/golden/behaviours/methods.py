"""Methods compiled natively: on instances of several classes, overridden, replaced, failing."""

import traceback


class Account:
    rate = 3

    def __init__(self, balance, notes=()):
        self.balance = balance
        self.count = 0
        self.notes = list(notes)
        self.__secret = 7

    def deposit(self, amounts):
        for amount in amounts:
            self.balance += amount
            self.count += 1
        return self.balance

    def steps(self, n):
        total = 0
        for i in range(n):
            total += self.balance - i
        return total

    def secret(self, n):
        for _ in range(n):
            self.__secret += n
        return self.__secret

    def interest(self, years):
        total = self.balance
        for _ in range(years):
            total += self.rate
        return total

    def squares(self):
        return [self.balance * i for i in range(3)]

    def both(self, other, /, *, scale=2):
        return self.balance * scale + other.balance

    def __eq__(self, other):
        return self.balance == other.balance

    __hash__ = None

    def __len__(self):
        return self.count

    def __lt__(self, other):
        return self.balance < other.balance

    @property
    def double(self):
        return self.balance * 2

    @staticmethod
    def of(x):
        return Account(x)

    @classmethod
    def made(cls, x):
        return cls(x)

    def items(self):
        yield self.balance

    def called(self):
        return super().__sizeof__() > 0


class Savings(Account):
    def deposit(self, amounts):
        self.balance += 1
        return Account.deposit(self, amounts)


class Slim:
    __slots__ = ("balance", "next")

    def __init__(self, balance, next=None):
        self.balance = balance
        self.next = next

    def length(self):
        n = 0
        while self is not None:
            n += 1
            self = self.next
        return n


class Tree:
    def __init__(self, value, parent=None):
        self.value = value
        self.parent = parent
        self.children = []

    def add(self, value):
        child = Tree(value, self)
        self.children.append(child)
        return child

    def total(self):
        s = self.value
        for child in self.children:
            s += child.value
        return s

    def depth(self):
        n = 0
        node = self
        while node.parent is not None:
            node = node.parent
            n += 1
        return n


def tell(function, *args, **kwargs):
    try:
        print(function.__qualname__, function(*args, **kwargs))
    except Exception:
        traceback.print_exc()


def usual():
    one = Account(5)
    tell(one.deposit, [1, 2, 3])
    tell(one.deposit, [0.5, 10**20, True])
    tell(one.steps, 10)
    tell(one.secret, 3)
    tell(one.interest, 4)
    one.rate = 10
    tell(one.interest, 4)
    tell(one.squares)
    tell(one.both, Account(1))
    tell(one.both, Account(1), scale=3)
    tell(one.both, other=Account(1))
    print(
        one == Account(5), Account(1) == Account(1), len(one), sorted([one, Account(2)])[0].balance
    )
    print(
        one.double, Account.of(3).balance, Savings.made(2).balance, list(one.items()), one.called()
    )
    print(vars(one))


def others():
    tell(Savings(1).deposit, [1, 2])
    tell(Account.deposit, Slim(4), [1])
    tell(Account.deposit, Account("a"), ["b", "c"])
    tell(Account("a").deposit, [1])
    tell(Account.deposit, None, [1])
    tell(Account.steps, 5)
    tell(Account(2**63 - 3).deposit, [1] * 6)
    tell(Account(1).deposit, 5)
    tell(Account(1).__lt__, 3)
    chain = None
    for i in range(50):
        chain = Slim(i, chain)
    tell(chain.length)
    root = Tree(1)
    node = root
    for i in range(40):
        root.add(i)
        node = node.add(i)
    tell(root.total)
    tell(node.depth)
    del node.parent
    tell(node.depth)


def replaced():
    one = Account(1)
    kept = one.deposit
    Account.deposit = lambda self, amounts: "another"
    print(one.deposit([1]), kept([1]))
    Account.balance = property(lambda self: 42)
    tell(one.steps, 3)
    tell(kept, [1])
    del Account.balance
    tell(one.steps, 3)
    Account.__getattribute__ = lambda self, name: object.__getattribute__(self, name)
    tell(one.steps, 3)
    one.__class__ = Savings
    tell(Account.steps, one, 3)


def scenario():  # pyvorin: skip
    usual()
    others()
    replaced()
