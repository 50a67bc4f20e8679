"""What entering native code through a merged code object costs, against a Python call.

Alternating runs, CPU time, best of many, the empty loop subtracted. The stand-ins for native code
do next to nothing: ``itertools.repeat`` as a hook, ``operator.is_`` as a builtin taking its
arguments in an array. Ratios are to a Python call of ``x + 1`` in the same run::

    python packages/runtime/bench/prologue.py

merged, hook       what `merge` makes: FOR_ITER over a C iterator, before RESUME
builtin, mark      after RESUME: CALL of a builtin, COPY 1; LOAD_CONST mark; IS_OP; POP_JUMP
builtin, no test   the same without the test: what an exception-table entry could cost at best
merged, declined   hook and take say no, then x + 1 in bytecode
resumed            hook says no, take restores one local, then x + 1: what leaving native code costs
loop hook          one more iteration of an empty `for`, its loop hook saying no, as a ratio to one
                   without hook; gate closed: passed over
"""

from __future__ import annotations

import itertools
import operator
import sys
import time
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from pyvorin_runtime import bytecode as bc
from pyvorin_runtime.bytecode import MINOR, Instruction
from pyvorin_runtime.merge import Gate, Hooks, LoopHeader, ResumePoint, merge

ROUNDS, CALLS = 15, 100_000
MARK = object()
Function = Callable[..., Any]


def plain(x: int) -> int:
    return x + 1


def loop(n: int) -> None:
    for _ in range(n):
        pass


def merged(entry: Iterator[object], take: Iterator[object]) -> Function:
    points = [ResumePoint(2, "")]
    code = merge(plain.__code__, points, [], Hooks(entry, [], take, None))
    return FunctionType(code, globals())


def with_loop_hook(gate: Gate) -> Function:
    jumps = [i for i in bc.decode(loop.__code__).instructions if "BACKWARD" in i.name]
    assert jumps[0].target is not None
    header = LoopHeader(jumps[0].target.offset, "v")
    never: Iterator[object] = iter(())
    hooks = Hooks(never, [never], never, None, [gate])
    return FunctionType(merge(loop.__code__, [], [header], hooks), globals())


def with_builtin(test: bool) -> Function:
    """The form that was not chosen, by hand."""
    code = plain.__code__
    decoded = bc.decode(code)
    constants = (*code.co_consts, operator.is_, MARK)
    load = Instruction("LOAD_CONST", len(constants) - 2)
    callee = [Instruction("PUSH_NULL"), load]
    if MINOR >= (3, 13):
        callee.reverse()
    arguments = [Instruction("LOAD_FAST", 0), Instruction("LOAD_FAST", 0)]
    call = [Instruction(n, 2) for n in (("PRECALL", "CALL") if MINOR < (3, 12) else ("CALL",))]
    go_on = Instruction("POP_TOP")
    jump = "POP_JUMP_FORWARD_IF_TRUE" if MINOR < (3, 12) else "POP_JUMP_IF_TRUE"
    tested = [Instruction("COPY", 1), Instruction("LOAD_CONST", len(constants) - 1)]
    tested += [Instruction("IS_OP", 0), Instruction(jump, target=go_on)]
    returns = [Instruction("RETURN_VALUE"), go_on]
    decoded.instructions[1:1] = [*callee, *arguments, *call, *(tested if test else []), *returns]
    changed = bc.assemble(decoded, code, co_consts=constants, co_stacksize=8)
    return FunctionType(changed, globals())


def timer(statement: str, function: object) -> Callable[[int], float]:
    """A loop of its own, so that each specialises for what it calls."""
    namespace = {"function": function, "clock": time.process_time, "repeat": itertools.repeat}
    source = "def run(n):\n r = repeat(None, n)\n begin = clock()\n for _ in r:\n"
    exec(f"{source}  {statement}\n return clock() - begin\n", namespace)
    run: Callable[[int], float] = namespace["run"]  # type: ignore[assignment]
    return run


def measure(timers: dict[str, Callable[[int], float]], calls: int) -> dict[str, float]:
    """Nanoseconds an execution, best of alternating rounds."""
    best = dict.fromkeys(timers, float("inf"))
    for _ in range(ROUNDS):
        for name, run in timers.items():
            best[name] = min(best[name], run(calls) / calls * 1e9)
    return best


def main() -> None:
    never: Iterator[object] = iter(())
    functions: dict[str, Function] = {
        "python x + 1": plain,
        "merged, hook": merged(itertools.repeat(7), never),
        "builtin, mark": with_builtin(test=True),
        "builtin, no test": with_builtin(test=False),
        "merged, declined": merged(never, never),
        "resumed": merged(never, itertools.repeat((3, 0, ()))),
    }
    timers = {name: timer("function(3)", each) for name, each in functions.items()}
    times = measure({"empty": timer("pass", None), **timers}, CALLS)
    empty = times.pop("empty")
    show(times, empty, times["python x + 1"] - empty)
    loops = {"python loop": loop}
    loops |= {"loop hook": with_loop_hook(Gate()), "gate closed": with_loop_hook(Gate(False))}
    times = measure({name: timer("function(1000)", f) for name, f in loops.items()}, CALLS // 500)
    show({name: ns / 1000 for name, ns in times.items()}, 0, times["python loop"] / 1000)


def show(times: dict[str, float], empty: float, base: float) -> None:
    for name, ns in times.items():
        print(f"{sys.version[:6]}  {name:18} {ns - empty:7.1f} ns  {(ns - empty) / base:5.2f}")


if __name__ == "__main__":
    main()
