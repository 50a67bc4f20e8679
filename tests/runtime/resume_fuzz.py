"""Resume at every instruction a program executes, and compare with going on undisturbed.

A driver runs under an opcode trace. Before an instruction of a watched function executes, the
process forks. The child captures the frame's state (locals, cells, value stack), calls a merged
copy of the function whose `take` gives that state, and reports how that call ended. The parent goes
on as if nothing happened, so the same program is its own reference: same objects, same hash seed,
no copies.

Where watched functions call each other, the whole chain is resumed too: each caller at its call,
with a thunk for a callee that runs the callee's own resume, as native code leaves nested native
frames.

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
from functools import cache, partial
from inspect import CO_GENERATOR
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Any

from pyvorin_runtime import bytecode, stackmap
from pyvorin_runtime.merge import CannotMerge, Hooks, LoopHeader, ResumePoint, merge

from tests.runtime import frames

LOG: list[object] = []
"""Side effects of the test programs; part of every ending."""

stack_map = cache(stackmap.stack_map)
decode = cache(bytecode.decode)


@dataclass
class Tally:
    """What was tried; `different` describes each ending that was not the reference's."""

    tried: int = 0
    identical: int = 0
    chains: int = 0
    points: set[tuple[str, int, str]] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    skipped: Counter[str] = field(default_factory=Counter)
    different: list[str] = field(default_factory=list)

    def line(self) -> str:
        return (
            f"{self.tried} resumes ({self.chains} of them chains of frames) at {len(self.points)} "
            f"points of {len(self.functions)} functions: {self.identical} identical; "
            f"skipped {dict(self.skipped)}"
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


def call_points(code: CodeType) -> list[ResumePoint]:
    """Every call, to be made again with another callee: a NULL, the callee, and its arguments."""
    stacks = stack_map(code)
    found = []
    instructions = decode(code).instructions
    for before, ins in itertools.pairwise(instructions):
        kinds = stacks.get(ins.offset, "x")
        if not ins.name.startswith("CALL") or ins.name.startswith("CALL_INTR"):
            continue
        at = before if before.name == "PRECALL" else ins
        taken, _ = stackmap.effect(ins.name, ins.arg)
        if stackmap.is_resumable(kinds):
            below, used = kinds[:-taken], kinds[-taken:]
            shapes = shapes_of(below)
            found += [ResumePoint(at.offset, shape + callee_shape(used)) for shape in shapes]
    return found


def callee_shape(kinds: str) -> str:
    """With a NULL where the call may have one; else the callee takes the method's place."""
    lower, upper = kinds[:2]
    pair = "0v" if lower in "0m" else "v0" if upper in "0m" else "vv"
    return pair + "v" * (len(kinds) - 2)


class Twin:
    """A function's merged copy, for one resume (in a forked child)."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.points = list(dict.fromkeys([*resume_points(code), *call_points(code)]))
        self.index = {(p.offset, p.stack): k for k, p in enumerate(self.points)}
        self.depths = {p.offset: len(p.stack) for p in resume_points(code)}
        self.state: list[object] = []
        headers = loop_headers(code)
        never: Iterator[object] = iter(())
        hooks = Hooks(never, [never] * len(headers), iter(self.state), frames.UNBOUND)
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

    def capture_call(self, frame: FrameType, thunk: object) -> tuple[object, ...] | None:
        """The same for a caller: make its current call again, of `thunk`; None if it makes none."""
        ins, before = instruction_at(self.code, frame.f_lasti)
        if not ins.name.startswith("CALL") or ins.name.startswith("CALL_INTR"):
            return None
        taken, _ = stackmap.effect(ins.name, ins.arg)
        kinds = stack_map(self.code)[ins.offset]
        below = frames.value_stack(frame, len(kinds) - taken)
        shape = "".join("0" if item is frames.UNBOUND else "v" for item in below)
        at = before if before.name == "PRECALL" else ins
        callee = callee_shape(kinds[-taken:])
        point = self.index[at.offset, shape + callee]
        values = [item for item in below if item is not frames.UNBOUND]
        values += [thunk] if "0" in callee else [thunk, None]
        values += dummy_arguments(ins.name, taken - 2)
        return (*frames.locals_and_cells(frame), point, tuple(reversed(values)))

    def ready(self, frame: FrameType, state: tuple[object, ...]) -> Callable[[], object]:
        """What calls the merged copy so that it takes `state`: C code, which has no frame."""
        twin = Twin(self.code) if self.state else self
        twin.state.append(state)
        self.used = twin.merged
        code = self.code
        closure: Any = frames.closure(frame)
        function = FunctionType(twin.merged, frame.f_globals, code.co_name, None, closure)
        positional = (None,) * code.co_argcount
        first = code.co_argcount
        only = dict.fromkeys(code.co_varnames[first : first + code.co_kwonlyargcount])
        return partial(function, *positional, **only)


def instruction_at(code: CodeType, lasti: int) -> tuple[bytecode.Instruction, bytecode.Instruction]:
    """The instruction that covers `lasti`, its caches included, and the one before."""
    instructions = decode(code).instructions
    k = max(k for k, ins in enumerate(instructions) if ins.offset <= lasti)
    return instructions[k], instructions[k - 1]


def dummy_arguments(name: str, count: int) -> list[object]:
    """Arguments for a callee that ignores them, of the types the call insists on."""
    match name, count:
        case "CALL_KW", _:
            return [*[None] * (count - 1), ()]
        case "CALL_FUNCTION_EX", 1:
            return [()]
        case "CALL_FUNCTION_EX", 2:
            return [(), {}]
    return [None] * count


def thunk_of(resume: Callable[[], object]) -> Callable[..., object]:
    """Runs `resume`, whatever it is called with. Native code has a builtin for this."""

    def thunk(*ignored: object, **also: object) -> object:
        return resume()

    return thunk


_THUNK = next(c for c in thunk_of.__code__.co_consts if isinstance(c, CodeType))


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


def _forget_thunks(error: BaseException) -> None:
    error.__traceback__ = _without_thunks(error.__traceback__)
    for linked in (error.__cause__, error.__context__):
        if linked is not None:
            _forget_thunks(linked)


def _without_thunks(tb: TracebackType | None) -> TracebackType | None:
    if tb is None:
        return None
    rest = _without_thunks(tb.tb_next)
    if tb.tb_frame.f_code is _THUNK:
        return rest
    return TracebackType(rest, tb.tb_frame, tb.tb_lasti, tb.tb_lineno)


def _child_ending(twin: Twin, resume: Callable[[], object], arguments: list[object]) -> str:
    try:
        result = resume()
    except BaseException as error:
        _forget_thunks(error)
        tb = error.__traceback__
        while tb is not None and tb.tb_frame.f_code is not twin.used:
            tb = tb.tb_next
        assert tb is not None
        return ending("raised", printed(error, tb), arguments)
    return ending("returned", result, arguments)


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
                if code.co_flags & CO_GENERATOR:  # its merged code makes a generator
                    raise CannotMerge("a generator keeps its frame between calls")
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
        name = frame.f_code.co_qualname
        self.tally.functions.add(f"{frame.f_code.co_filename}:{name}")
        self.tally.points.add((name, frame.f_lasti, twin.points[state[-2]].stack))  # type: ignore[call-overload]
        self.fork([(twin, frame, state)])
        if chain := self.chain(frame):
            self.tally.chains += 1
            self.fork([(twin, frame, state), *((t, f, None) for t, f in chain)])

    def chain(self, frame: FrameType) -> list[tuple[Twin, FrameType]]:
        """The watched callers, innermost first, as far as each was called by the next directly."""
        found = []
        while (caller := frames.direct_caller(frame)) in self.calls:
            twin = self.twins[caller.f_code]
            assert twin is not None
            if twin.capture_call(caller, None) is None:
                break
            found.append((twin, caller))
            frame = caller
        return found

    def fork(self, chain: list[tuple[Twin, FrameType, Any]]) -> None:
        """Resume `chain`, innermost first with its state, in a child; the outermost reports."""
        self.tally.tried += 1
        twin, frame, _ = chain[-1]
        call = self.calls[frame]

        def child() -> str:
            sys.settrace(None)
            resume: Callable[[], object] = list
            for each, at, state in chain:
                resume = each.ready(at, state or each.capture_call(at, thunk_of(resume)))
            return _child_ending(twin, resume, call.arguments)

        call.reported.append((chain[0][1].f_lasti, in_child(child)))

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
