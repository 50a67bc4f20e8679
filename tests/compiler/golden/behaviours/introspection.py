"""What tools see of a function: type, signature, source, names, doctest, pickle, copy, mock, setattr."""

import copy
import doctest
import inspect
import io
import pickle
import sys
from unittest import mock


def inner(x):
    return 10 // x


def outer(x: int, y: float = 2.5, *, z=None) -> int:
    """Ten divided.

    >>> outer(5)
    2
    >>> outer(0)
    Traceback (most recent call last):
    ZeroDivisionError: integer division or modulo by zero
    """
    total = 0
    for _ in range(1):
        total += inner(x)
    return total


def scenario():  # pyvorin: skip
    print(type(outer).__name__, inspect.isfunction(outer), callable(outer))
    print(inspect.signature(outer), outer.__annotations__, outer.__defaults__, outer.__kwdefaults__)
    print(inspect.getsource(outer))
    print(outer.__module__, outer.__qualname__, outer.__name__, outer.__doc__)
    code = outer.__code__
    print(code.co_varnames[:3], code.co_argcount, code.co_kwonlyargcount, code.co_firstlineno)
    print(code.co_name, code.co_qualname, code.co_flags & 0xFF)
    module = sys.modules[__name__]
    test = doctest.DocTestFinder().find(outer, "outer", module=module, globs=vars(module))[0]
    print(doctest.DocTestRunner(verbose=False).run(test, out=io.StringIO().write))
    print(pickle.loads(pickle.dumps(outer)) is outer, copy.copy(outer) is outer)
    outer.note = 1
    print(outer.note)
    with mock.patch.object(module, "inner", lambda x: x + 1):
        print(outer(5))
    print(outer(5))
    with mock.patch(f"{__name__}.inner", side_effect=[7, KeyError("k")]) as patched:
        print(outer(1), patched.call_args)
        try:
            outer(2)
        except KeyError as error:
            print(repr(error))
    print(outer(5))
