"""Powers of floats: the C library's `pow`, whose answer CPython gives, and what it must answer for
exponents 2 and 0.5, seen without calling it.

x * x and sqrt(x) are the doubles next to the true square and root. `pow` computes a value that is
less than 0.05 ulp wrong and rounds that (glibc and musl share this one, Szabolcs Nagy's; what glibc
had before 2.28 rounded correctly). So both agree where the true value is nearer than 0.44 ulp to
the double, which its rest tells: the rest of a product of halves of the digits is exact (Dekker,
"A floating-point technique for extending the available precision", 1971). In one case of eight it
is not near enough, and `pow` is called, as it is for whatever is small, large or no number.
"""

from __future__ import annotations

from pyvorin.backend.body import EMIT, Body
from pyvorin.backend.floats import intrinsic
from pyvorin.backend.text import double
from pyvorin.ir.model import Op


def _pow(body: Body, op: Op) -> None:
    base, exponent = (body.get(value) for value in op.operands)
    known = body.known(op.operands[1])
    if known == 2.0:
        pair = body.new(f"call {{ double, i1 }} @square.seen(double {base})")
    elif known == 0.5:
        root = intrinsic(body, "sqrt", base)
        pair = body.new(f"call {{ double, i1 }} @root.seen(double {base}, double {root})")
    else:
        body.put(_called(body, base, exponent))
        return
    near = body.new(f"extractvalue {{ double, i1 }} {pair}, 0")
    sure = body.new(f"extractvalue {{ double, i1 }} {pair}, 1")
    first, ask, on = body.label, body.fresh("pow"), body.fresh("power")
    body.line(f"br i1 {sure}, label %{on}, label %{ask}")
    body.begin(ask)
    other = _called(body, base, exponent)
    last = body.label
    body.line(f"br label %{on}")
    body.begin(on)
    body.put(body.new(f"phi double [ {near}, %{first} ], [ {other}, %{last} ]"))


def _called(body: Body, base: str, exponent: str) -> str:
    at = body.room("double")
    fine = body.call("float_pow", f"double {base}", f"double {exponent}", body.word(at))
    body.leave_if(body.new(f"icmp eq i64 {fine}, 0"))
    return body.new(f"load double, ptr {at}")


EMIT.update({"f64.pow": _pow})

# `near`: a double, what the true value has beyond it, and whether it rounds to the double in spite
# of an error of 0.05 ulp. Below a power of two an ulp is half as large: then only with no rest.
ROUTINES = f"""
define internal i1 @near(double %value, double %rest) nounwind uwtable alwaysinline {{
  %bits = bitcast double %value to i64
  %exponent = and i64 %bits, 9218868437227405312
  %digits = and i64 %bits, 4503599627370495
  %scale = bitcast i64 %exponent to double
  %most = fmul double %scale, {double(0.44 * 2.0**-52)}
  %rest.bits = bitcast double %rest to i64
  %size.bits = and i64 %rest.bits, 9223372036854775807
  %size = bitcast i64 %size.bits to double
  %close = fcmp olt double %size, %most
  %inside = icmp ne i64 %digits, 0
  %exact = fcmp oeq double %rest, {double(0.0)}
  %unlike = or i1 %inside, %exact
  %fine = and i1 %close, %unlike
  ret i1 %fine
}}

define internal double @product.rest(double %x, double %product)
  nounwind uwtable alwaysinline {{
  %bits = bitcast double %x to i64
  %high.bits = and i64 %bits, -134217728
  %high = bitcast i64 %high.bits to double
  %low = fsub double %x, %high
  %high.high = fmul double %high, %high
  %first = fsub double %high.high, %product
  %twice = fadd double %high, %high
  %cross = fmul double %twice, %low
  %second = fadd double %first, %cross
  %low.low = fmul double %low, %low
  %rest = fadd double %second, %low.low
  ret double %rest
}}

define internal {{ double, i1 }} @square.seen(double %x) nounwind uwtable alwaysinline {{
  %square = fmul double %x, %x
  %rest = call double @product.rest(double %x, double %square)
  %near = call i1 @near(double %square, double %rest)
  %large = fcmp ogt double %square, {double(2.0**-900)}
  %small = fcmp olt double %square, {double(2.0**1000)}
  %usual = and i1 %large, %small
  %sure = and i1 %near, %usual
  %one = insertvalue {{ double, i1 }} poison, double %square, 0
  %pair = insertvalue {{ double, i1 }} %one, i1 %sure, 1
  ret {{ double, i1 }} %pair
}}

define internal {{ double, i1 }} @root.seen(double %x, double %root)
  nounwind uwtable alwaysinline {{
  %rest = call double @product.rest(double %root, double %x)
  %twice = fadd double %root, %root
  %minus = fneg double %rest
  %beyond = fdiv double %minus, %twice
  %near = call i1 @near(double %root, double %beyond)
  %large = fcmp ogt double %x, {double(2.0**-900)}
  %small = fcmp olt double %x, {double(2.0**1000)}
  %usual = and i1 %large, %small
  %sure = and i1 %near, %usual
  %one = insertvalue {{ double, i1 }} poison, double %root, 0
  %pair = insertvalue {{ double, i1 }} %one, i1 %sure, 1
  ret {{ double, i1 }} %pair
}}
"""
