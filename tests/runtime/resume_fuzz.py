"""Resume at every instruction a program executes, and compare with going on undisturbed.

A driver runs under an opcode trace. Before an instruction of a watched function executes, the process
forks. The child captures the frame's state (locals, cells, value stack), calls a merged copy of the
function whose `take` gives that state, and reports how that call ended. The parent goes on as if
nothing happened, so the same program is its own reference: same objects, same hash seed, no copies.

An ending is the result, or the exception with its printed traceback (lines and carets), and in both
cases the final contents of the arguments and of a log that the test programs write.
"""

from __future__ import annotations

import dis
import itertools
import os
import re
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Any

from pyvorin_runtime import bytecode, stackmap
from pyvorin_runtime.merge import CannotMerge, Hooks, LoopHeader, ResumePoint, merge
from tests.runtime import frames

LOG: list[object] = []
"""Side effects of the test programs; part of every ending."""


@dataclass
class Tally:
    """What was tried. `different` holds a description of each ending that was not the reference's."""

    tried: int = 0
    identical: int = 0
    points: set[tuple[str, int, str]] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    skipped: Counter[str] = field(default_factory=Counter)
    different: list[str] = field(default_factory=list)

    def line(self) -> str:
        return (
            f"{self.tried} resumes at {len(self.points)} points of {len(self.functions)} functions: "
            f"{self.identical} identical; skipped {dict(self.skipped)}"
        )


def loop_headers(code: CodeType) -> list[LoopHeader]:
    """Every reachable target of a backward jump whose stack can be described."""
    stacks = stackmap.stack_map(code)
    jumps = [ins for ins in bytecode.decode(code).instructions if "BACKWARD" in ins.name]
    offsets = sorted({ins.target.offset for ins in jumps if ins.target and ins.offset in stacks})
    shapes = ((at, shapes_of(stacks[at])[0]) for at in offsets if stackmap.is_resumable(stacks[at]))
    return [LoopHeader(at, shape) for at, shape in shapes]


def resume_points(code: CodeType) -> list[ResumePoint]:
    """Every resumable instruction, with each stack it may find."""
    return [
        ResumePoint(offset, shape)
        for offset, kinds in stackmap.resume_map(code).items()
        for shape in shapes_of(kinds)
    ]


def shapes_of(kinds: str) -> list[str]:
    """The stacks of "v" and "0" that fit `kinds`."""
    choices = [{"0": "0", "m": "v0"}.get(kind, "v") for kind in kinds]
    return ["".join(shape) for shape in itertools.islice(itertools.product(*choices), 64)]


class Twin:
    """A function's merged copy, for one resume (in a forked child)."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.points = resume_points(code)
        self.index = {(p.offset, p.stack): k for k, p in enumerate(self.points)}
        self.depths = {p.offset: len(p.stack) for p in self.points}
        self.state: list[object] = []
        headers = loop_headers(code)
        never: Iterator[object] = iter(())
        hooks = Hooks(never, [never] * len(headers), iter(self.state), object(), frames.UNBOUND)
        self.merged = merge(code, self.points, headers, hooks)

    def capture(self, frame: FrameType) -> tuple[object, ...] | None:
        """The tuple `take` will give, or None if this offset is no resume point."""
        depth = self.depths.get(frame.f_lasti)
        if depth is None:
            return None
        stack = frames.value_stack(frame, depth)
        shape = "".join("0" if item is frames.UNBOUND else "v" for item in stack)
        point = self.index[frame.f_lasti, shape]
        values = tuple(item for item in reversed(stack) if item is not frames.UNBOUND)
        return (*frames.locals_and_cells(frame), point, values)

    def resume(self, frame: FrameType, state: tuple[object, ...]) -> object:
        self.state.append(state)
        code = self.code
        closure: Any = frames.closure(frame)
        function = FunctionType(self.merged, frame.f_globals, code.co_name, None, closure)
        positional = (None,) * code.co_argcount
        first = code.co_argcount
        only = dict.fromkeys(code.co_varnames[first : first + code.co_kwonlyargcount])
        return function(*positional, **only)


# -- endings ---------------------------------------------------------------------------------------


def ending(kind: str, value: object, arguments: list[object]) -> str:
    return f"{kind}: {describe(value)}\narguments: {describe(arguments)}\nlog: {describe(LOG)}"


def describe(value: object, depth: int = 3) -> str:
    """A repr without addresses, with the attributes of objects that do not show them."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    attributes = getattr(value, "__dict__", None)
    if depth and isinstance(attributes, dict) and type(value).__repr__ is object.__repr__:
        text += describe({**attributes}, depth - 1)
    return re.sub(r"0x[0-9a-f]{6,}", "0x…", text)


def printed(error: BaseException, from_here: TracebackType | None) -> str:
    return "".join(traceback.format_exception(type(error), error, from_here))


def _child_ending(
    twin: Twin, frame: FrameType, state: tuple[object, ...], args: list[object]
) -> str:
    try:
        result = twin.resume(frame, state)
    except BaseException as error:
        tb = error.__traceback__
        while tb is not None and tb.tb_frame.f_code is not twin.merged:
            tb = tb.tb_next
        assert tb is not None
        return ending("raised", printed(error, tb), args)
    return ending("returned", result, args)


# -- the trace -------------------------------------------------------------------------------------


@dataclass
class _Call:
    """One watched call in progress, and the endings its forked children reported."""

    arguments: list[object]
    reported: list[tuple[int, str]] = field(default_factory=list)


class Fuzzer:
    """Traces calls of functions that `watch` accepts; at most `visits` forks an instruction."""

    def __init__(self, watch: Callable[[CodeType], bool], visits: int = 2, budget: int = 10**9):
        self.watch = watch
        self.visits = visits
        self.budget = budget
        self.tally = Tally()
        self.seen: Counter[tuple[CodeType, int]] = Counter()
        self.twins: dict[CodeType, Twin | None] = {}
        self.calls: dict[FrameType, _Call] = {}
        self.unwinding: tuple[FrameType, _Call, str] | None = None

    def run(self, driver: Callable[[], object]) -> None:
        LOG.clear()
        frame = sys._getframe()
        frame.f_trace_opcodes = True  # 3.12 decides at settrace whether anyone wants opcodes
        sys.settrace(self.on_call)
        try:
            driver()
        except Exception as error:
            self.tally.skipped[f"driver ended with {type(error).__name__}"] += 1
        finally:
            sys.settrace(None)

    def twin(self, code: CodeType) -> Twin | None:
        if code not in self.twins:
            try:
                self.twins[code] = Twin(code)
            except CannotMerge as refusal:
                self.tally.skipped[str(refusal)] += 1
                self.twins[code] = None
        return self.twins[code]

    def on_call(self, frame: FrameType, event: str, arg: object) -> Any:
        code = frame.f_code
        if not self.watch(code) or self.twin(code) is None:
            return self.on_other
        frame.f_trace = self.on_event  # 3.13 wants it before f_trace_opcodes
        frame.f_trace_opcodes = True
        flags = bool(code.co_flags & 4) + bool(code.co_flags & 8)
        arguments = frames.slots(frame, 0, code.co_argcount + code.co_kwonlyargcount + flags)
        self.calls[frame] = _Call(arguments)
        return self.on_event

    def on_other(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "exception":
            self.settle_unwound(arg[1], arg[2])
        return self.on_other

    def on_event(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "opcode":
            self.maybe_fork(frame, self.calls[frame])
        elif event == "exception":
            self.settle_unwound(arg[1], arg[2])
        elif event == "return":
            self.on_return(frame, arg)
        return self.on_event

    def on_return(self, frame: FrameType, result: object) -> None:
        call = self.calls.pop(frame)
        opcode = dis.opname[frame.f_code.co_code[frame.f_lasti]]
        if opcode.startswith("RETURN"):
            self.compare(frame, call, ending("returned", result, call.arguments))
        else:
            # Which exception leaves it, the caller's own exception event will tell.
            self.unwinding = (frame, call, ending("", "", call.arguments))

    def settle_unwound(self, error: BaseException, tb: TracebackType | None) -> None:
        if self.unwinding is None:
            return
        frame, call, state = self.unwinding
        self.unwinding = None
        while tb is not None and tb.tb_frame is not frame:
            tb = tb.tb_next
        if tb is None:
            self.tally.skipped["exception swallowed by C code"] += len(call.reported)
            return
        raised = describe(printed(error, tb))
        self.compare(frame, call, f"raised: {raised}" + state.removeprefix(": ''"))

    def maybe_fork(self, frame: FrameType, call: _Call) -> None:
        where = (frame.f_code, frame.f_lasti)
        twin = self.twins[frame.f_code]
        if twin is None or self.seen[where] >= self.visits or self.tally.tried >= self.budget:
            return
        state = twin.capture(frame)
        if state is None:
            return
        self.seen[where] += 1
        self.tally.tried += 1
        name = frame.f_code.co_qualname
        self.tally.functions.add(f"{frame.f_code.co_filename}:{name}")
        self.tally.points.add((name, frame.f_lasti, twin.points[state[-2]].stack))  # type: ignore[call-overload]
        call.reported.append(
            (frame.f_lasti, in_child(lambda: self.child(twin, frame, state, call)))
        )

    @staticmethod
    def child(twin: Twin, frame: FrameType, state: tuple[object, ...], call: _Call) -> str:
        sys.settrace(None)
        return _child_ending(twin, frame, state, call.arguments)

    def compare(self, frame: FrameType, call: _Call, expected: str) -> None:
        for offset, reported in call.reported:
            if reported == expected:
                self.tally.identical += 1
            else:
                name = frame.f_code.co_qualname
                self.tally.different.append(f"{name} at {offset}\n  {expected}\n  {reported}")


def in_child(work: Callable[[], str], timeout_s: int = 20) -> str:
    """Run `work` in a forked child and return its text; a crash or a hang is a text too."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _report_and_exit(work, writing, timeout_s)
    os.close(writing)
    with open(reading, "rb") as pipe:
        text = pipe.read().decode("utf-8", "surrogatepass")
    _, status = os.waitpid(child, 0)
    return text if status == 0 else f"child ended with status {status}: {text}"


def _report_and_exit(work: Callable[[], str], writing: int, timeout_s: int) -> None:
    signal.alarm(timeout_s)
    status = 1
    try:
        text = work().encode("utf-8", "surrogatepass")
        while text:
            text = text[os.write(writing, text) :]
        status = 0
    finally:
        os._exit(status)
