"""Emitters of float operations: IEEE doubles, and the C library of the process where CPython calls
it.

Nothing is reassociated, contracted or folded: library calls are marked so that LLVM does not know
them. The error rules are those of CPython's `math_1` and `math_2` (Modules/mathmodule.c); where
they raise, the operation leaves.
"""

from __future__ import annotations

from collections.abc import Callable

from pyvorin.backend.body import EMIT, BackendError, Body
from pyvorin.backend.text import double
from pyvorin.ir.model import Op

ORDERED = {"<": "olt", "<=": "ole", "==": "oeq", "!=": "une", ">": "ogt", ">=": "oge"}
# Functions that CPython passes on to the C library, with no rules of its own beyond the error
# rules.
UNARY = frozenset(
    [
        "acos",
        "acosh",
        "asin",
        "asinh",
        "atan",
        "atanh",
        "cbrt",
        "cos",
        "cosh",
        "erf",
        "erfc",
        "exp",
        "exp2",
        "expm1",
        "log",
        "log10",
        "log1p",
        "log2",
        "sin",
        "sinh",
        "tan",
        "tanh",
    ]
)
BINARY = frozenset(["atan2", "fmod", "pow"])
ROUNDINGS = {"trunc": "trunc", "floor": "floor", "ceil": "ceil", "round": "rint"}
INFINITY = double(float("inf"))
TWO_63, TWO_53 = double(2.0**63), 1 << 53


def intrinsic(body: Body, name: str, *operands: str) -> str:
    """Call an LLVM intrinsic on doubles that becomes an instruction or two."""
    full = f"llvm.{name}.f64"
    body.text.declare(full, "double", ["double"] * len(operands))
    return body.new(f"call double @{full}({', '.join(f'double {o}' for o in operands)})")


def is_finite(body: Body, x: str) -> str:
    """An i1: neither infinite nor NaN."""
    return body.new(f"fcmp olt double {intrinsic(body, 'fabs', x)}, {INFINITY}")


def _binary(instruction: str) -> Callable[[Body, Op], None]:
    def emit(body: Body, op: Op) -> None:
        a, b = (body.get(value) for value in op.operands)
        if instruction == "fdiv":
            body.leave_if(body.new(f"fcmp oeq double {b}, {double(0.0)}"))
        body.put(body.new(f"{instruction} double {a}, {b}"))

    return emit


def _supported(name: str) -> Callable[[Body, Op], None]:
    """floordiv and mod, by the support function of that name."""

    def emit(body: Body, op: Op) -> None:
        a, b = (body.get(value) for value in op.operands)
        body.leave_if(body.new(f"fcmp oeq double {b}, {double(0.0)}"))
        body.put(body.call(name, f"double {a}", f"double {b}", result="double"))

    return emit


def _unary(name: str) -> Callable[[Body, Op], None]:
    def emit(body: Body, op: Op) -> None:
        body.put(intrinsic(body, name, body.get(op.operands[0])))

    return emit


def _neg(body: Body, op: Op) -> None:
    body.put(body.new(f"fneg double {body.get(op.operands[0])}"))


def _copysign(body: Body, op: Op) -> None:
    body.put(intrinsic(body, "copysign", *(body.get(value) for value in op.operands)))


def _sqrt(body: Body, op: Op) -> None:
    a = body.get(op.operands[0])
    body.leave_if(body.new(f"fcmp olt double {a}, {double(0.0)}"))
    body.put(intrinsic(body, "sqrt", a))


def _library(body: Body, name: str, *operands: str) -> str:
    body.text.declare(name, "double", ["double"] * len(operands))
    return body.new(f"call double @{name}({', '.join(f'double {o}' for o in operands)}) #2")


def _leave_on_error(body: Body, result: str, *operands: str) -> None:
    """Leave where a NaN comes of no NaN, or an infinity of finite operands."""
    fine = is_finite(body, result)
    check, on = body.fresh("check"), body.fresh("fine")
    body.line(f"br i1 {fine}, label %{on}, label %{check}")
    body.begin(check)
    nan = body.new(f"fcmp uno double {result}, {result}")
    answers = [body.new(f"fcmp ord double {o}, {o}") for o in operands]
    finite = [is_finite(body, o) for o in operands]
    while len(answers) > 1:
        answers.append(body.new(f"and i1 {answers.pop(0)}, {answers.pop(0)}"))
        finite.append(body.new(f"and i1 {finite.pop(0)}, {finite.pop(0)}"))
    body.leave_if(body.new(f"select i1 {nan}, i1 {answers[0]}, i1 {finite[0]}"))
    body.line(f"br label %{on}")
    body.begin(on)


def _libm1(body: Body, op: Op) -> None:
    name, a = op.attrs["fn"], body.get(op.operands[0])
    if name not in UNARY:
        raise BackendError(f"math.{name} is not the C library's")
    result = _library(body, name, a)
    _leave_on_error(body, result, a)
    body.put(result)


def _libm2(body: Body, op: Op) -> None:
    name, (a, b) = op.attrs["fn"], (body.get(value) for value in op.operands)
    if name not in BINARY:
        raise BackendError(f"math.{name} is not the C library's")
    if name == "pow":  # math.pow has rules of its own for these
        for operand in (a, b):
            body.leave_if(body.new(f"xor i1 {is_finite(body, operand)}, true"))
    result = _library(body, name, a, b)
    _leave_on_error(body, result, a, b)
    body.put(result)


def _isnan(body: Body, op: Op) -> None:
    a = body.get(op.operands[0])
    body.put(body.new(f"fcmp uno double {a}, {a}"))


def _isinf(body: Body, op: Op) -> None:
    size = intrinsic(body, "fabs", body.get(op.operands[0]))
    body.put(body.new(f"fcmp oeq double {size}, {INFINITY}"))


def _isfinite(body: Body, op: Op) -> None:
    body.put(is_finite(body, body.get(op.operands[0])))


def _cmp(body: Body, op: Op) -> None:
    a, b = (body.get(value) for value in op.operands)
    body.put(body.new(f"fcmp {ORDERED[op.attrs['op']]} double {a}, {b}"))


def _to_i64(body: Body, op: Op) -> None:
    whole = intrinsic(body, ROUNDINGS[op.attrs["mode"]], body.get(op.operands[0]))
    low = body.new(f"fcmp oge double {whole}, {double(-(2.0**63))}")
    high = body.new(f"fcmp olt double {whole}, {TWO_63}")
    body.leave_if(body.new(f"xor i1 {body.new(f'and i1 {low}, {high}')}, true"))
    body.put(body.new(f"fptosi double {whole} to i64"))


def _from_i64(body: Body, op: Op) -> None:
    body.put(body.new(f"sitofp i64 {body.get(op.operands[0])} to double"))


def _truediv(body: Body, op: Op) -> None:
    a, b = (body.get(value) for value in op.operands)
    body.leave_if(body.new(f"icmp eq i64 {b}, 0"))
    for operand in (a, b):
        above = body.new(f"add i64 {operand}, {TWO_53}")
        body.leave_if(body.new(f"icmp ugt i64 {above}, {2 * TWO_53}"))
    x, y = (body.new(f"sitofp i64 {operand} to double") for operand in (a, b))
    body.put(body.new(f"fdiv double {x}, {y}"))


def _cmp_f64(body: Body, op: Op) -> None:
    """Exact: compare with the whole part, then with what is left of it."""
    i, x = (body.get(value) for value in op.operands)
    symbol = op.attrs["op"]
    whole = intrinsic(body, "trunc", x)
    low = body.new(f"fcmp oge double {x}, {double(-(2.0**63))}")
    high = body.new(f"fcmp olt double {x}, {TWO_63}")
    inside = body.new(f"and i1 {low}, {high}")
    safe = body.new(f"select i1 {inside}, double {whole}, double {double(0.0)}")
    number = body.new(f"fptosi double {safe} to i64")
    rest = body.new(f"fsub double {x}, {whole}")
    equal = body.new(f"icmp eq i64 {i}, {number}")
    ordered, part = (
        ("slt", "ogt")
        if symbol in ("<", "<=")
        else ("sgt", "olt")
        if symbol in (">", ">=")
        else ("", "")
    )
    exact = body.new(f"fcmp oeq double {rest}, {double(0.0)}")
    same = body.new(f"and i1 {inside}, {body.new(f'and i1 {equal}, {exact}')}")
    if not ordered:
        body.put(body.new(f"xor i1 {same}, true") if symbol == "!=" else same)
        return
    beyond = body.new(f"and i1 {equal}, {body.new(f'fcmp {part} double {rest}, {double(0.0)}')}")
    near = body.new(f"or i1 {body.new(f'icmp {ordered} i64 {i}, {number}')}, {beyond}")
    far = body.new(f"fcmp {part} double {x}, {double(0.0)}")
    result = body.new(f"select i1 {inside}, i1 {near}, i1 {far}")
    body.put(body.new(f"or i1 {result}, {same}") if symbol in ("<=", ">=") else result)


EMIT.update(
    {
        "f64.add": _binary("fadd"),
        "f64.sub": _binary("fsub"),
        "f64.mul": _binary("fmul"),
        "f64.div": _binary("fdiv"),
        "f64.floordiv": _supported("float_floordiv"),
        "f64.mod": _supported("float_mod"),
        "f64.neg": _neg,
        "f64.abs": _unary("fabs"),
        "f64.cmp": _cmp,
        "f64.sqrt": _sqrt,
        "f64.libm1": _libm1,
        "f64.libm2": _libm2,
        "f64.isnan": _isnan,
        "f64.isinf": _isinf,
        "f64.isfinite": _isfinite,
        "f64.copysign": _copysign,
        "f64.to_i64": _to_i64,
        "i64.to_f64": _from_i64,
        "i64.truediv": _truediv,
        "i64.cmp_f64": _cmp_f64,
    }
)
