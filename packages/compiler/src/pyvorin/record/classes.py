"""The name under which a value's class is recorded: ints and strings by size, callables by name.

int       an int within 64 bits        char   a str of length 1
wide      an int within 128 bits       str    any other str
big       any other int
float bool complex NoneType list …     the exact class
function:helper                        a Python function
builtin:len                            a function written in C, or a builtin class (builtin:int)
range_iterator:1                       an iterator over a range, with its step
list_iterator tuple_iterator str_iterator
reversed:list                          one that goes backwards, with the class of its sequence
enumerate list_iterator                one over another
zip:2 list_iterator range_iterator:1   one over several, with their number
other:deque                            anything else, subclasses of the above too
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType
from typing import Any

_INT, _WIDE = 1 << 63, 1 << 127
_CLASSES: tuple[type, ...] = (
    *(float, bool, complex, type(None), list, tuple, range, dict, set, frozenset, bytes, bytearray),
    *(type({}.keys()), type({}.values()), type({}.items())),
    *(type(iter({})), type(iter({}.values())), type(iter({}.items())), type(iter(set()))),
)
_EXACT = {cls: cls.__name__ for cls in _CLASSES}
_BUILTIN_CLASSES = {cls: name for name, cls in vars(builtins).items() if type(cls) is type}
_RANGE_ITERATOR = type(iter(range(0)))
_SEQUENCE_ITERATORS = {
    type(iter([])): "list_iterator",
    type(iter(())): "tuple_iterator",
    type(iter("")): "str_iterator",
    type(iter("é")): "str_iterator",
}
_REVERSED: tuple[type, ...] = (reversed, type(reversed([])))
_SAMPLE = 4  # elements looked at in one list


def class_of(value: Any) -> str:
    """The class name of a value, without running any code of the program."""
    kind = type(value)
    if kind is int:
        if -_INT <= value < _INT:
            return "int"
        return "wide" if -_WIDE <= value < _WIDE else "big"
    if kind is str:
        return "char" if len(value) == 1 else "str"
    if kind in _EXACT:
        return _EXACT[kind]
    if kind is FunctionType:
        return f"function:{value.__name__}"
    if kind is BuiltinFunctionType:
        return f"builtin:{value.__name__}"
    if kind is type and value in _BUILTIN_CLASSES:
        return f"builtin:{_BUILTIN_CLASSES[value]}"
    return _iterator_name(value) or f"other:{kind.__name__}"


def _iterator_name(value: Any) -> str:
    """The name of an iterator over things that loops commonly go over; empty for others."""
    kind = type(value)
    if kind in _SEQUENCE_ITERATORS:
        return _SEQUENCE_ITERATORS[kind]
    if kind is _RANGE_ITERATOR:
        return f"range_iterator:{value.__reduce__()[1][0].step}"
    if kind in _REVERSED:
        return f"reversed:{type(value.__reduce__()[1][0]).__name__}"
    if kind is enumerate:
        return f"enumerate {class_of(value.__reduce__()[1][0])}"
    if kind is zip:
        inner = [class_of(item) for item in value.__reduce__()[1]]
        return " ".join((f"zip:{len(inner)}", *inner))
    return ""


def some_elements(value: Any) -> Iterator[Any]:
    """A few elements of a list or tuple: the first, the last, some between."""
    if type(value) in (list, tuple) and value:
        last = len(value) - 1
        for place in sorted({last * part // (_SAMPLE - 1) for part in range(_SAMPLE)}):
            yield value[place]
