"""Small functions with hand-written bodies, for the tests of leaving, entering and calling."""

from __future__ import annotations

import dis
import sys
from types import FunctionType

from pyvorin.backend.module import Assumption, LoopHeader

from tests.compiler.backend.attached import Written, source_function

SOURCE = """
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)

def depth(n):
    if n == 0:
        return 0
    return depth(n - 1) + 1

def tight(n):
    s = 0
    i = 0
    while i < n:
        s = s + i * 3 % 7
        i = i + 1
    return s

def grow(n):
    s = 0
    i = 0
    while i < n:
        s = s * 3 + 1
        i = i + 1
    return s

def divide(a, b):
    return a // b

def middle(a, b):
    return divide(a, b) + 1

def outer(a, b):
    return middle(a, b) + 1

def put(items, i, item):
    items[i] = item
    return items

def total(items, n):
    s = 0.0
    i = 0
    while i < n:
        s = s + items[i]
        i = i + 1
    return s
"""


def offsets(function: FunctionType, *names: str) -> list[int]:
    """Where the instructions of these names are."""
    return [i.offset for i in dis.get_instructions(function) if i.opname in names]


def calls(function: FunctionType) -> list[int]:
    """Where calls resume."""
    return offsets(function, "PRECALL" if sys.version_info < (3, 12) else "CALL")


def loop(function: FunctionType) -> int:
    """Where the only loop begins."""
    instructions = dis.get_instructions(function)
    return next(int(i.argval) for i in instructions if "BACKWARD" in i.opname)


def callee(name: str, *under: str) -> str:
    """The stack below a call's arguments."""
    pair = [f"=('global', '{name}')", "-"]
    if sys.version_info < (3, 13):
        pair.reverse()
    return ", ".join([*under, *pair])


def functions(**names: object) -> dict[str, FunctionType]:
    """The functions of SOURCE in one namespace."""
    namespace = source_function(SOURCE, "fib", **names).__globals__
    return {name: f for name, f in namespace.items() if isinstance(f, FunctionType)}


def _head(name: str, nlocals: int, parameters: int, result: str = "i64") -> str:
    slots = [("local", i) for i in range(parameters)]
    return (
        f"function '{name}' index=0 variant='base' result={result} nlocals={nlocals}\n"
        f"entry -1 start {slots}\n"
    )


def fib(f: FunctionType) -> Written:
    first, second = calls(f)
    add = offsets(f, "BINARY_OP")[-1]
    text = f"""
start(%0:i64):
  poll [0 | %0 | ]
  %1:i64 = const {{value=2}}
  %2:i1 = i64.cmp %0, %1 {{op='<'}}
  condbr %2 -> small(), big()

small():
  ret %0

big():
  %9:i64 = const {{value=1}}
  %3:i64 = i64.sub %0, %9 {{nowrap=True}}
  %4:i64 = call.native %3 {{callee='fib', body=0}} [{first} | %0 | {callee("fib")}, %3]
  %5:i64 = i64.sub %0, %1 {{nowrap=True}}
  %6:i64 = call.native %5 {{callee='fib', body=0}} [{second} | %0 | {callee("fib", "%4")}, %5]
  %7:i64 = i64.add %4, %6 [{add} | %0 | %4, %6]
  ret %7
"""
    return Written(f, (_head("fib", 1, 1) + text,), (), (Assumption("callee", "fib", "fib"),))


def depth(f: FunctionType) -> Written:
    (call,) = calls(f)
    add = offsets(f, "BINARY_OP")[-1]
    text = f"""
start(%0:i64):
  %1:i64 = const {{value=0}}
  %2:i1 = i64.cmp %0, %1 {{op='=='}}
  condbr %2 -> small(), big()

small():
  ret %1

big():
  %9:i64 = const {{value=1}}
  %3:i64 = i64.sub %0, %9 {{nowrap=True}}
  %4:i64 = call.native %3 {{callee='depth', body=0}} [{call} | %0 | {callee("depth")}, %3]
  %7:i64 = i64.add %4, %9 [{add} | %0 | %4, =('const', 2)]
  ret %7
"""
    text = text.replace("=('const', 2)", f"=('const', {f.__code__.co_consts.index(1)})")
    return Written(f, (_head("depth", 1, 1) + text,), (), (Assumption("callee", "depth", "depth"),))


def _loop(f: FunctionType, body: str, widened: str = "") -> Written:
    """n, s, i are %1, %2, %3 in the loop; %9 and %11 the next s and i."""
    at = loop(f)
    rep = widened or "i64"
    state = f"[{at} | %1, %2, %3 | ]"
    inside = f"""
loop(%1:i64, %2:{rep}, %3:i64):
  poll {state}
  %4:i1 = i64.cmp %3, %1 {{op='<'}}
  condbr %4 -> body(), done()

body():
{body.replace("STATE", state)}
  %10:i64 = const {{value=1}}
  %11:i64 = i64.add %3, %10 {state}
  br -> loop(%1, %9, %11)

done():
  ret %2
"""
    name = f.__name__
    start = f"\nstart(%0:i64):\n  %20:{rep} = const {{value=0}}\n  %21:i64 = const {{value=0}}\n"
    start += "  br -> loop(%0, %20, %21)\n"
    entry = "entry 0 osr [('local', 0), ('local', 1), ('local', 2)]\n"
    osr = f"\nosr(%30:i64, %31:{rep}, %32:i64):\n  br -> loop(%30, %31, %32)\n"
    head = _head(name, 3, 1, rep)
    bodies = (head + start + inside, head + entry + start + osr + inside)
    return Written(f, bodies[1:] if widened else bodies, (LoopHeader(at, ""),))


def tight(f: FunctionType) -> Written:
    return _loop(
        f,
        """  %5:i64 = const {value=3}
  %6:i64 = i64.mul %3, %5 STATE
  %7:i64 = const {value=7}
  %8:i64 = i64.mod %6, %7
  %9:i64 = i64.add %2, %8 STATE""",
    )


def grow(f: FunctionType) -> Written:
    """An i64 body and one whose sum is an i128."""
    body = """  %5:REP = const {value=3}
  %6:REP = REP.mul %2, %5 STATE
  %7:REP = const {value=1}
  %9:REP = REP.add %6, %7 STATE"""
    base = _loop(f, body.replace("REP", "i64"))
    wide = _loop(f, body.replace("REP", "i128"), "i128")
    return Written(f, base.bodies + wide.bodies, base.headers)


def chain(f: dict[str, FunctionType]) -> list[Written]:
    """outer calls middle, which calls divide."""
    (at,) = offsets(f["divide"], "BINARY_OP")
    text = f"""
start(%0:i64, %1:i64):
  %2:i64 = i64.floordiv %0, %1 [{at} | %0, %1 | %0, %1]
  ret %2
"""
    written = [Written(f["divide"], (_head("divide", 2, 2) + text,))]
    for name, inner in (("middle", "divide"), ("outer", "middle")):
        (call,), (add,) = calls(f[name]), offsets(f[name], "BINARY_OP")
        one = f[name].__code__.co_consts.index(1)
        state = f"[{call} | %0, %1 | {callee(inner)}, %0, %1]"
        text = f"""
start(%0:i64, %1:i64):
  %2:i64 = call.native %0, %1 {{callee='{inner}', body=0}} {state}
  %3:i64 = const {{value=1}}
  %4:i64 = i64.add %2, %3 [{add} | %0, %1 | %2, =('const', {one})]
  ret %4
"""
        assumed = (Assumption("callee", inner, inner),)
        written.append(Written(f[name], (_head(name, 2, 2) + text,), (), assumed))
    return written


def put(f: FunctionType) -> Written:
    text = """
start(%0:obj, %1:i64, %2:obj):
  %3:i1 = obj.is_class %0 {cls='list'}
  guard %3 {reason='not a list'} [0 | %0, %1, %2 | ]
  %4:i64 = list.len %0
  %5:i64 = seq.index %1, %4 [0 | %0, %1, %2 | ]
  list.set %0, %5, %2 [0 | %0, %1, %2 | ]
  ret %0
"""
    return Written(f, (_head("put", 3, 3, "obj") + text,))


def total(f: FunctionType) -> Written:
    at = loop(f)
    state = f"[{at} | %0, %1, %2, %3 | ]"
    text = f"""
start(%0:obj, %1:i64):
  %20:f64 = const {{value=0.0}}
  %21:i64 = const {{value=0}}
  %22:i1 = obj.is_class %0 {{cls='list'}}
  guard %22 {{reason='not a list'}} [0 | %0, %1, -, - | ]
  br -> loop(%20, %21)

loop(%2:f64, %3:i64):
  poll {state}
  %4:i1 = i64.cmp %3, %1 {{op='<'}}
  condbr %4 -> body(), done()

body():
  %5:i64 = list.len %0
  %6:i64 = seq.index %3, %5 {state}
  %7:obj = list.get %0, %6
  %8:f64 = obj.unbox_f64 %7 {state}
  %9:f64 = f64.add %2, %8
  %10:i64 = const {{value=1}}
  %11:i64 = i64.add %3, %10 {state}
  br -> loop(%9, %11)

done():
  ret %2
"""
    return Written(f, (_head("total", 4, 2, "f64") + text,), (LoopHeader(at, ""),))
