"""Read a running frame's locals and value stack out of memory, which Python itself cannot.

Only tests do this. The places are those of CPython 3.11 to 3.13, 64 bit: ``PyFrameObject.f_frame`` and
``_PyInterpreterFrame.localsplus`` happen to be the same in all three.
"""

from __future__ import annotations

import ctypes
from types import CodeType, FrameType

UNBOUND = object()
_F_FRAME, _LOCALSPLUS, _POINTER = 24, 72, 8


def slots(frame: FrameType, first: int, count: int) -> list[object]:
    """The objects in ``localsplus[first:first + count]``; UNBOUND for NULL."""
    interpreter_frame = ctypes.c_void_p.from_address(id(frame) + _F_FRAME).value
    assert interpreter_frame is not None
    base = interpreter_frame + _LOCALSPLUS + first * _POINTER
    return [_object_at(base + i * _POINTER) for i in range(count)]


def _object_at(address: int) -> object:
    if not ctypes.c_void_p.from_address(address).value:
        return UNBOUND
    value: object = ctypes.py_object.from_address(address).value
    return value


def cells_of(code: CodeType) -> int:
    """How many cell variables are no parameters: their slots follow the locals."""
    return len(set(code.co_cellvars) - set(code.co_varnames))


def stack_base(code: CodeType) -> int:
    """Where the value stack begins in ``localsplus``."""
    return code.co_nlocals + cells_of(code) + len(code.co_freevars)


def locals_and_cells(frame: FrameType) -> list[object]:
    return slots(frame, 0, frame.f_code.co_nlocals + cells_of(frame.f_code))


def closure(frame: FrameType) -> tuple[object, ...]:
    """The cells of the free variables."""
    count = len(frame.f_code.co_freevars)
    return tuple(slots(frame, stack_base(frame.f_code) - count, count))


def value_stack(frame: FrameType, depth: int) -> list[object]:
    return slots(frame, stack_base(frame.f_code), depth)
