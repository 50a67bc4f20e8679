"""The name under which a value's class is recorded: ints and strings by size, callables by name.

int       an int within 64 bits        char   a str of length 1
wide      an int within 128 bits       str    any other str
big       any other int
float bool NoneType list tuple range   the exact class
function:helper                        a Python function
builtin:len                            a function written in C, or a builtin class (builtin:int)
other:dict                             anything else, subclasses of the above too
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType
from typing import Any

_EXACT = frozenset({float, bool, type(None), list, tuple, range})
_BUILTIN_CLASSES = {cls: name for name, cls in vars(builtins).items() if type(cls) is type}
_SAMPLE = 4  # elements looked at in one list


def class_of(value: Any) -> str:
    """The class name of a value, without running any code of the program."""
    kind = type(value)
    if kind is int:
        bits = (value if value >= 0 else ~value).bit_length()
        return "int" if bits < 64 else "wide" if bits < 128 else "big"
    if kind is str:
        return "char" if len(value) == 1 else "str"
    if kind in _EXACT:
        return str(kind.__name__)
    if kind is FunctionType:
        return f"function:{value.__name__}"
    if kind is BuiltinFunctionType:
        return f"builtin:{value.__name__}"
    if kind is type and value in _BUILTIN_CLASSES:
        return f"builtin:{_BUILTIN_CLASSES[value]}"
    return f"other:{kind.__name__}"


def element_classes(value: Any) -> Iterator[str]:
    """The classes of a few elements of a list or tuple: the first, the last, some between."""
    if type(value) in (list, tuple) and value:
        last = len(value) - 1
        for place in sorted({last * part // (_SAMPLE - 1) for part in range(_SAMPLE)}):
            yield class_of(value[place])
