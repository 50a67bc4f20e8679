"""Make a module hand over each of its functions at the moment it is made.

::

    @cache                      LOAD_NAME cache
    def f(x): …                 LOAD_CONST <code f>; MAKE_FUNCTION        (with defaults, closure)
                                LOAD_CONST attach; COPY the function; CALL; POP_TOP     <- inserted
                                CALL (the decorator); STORE_NAME f

Attaching later, after the module body, would miss a function that is used while the module is still
running, or that a decorator hides; attaching to a name would meet whatever the decorator made of
it. Attaching earlier is undone: what follows MAKE_FUNCTION resets a function's version and
vectorcall.

Reached are functions of the module, of classes in it at any depth, and of these with type
parameters (PEP 695). Functions made inside functions are not: each call makes another.

The inserted instructions have the position of their MAKE_FUNCTION, so they make no line of their
own. The result refers to live objects; it is for `exec` in this process and cannot be marshalled.
"""

from __future__ import annotations

from . import bytecode as bc
from .bytecode import MINOR, Instruction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from types import CodeType, FunctionType
    from typing import TypeAlias

    Attach: TypeAlias = Callable[[FunctionType], object]

_CODE = type((lambda: None).__code__)
_OPTIMIZED = 0x1
_TYPE_PARAMETERS = "<generic parameters of "


def instrument(code: CodeType, attach: Attach, qualnames: Container[str] | None = None) -> CodeType:
    """Return module code that calls ``attach(function)`` for each function, or each one named.

    The callable's result is dropped; it must not raise. Two functions can have one name: which it
    is, its code says. Code in which none of them is made comes back as it is.
    """
    constants: list[object] = [_inside(each, attach, qualnames) for each in code.co_consts]
    decoded = bc.decode(code)
    call = _call(len(constants))
    out: list[Instruction] = []
    wanted = False
    for ins, following in zip(decoded.instructions, [*decoded.instructions[1:], None], strict=True):
        out.append(ins)
        if ins.name == "MAKE_FUNCTION":
            wanted = _is_wanted(constants[out[-2].arg], qualnames)
        complete = following is None or following.name != "SET_FUNCTION_ATTRIBUTE"
        if wanted and complete and ins.name in _COMPLETING:
            out += [Instruction(name, arg, None, ins.position) for name, arg in call]
            wanted = False
    inserted = len(out) > len(decoded.instructions)
    if not inserted and tuple(constants) == code.co_consts:
        return code
    decoded.instructions = out
    return bc.assemble(
        decoded, code, co_consts=(*constants, attach), co_stacksize=code.co_stacksize + 3
    )


_COMPLETING = frozenset(("MAKE_FUNCTION", "SET_FUNCTION_ATTRIBUTE"))


def _inside(constant: object, attach: Attach, qualnames: Container[str] | None) -> object:
    """Instrument the body of a class or of a type parameter scope; leave functions alone."""
    if not isinstance(constant, _CODE) or _is_function(constant):
        return constant
    return instrument(constant, attach, qualnames)


def _is_wanted(constant: object, qualnames: Container[str] | None) -> bool:
    if not isinstance(constant, _CODE) or not _is_function(constant):
        return False
    return qualnames is None or constant.co_qualname in qualnames


def _is_function(code: CodeType) -> bool:
    return bool(code.co_flags & _OPTIMIZED) and not code.co_name.startswith(_TYPE_PARAMETERS)


def _call(constant: int) -> list[tuple[str, int]]:
    """Call a constant with the object on top of the stack, which stays."""
    callee = [("PUSH_NULL", 0), ("LOAD_CONST", constant)]
    if MINOR >= (3, 13):
        callee.reverse()
    precall = [("PRECALL", 1)] if MINOR == (3, 11) else []
    return [*callee, ("COPY", 3), *precall, ("CALL", 1), ("POP_TOP", 0)]
