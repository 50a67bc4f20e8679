"""Read a running frame's locals and value stack out of memory, which Python itself cannot.

Only tests do this. The places are those of CPython 3.11 to 3.13, 64 bit: ``PyFrameObject.f_frame``
and ``_PyInterpreterFrame.localsplus`` happen to be the same in all three.
"""

from __future__ import annotations

import ctypes
import sys
from types import CodeType, FrameType

MINOR = sys.version_info[:2]
UNBOUND = object()
_F_FRAME, _LOCALSPLUS, _POINTER = 24, 72, 8
_PREVIOUS = 48 if MINOR == (3, 11) else 8
_IS_ENTRY = 68  # 3.11; later an entry is a frame of its own


def slots(frame: FrameType, first: int, count: int) -> list[object]:
    """The objects in ``localsplus[first:first + count]``; UNBOUND for NULL."""
    base = _interpreter_frame(frame) + _LOCALSPLUS + first * _POINTER
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


def direct_caller(frame: FrameType) -> FrameType | None:
    """The frame whose call instruction runs `frame`; None if C code is in between."""
    caller = frame.f_back
    if caller is None or _previous(frame) != _interpreter_frame(caller):
        return None
    if MINOR == (3, 11) and _byte(frame, _IS_ENTRY):
        return None
    return caller


def _interpreter_frame(frame: FrameType) -> int:
    address = ctypes.c_void_p.from_address(id(frame) + _F_FRAME).value
    assert address is not None
    return address


def _previous(frame: FrameType) -> int | None:
    return ctypes.c_void_p.from_address(_interpreter_frame(frame) + _PREVIOUS).value


def _byte(frame: FrameType, offset: int) -> int:
    return ctypes.c_uint8.from_address(_interpreter_frame(frame) + offset).value
