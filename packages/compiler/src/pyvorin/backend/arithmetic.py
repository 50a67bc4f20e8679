"""Emitters of integer, truth-value and character operations.

Machine integers stand for mathematical ones: an operation whose result does not fit leaves first.
`floordiv` and `mod` round down, as Python's do, and never reach a `div` instruction that would
trap. 128-bit division is a routine of this artifact (`WIDE_DIVISION`): LLVM would call one of a C
compiler's library.
"""

from __future__ import annotations

from collections.abc import Callable

from pyvorin.backend.body import EMIT, TYPES, Body
from pyvorin.ir.model import Op, Rep, Value

BITS = {Rep.I64: 64, Rep.I128: 128}
SIGNED = {"<": "slt", "<=": "sle", "==": "eq", "!=": "ne", ">": "sgt", ">=": "sge"}
UNSIGNED = {"<": "ult", "<=": "ule", "==": "eq", "!=": "ne", ">": "ugt", ">=": "uge"}


def _checked(instruction: str) -> None:
    """add, sub, mul of one width."""
    for rep, bits in BITS.items():

        def emit(body: Body, op: Op, bits: int = bits) -> None:
            a, b = (body.get(value) for value in op.operands)
            if op.attrs.get("nowrap"):
                body.put(body.new(f"{instruction} nsw i{bits} {a}, {b}"))
            else:
                body.put(overflowing(body, f"s{instruction}", bits, a, b))

        EMIT[f"{rep.value}.{instruction}"] = emit


def overflowing(body: Body, name: str, bits: int, a: str, b: str) -> str:
    """The result of an operation that leaves on overflow."""
    intrinsic = f"llvm.{name}.with.overflow.i{bits}"
    kind = f"{{ i{bits}, i1 }}"
    body.text.declare(intrinsic, kind, [f"i{bits}", f"i{bits}"])
    pair = body.new(f"call {kind} @{intrinsic}(i{bits} {a}, i{bits} {b})")
    body.leave_if(body.new(f"extractvalue {kind} {pair}, 1"))
    return body.new(f"extractvalue {kind} {pair}, 0")


def _kind(op: Op) -> tuple[str, int]:
    rep = op.operands[0].rep
    return TYPES[rep], BITS[rep]


def _divisor(body: Body, value: Value) -> int | None:
    """A constant divisor that needs no check."""
    known = body.known(value)
    return known if isinstance(known, int) and known not in (0, -1) else None


def _floordiv(body: Body, op: Op) -> None:
    kind, bits = _kind(op)
    a, b = (body.get(value) for value in op.operands)
    known = _divisor(body, op.operands[1])
    if known is None:
        body.leave_if(body.new(f"icmp eq {kind} {b}, 0"))
        least = body.new(f"icmp eq {kind} {a}, {-(1 << bits - 1)}")
        minus = body.new(f"icmp eq {kind} {b}, -1")
        body.leave_if(body.new(f"and i1 {least}, {minus}"))
    elif known > 0 and known & known - 1 == 0:
        body.put(body.new(f"ashr {kind} {a}, {known.bit_length() - 1}"))
        return
    if bits == 128:
        body.put(body.new(f"call i128 @wide.floordiv(i128 {a}, i128 {b})"))
        return
    quotient = body.new(f"sdiv i64 {a}, {b}")
    rest = body.new(f"srem i64 {a}, {b}")
    low = _other_sign(body, rest, b)
    body.put(body.new(f"sub i64 {quotient}, {body.new(f'zext i1 {low} to i64')}"))


def _other_sign(body: Body, rest: str, b: str) -> str:
    """Has a remainder that is not 0 another sign than the divisor?"""
    some = body.new(f"icmp ne i64 {rest}, 0")
    signs = body.new(f"xor i64 {rest}, {b}")
    return body.new(f"and i1 {some}, {body.new(f'icmp slt i64 {signs}, 0')}")


def _mod(body: Body, op: Op) -> None:
    kind, bits = _kind(op)
    a, b = (body.get(value) for value in op.operands)
    known = _divisor(body, op.operands[1])
    if known is None:
        body.leave_if(body.new(f"icmp eq {kind} {b}, 0"))
    elif known > 0 and known & known - 1 == 0:
        body.put(body.new(f"and {kind} {a}, {known - 1}"))
        return
    if bits == 128:
        body.put(body.new(f"call i128 @wide.mod(i128 {a}, i128 {b})"))
        return
    if known is None:  # a % -1 is a % 1, which does not trap
        minus = body.new(f"icmp eq i64 {b}, -1")
        b = body.new(f"select i1 {minus}, i64 1, i64 {b}")
    rest = body.new(f"srem i64 {a}, {b}")
    more = body.new(f"select i1 {_other_sign(body, rest, b)}, i64 {b}, i64 0")
    body.put(body.new(f"add i64 {rest}, {more}"))


def _shl(body: Body, op: Op) -> None:
    kind, bits = _kind(op)
    a, count = (body.get(value) for value in op.operands)
    negative = body.new(f"icmp slt i64 {count}, 0")
    far = body.new(f"icmp uge i64 {count}, {bits}")
    some = body.new(f"icmp ne {kind} {a}, 0")
    body.leave_if(body.new(f"or i1 {negative}, {body.new(f'and i1 {far}, {some}')}"))
    near = body.new(f"select i1 {far}, i64 0, i64 {count}")
    by = near if bits == 64 else body.new(f"zext i64 {near} to i128")
    result = body.new(f"shl {kind} {a}, {by}")
    back = body.new(f"ashr {kind} {result}, {by}")
    body.leave_if(body.new(f"icmp ne {kind} {back}, {a}"))
    body.put(result)


def _shr(body: Body, op: Op) -> None:
    kind, bits = _kind(op)
    a, count = (body.get(value) for value in op.operands)
    body.leave_if(body.new(f"icmp slt i64 {count}, 0"))
    far = body.new(f"icmp uge i64 {count}, {bits}")
    by = body.new(f"select i1 {far}, i64 {bits - 1}, i64 {count}")
    if bits == 128:
        by = body.new(f"zext i64 {by} to i128")
    body.put(body.new(f"ashr {kind} {a}, {by}"))


def _neg(body: Body, op: Op) -> None:
    _, bits = _kind(op)
    body.put(overflowing(body, "ssub", bits, "0", body.get(op.operands[0])))


def _abs(body: Body, op: Op) -> None:
    kind, bits = _kind(op)
    a = body.get(op.operands[0])
    body.leave_if(body.new(f"icmp eq {kind} {a}, {-(1 << bits - 1)}"))
    negative = body.new(f"icmp slt {kind} {a}, 0")
    minus = body.new(f"sub {kind} 0, {a}")
    body.put(body.new(f"select i1 {negative}, {kind} {minus}, {kind} {a}"))


def _not(body: Body, op: Op) -> None:
    body.put(body.new(f"xor {_kind(op)[0]} {body.get(op.operands[0])}, -1"))


def _bitwise(instruction: str, name: str, rep: Rep) -> None:
    def emit(body: Body, op: Op) -> None:
        a, b = (body.get(value) for value in op.operands)
        body.put(body.new(f"{instruction} {TYPES[rep]} {a}, {b}"))

    EMIT[name] = emit


def _compare(name: str, rep: Rep, predicates: dict[str, str]) -> None:
    def emit(body: Body, op: Op) -> None:
        a, b = (body.get(value) for value in op.operands)
        body.put(body.new(f"icmp {predicates[op.attrs['op']]} {TYPES[rep]} {a}, {b}"))

    EMIT[name] = emit


for _instruction in ("add", "sub", "mul"):
    _checked(_instruction)
for _rep in BITS:
    EMIT[f"{_rep.value}.floordiv"] = _floordiv
    EMIT[f"{_rep.value}.mod"] = _mod
    EMIT[f"{_rep.value}.shl"] = _shl
    EMIT[f"{_rep.value}.shr"] = _shr
    EMIT[f"{_rep.value}.neg"] = _neg
    EMIT[f"{_rep.value}.abs"] = _abs
    EMIT[f"{_rep.value}.not"] = _not
    _compare(f"{_rep.value}.cmp", _rep, SIGNED)
for _rep in (*BITS, Rep.I1):
    for _instruction in ("and", "or", "xor"):
        _bitwise(_instruction, f"{_rep.value}.{_instruction}", _rep)
_compare("char.cmp", Rep.CHAR, UNSIGNED)


def _mulmod(body: Body, op: Op) -> None:
    a, b, m = (body.get(value) for value in op.operands)
    if not body.known(op.operands[2]):
        body.leave_if(body.new(f"icmp eq i64 {m}, 0"))
    body.put(body.new(f"call i64 @mulmod(i64 {a}, i64 {b}, i64 {m})"))


def _pow(body: Body, op: Op) -> None:
    a, n = (body.get(value) for value in op.operands)
    pair = body.new(f"call {{ i64, i1 }} @power(i64 {a}, i64 {n})")
    body.leave_if(body.new(f"extractvalue {{ i64, i1 }} {pair}, 1"))
    body.put(body.new(f"extractvalue {{ i64, i1 }} {pair}, 0"))


def _to_i64(body: Body, op: Op) -> None:
    a = body.get(op.operands[0])
    low = body.new(f"trunc i128 {a} to i64")
    back = body.new(f"sext i64 {low} to i128")
    body.leave_if(body.new(f"icmp ne i128 {back}, {a}"))
    body.put(low)


def _convert(instruction: str, to: str) -> Callable[[Body, Op], None]:
    def emit(body: Body, op: Op) -> None:
        body.put(body.new(f"{instruction} {body.typed(op.operands[0])} to {to}"))

    return emit


def _same(body: Body, op: Op) -> None:
    body.put(body.get(op.operands[0]))


def _i1_not(body: Body, op: Op) -> None:
    body.put(body.new(f"xor i1 {body.get(op.operands[0])}, true"))


EMIT.update(
    {
        "i64.mulmod": _mulmod,
        "i64.pow": _pow,
        "i64.to_i128": _convert("sext", "i128"),
        "i128.to_i64": _to_i64,
        "i1.to_i64": _convert("zext", "i64"),
        "char.to_i64": _same,
        "i1.not": _i1_not,
    }
)

ROUTINES = """
define internal i64 @mulmod(i64 %a, i64 %b, i64 %m) nounwind uwtable alwaysinline {
  %signs1 = or i64 %a, %b
  %signs = or i64 %signs1, %m
  %wide.a = sext i64 %a to i128
  %wide.b = sext i64 %b to i128
  %product = mul i128 %wide.a, %wide.b
  %high128 = lshr i128 %product, 64
  %high = trunc i128 %high128 to i64
  %low = trunc i128 %product to i64
  %plus = icmp sge i64 %signs, 0
  %small = icmp eq i64 %high, 0
  %easy = and i1 %plus, %small
  br i1 %easy, label %short, label %long
short:
  %rest = urem i64 %low, %m
  ret i64 %rest
long:
  %slow = call i64 @mulmod.long(i64 %low, i64 %high, i64 %m)
  ret i64 %slow
}

define internal i64 @mulmod.long(i64 %low, i64 %high, i64 %m) #4 noinline {
  %high128 = zext i64 %high to i128
  %low128 = zext i64 %low to i128
  %shifted = shl i128 %high128, 64
  %product = or i128 %shifted, %low128
  %negative = icmp slt i128 %product, 0
  %minus = sub i128 0, %product
  %size = select i1 %negative, i128 %minus, i128 %product
  %down = icmp slt i64 %m, 0
  %m.minus = sub i64 0, %m
  %m.size = select i1 %down, i64 %m.minus, i64 %m
  %size.low = trunc i128 %size to i64
  %top128 = lshr i128 %size, 64
  %top = trunc i128 %top128 to i64
  %top.rest = urem i64 %top, %m.size
  %pair = call { i64, i64 } @divide(i64 %top.rest, i64 %size.low, i64 %m.size)
  %rest = extractvalue { i64, i64 } %pair, 1
  %other = xor i1 %negative, %down
  %some = icmp ne i64 %rest, 0
  %turn = and i1 %other, %some
  %turned = sub i64 %m.size, %rest
  %answer = select i1 %turn, i64 %turned, i64 %rest
  %answer.minus = sub i64 0, %answer
  %result = select i1 %down, i64 %answer.minus, i64 %answer
  ret i64 %result
}

define internal { i64, i64 } @divide(i64 %high, i64 %low, i64 %by) #4 alwaysinline {
  %pair = call { i64, i64 } asm "divq $4", "={ax},={dx},{ax},{dx},r,~{dirflag},~{fpsr},~{flags}"(i64
  %low, i64 %high, i64 %by) ret { i64, i64 } %pair
}

define internal { i64, i1 } @power(i64 %a, i64 %n) #4 {
start:
  %negative = icmp slt i64 %n, 0
  br i1 %negative, label %no, label %loop
loop:
  %base = phi i64 [ %a, %start ], [ %square, %next ]
  %rest = phi i64 [ %n, %start ], [ %half, %next ]
  %result = phi i64 [ 1, %start ], [ %result.next, %next ]
  %bit = and i64 %rest, 1
  %odd = icmp ne i64 %bit, 0
  %factor = select i1 %odd, i64 %base, i64 1
  %product = call { i64, i1 } @llvm.smul.with.overflow.i64(i64 %result, i64 %factor)
  %result.next = extractvalue { i64, i1 } %product, 0
  %wrapped = extractvalue { i64, i1 } %product, 1
  br i1 %wrapped, label %no, label %more
more:
  %half = lshr i64 %rest, 1
  %done = icmp eq i64 %half, 0
  br i1 %done, label %yes, label %next
next:
  %squared = call { i64, i1 } @llvm.smul.with.overflow.i64(i64 %base, i64 %base)
  %square = extractvalue { i64, i1 } %squared, 0
  %too.big = extractvalue { i64, i1 } %squared, 1
  br i1 %too.big, label %no, label %loop
yes:
  %good = insertvalue { i64, i1 } { i64 poison, i1 false }, i64 %result.next, 0
  ret { i64, i1 } %good
no:
  ret { i64, i1 } { i64 0, i1 true }
}
"""

WIDE_DIVISION = """
define internal { i128, i128 } @wide.unsigned(i128 %a, i128 %b) #4 noinline {
  %a.low = trunc i128 %a to i64
  %a.shifted = lshr i128 %a, 64
  %a.high = trunc i128 %a.shifted to i64
  %b.low = trunc i128 %b to i64
  %b.shifted = lshr i128 %b, 64
  %b.high = trunc i128 %b.shifted to i64
  %one.word = icmp eq i64 %b.high, 0
  br i1 %one.word, label %short, label %long
short:
  %q.high = udiv i64 %a.high, %b.low
  %r.high = urem i64 %a.high, %b.low
  %pair = call { i64, i64 } @divide(i64 %r.high, i64 %a.low, i64 %b.low)
  %q.low = extractvalue { i64, i64 } %pair, 0
  %r.low = extractvalue { i64, i64 } %pair, 1
  %q.high128 = zext i64 %q.high to i128
  %q.top = shl i128 %q.high128, 64
  %q.low128 = zext i64 %q.low to i128
  %q.short = or i128 %q.top, %q.low128
  %r.short = zext i64 %r.low to i128
  br label %end
long:
  %zeros = call i64 @llvm.ctlz.i64(i64 %b.high, i1 true)
  %zeros128 = zext i64 %zeros to i128
  %b.normal = shl i128 %b, %zeros128
  %b.top128 = lshr i128 %b.normal, 64
  %b.top = trunc i128 %b.top128 to i64
  %a.half = lshr i128 %a, 1
  %a.half.low = trunc i128 %a.half to i64
  %a.half.shifted = lshr i128 %a.half, 64
  %a.half.high = trunc i128 %a.half.shifted to i64
  %guess.pair = call { i64, i64 } @divide(i64 %a.half.high, i64 %a.half.low, i64 %b.top)
  %guess = extractvalue { i64, i64 } %guess.pair, 0
  %back = sub i64 63, %zeros
  %scaled = lshr i64 %guess, %back
  %none = icmp eq i64 %scaled, 0
  %less = sub i64 %scaled, 1
  %lower = select i1 %none, i64 0, i64 %less
  %lower128 = zext i64 %lower to i128
  %covered = mul i128 %lower128, %b
  %over = sub i128 %a, %covered
  %again = icmp uge i128 %over, %b
  %step = zext i1 %again to i128
  %q.long = add i128 %lower128, %step
  %more = select i1 %again, i128 %b, i128 0
  %r.long = sub i128 %over, %more
  br label %end
end:
  %q = phi i128 [ %q.short, %short ], [ %q.long, %long ]
  %r = phi i128 [ %r.short, %short ], [ %r.long, %long ]
  %part = insertvalue { i128, i128 } poison, i128 %q, 0
  %whole = insertvalue { i128, i128 } %part, i128 %r, 1
  ret { i128, i128 } %whole
}

define internal { i128, i128 } @wide.floor(i128 %a, i128 %b) #4 {
  %a.minus = sub i128 0, %a
  %b.minus = sub i128 0, %b
  %a.negative = icmp slt i128 %a, 0
  %b.negative = icmp slt i128 %b, 0
  %a.size = select i1 %a.negative, i128 %a.minus, i128 %a
  %b.size = select i1 %b.negative, i128 %b.minus, i128 %b
  %pair = call { i128, i128 } @wide.unsigned(i128 %a.size, i128 %b.size)
  %q = extractvalue { i128, i128 } %pair, 0
  %r = extractvalue { i128, i128 } %pair, 1
  %other = xor i1 %a.negative, %b.negative
  %some = icmp ne i128 %r, 0
  %turn = and i1 %other, %some
  %r.turned = sub i128 %b.size, %r
  %r.floor = select i1 %turn, i128 %r.turned, i128 %r
  %r.minus = sub i128 0, %r.floor
  %r.signed = select i1 %b.negative, i128 %r.minus, i128 %r.floor
  %step = zext i1 %turn to i128
  %q.more = add i128 %q, %step
  %q.minus = sub i128 0, %q.more
  %q.signed = select i1 %other, i128 %q.minus, i128 %q
  %part = insertvalue { i128, i128 } poison, i128 %q.signed, 0
  %whole = insertvalue { i128, i128 } %part, i128 %r.signed, 1
  ret { i128, i128 } %whole
}

define internal i128 @wide.floordiv(i128 %a, i128 %b) #4 {
  %pair = call { i128, i128 } @wide.floor(i128 %a, i128 %b)
  %q = extractvalue { i128, i128 } %pair, 0
  ret i128 %q
}

define internal i128 @wide.mod(i128 %a, i128 %b) #4 {
  %pair = call { i128, i128 } @wide.floor(i128 %a, i128 %b)
  %r = extractvalue { i128, i128 } %pair, 1
  ret i128 %r
}
"""
