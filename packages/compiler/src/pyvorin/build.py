"""Compile a module, prove the result against CPython, time it, and keep only what gained.

    build(Request(source, "app.py", options), compile_module)  →  Built

    compile → refused? → check → differs? → time → too slow? → compile again without those → report

The artifact in `Built` is the very one that was checked. It is None whenever something forbids to
ship it: a function that cannot be compiled (unless kept in Python on request), a call that native
code answers otherwise, or nothing left that would be faster.
"""

from __future__ import annotations

import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from pyvorin_wire.diagnostic import Diagnostic, Severity, Span

from pyvorin.check.case import shown
from pyvorin.check.definitions import definitions
from pyvorin.check.gain import Gain, measure, slow
from pyvorin.check.process import Program
from pyvorin.check.run import PATIENCE, Side, Tally, Verdict, check
from pyvorin.check.shrink import Shrunk, shrink
from pyvorin.errors import FINDINGS, MISMATCH, OK
from pyvorin.options import DEFAULT_SEED, CompileOptions
from pyvorin.report import Report, assemble, duration

MAX_PASSES: Final = 4
MAX_SHRUNK: Final = 3  # differing functions shown in one build
_ELF: Final = b"\x7fELF"


class Outcome(Protocol):
    """What became of one function; `pyvorin.driver.Outcome` is one."""

    @property
    def name(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def verdict(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def left(self) -> Sequence[tuple[int, str]]: ...


class Compiled(Protocol):
    """What a compiler returns; `pyvorin.driver.Compiled` is one."""

    @property
    def shared_object(self) -> bytes | None: ...
    @property
    def meta(self) -> bytes: ...
    @property
    def functions(self) -> Sequence[Outcome]: ...


Compiler = Callable[[str, str, CompileOptions], Compiled]


@dataclass(frozen=True, slots=True)
class Request:
    """One build. `findings` are what reading the source alone has shown; `left` maps functions that
    an earlier measurement keeps in Python (they are in `options.exclude` too) to code and reason;
    `environment` is added to the native side's while checking (PYVORIN_FORCE).
    """

    source: str
    path: str
    options: CompileOptions
    findings: tuple[Diagnostic, ...] = ()
    seed: int = DEFAULT_SEED
    checked: bool = True
    measured: bool = True
    left: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


class Built(NamedTuple):
    """The result. `artifact` is None when nothing may be shipped; `exit_code` is the command's."""

    artifact: bytes | None
    meta: bytes
    report: Report
    diagnostics: tuple[Diagnostic, ...]
    exit_code: int


@dataclass(slots=True)
class _Findings:
    """What the passes of one build found."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    gains: dict[str, Gain] = field(default_factory=dict)
    left: dict[str, tuple[str, str]] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def build(request: Request, compile_module: Compiler) -> Built:
    """Compile, check, time and report. Raises what the compiler raises on an internal fault."""
    findings = _Findings(left=dict(request.left))
    options = request.options
    for number in range(MAX_PASSES):
        compiled = compile_module(request.source, request.path, options)
        findings.diagnostics = _merged(request, compiled, findings.diagnostics)
        if compiled.shared_object is None or _refused(findings.diagnostics, options):
            return _finish(request, compiled, findings, None, FINDINGS)
        if not request.checked:
            break
        with on_disk(compiled.shared_object, request.path) as artifact:
            differing, slower = _prove(request, compiled, artifact, findings, number)
        if differing:
            return _finish(request, compiled, findings, None, MISMATCH)
        if not slower:
            break
        options = options._replace(exclude=options.exclude | slower)
        if slower >= set(native_functions(compiled)):
            return _finish(request, compiled, findings, None, FINDINGS)
    return _finish(request, compiled, findings, compiled.shared_object, OK)


def _merged(request: Request, compiled: Compiled, known: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Findings of the source, a PYV100 for each function that was rejected without one, the rest.

    With `keep-python` an error is a warning: the function stays Python, and says so.
    """
    found = list(request.findings)
    named = {item.function for item in found if item.severity is Severity.ERROR}
    for outcome in compiled.functions:
        if outcome.verdict == "rejected" and outcome.name not in named:
            found.append(_rejected(request, outcome))
    if request.options.on_unsupported == "keep-python":
        found = [_as_warning(item) for item in found]
    return list(dict.fromkeys((*found, *known)))


def _as_warning(item: Diagnostic) -> Diagnostic:
    if item.severity is not Severity.ERROR or not item.function:
        return item
    kept = f"`{item.function}` stays in Python (on-unsupported = keep-python)"
    return item.replace(severity=Severity.WARNING, result=kept)


def _rejected(request: Request, outcome: Outcome) -> Diagnostic:
    return Diagnostic(
        "PYV100",
        Severity.ERROR,
        f"`{outcome.name}` uses something that cannot be compiled yet",
        definition_span(request.source, request.path, outcome.name),
        result=f"`{outcome.name}` not compiled; build stopped (on-unsupported = error)",
        notes=(outcome.reason,) if outcome.reason else (),
        help=(f"to leave `{outcome.name}` in Python, put `# pyvorin: skip` on its `def`",),
        function=outcome.name,
        slug="unsupported",
    )


def _refused(diagnostics: Sequence[Diagnostic], options: CompileOptions) -> bool:
    errors = any(item.severity is Severity.ERROR for item in diagnostics)
    return errors and options.on_unsupported == "error"


def native_functions(compiled: Compiled) -> list[str]:
    """Names of the functions that the compiler made native."""
    return [item.name for item in compiled.functions if item.verdict == "native"]


def _prove(
    request: Request, compiled: Compiled, artifact: str, findings: _Findings, number: int
) -> tuple[bool, frozenset[str]]:
    """Check and time one artifact. Whether it differs, and which functions are too slow to ship."""
    program = Program(request.path, request.source)
    native = native_functions(compiled)
    inputs = request.options.inputs
    inputs = inputs._replace(cases=tuple(case for case in inputs.cases if case.function in native))
    verdict = check(program, artifact, inputs, request.environment)
    findings.tallies = verdict.tallies
    if verdict.mismatches:
        sides = (
            Side(program, inputs.setup),
            Side(
                replace(program, artifact=artifact),
                inputs.setup,
                (0, 0),
                PATIENCE,
                request.environment,
            ),
        )
        findings.diagnostics += _mismatches(request, verdict, *sides)
        return True, frozenset()
    if not request.measured or number == MAX_PASSES - 1:
        return False, frozenset()
    gains = measure(program, artifact, verdict.agreed, inputs.setup)
    findings.gains |= gains
    left, found = weigh(request, gains)
    findings.left |= left
    findings.diagnostics += found
    return False, frozenset(left)


def weigh(
    request: Request, gains: Mapping[str, Gain], *, calls: bool = True
) -> tuple[dict[str, tuple[str, str]], list[Diagnostic]]:
    """Functions that gained too little to ship, with code and reason, and what to say of them.

    `calls` false leaves out the measured calls, which are the program's data.
    """
    least = request.options.min_speedup
    below, serving = slow(gains, request.source, least)
    left = {name: ("PYV510", _why_slow(gains[name], least)) for name in below}
    found = [_not_worth(request, gains[name], least, calls) for name in below]
    found += [_serving(request, gains[name], to, calls) for name, to in serving.items()]
    return left, found


@contextmanager
def on_disk(artifact: bytes, path: str) -> Iterator[str]:
    """The artifact as a private file that can be imported, for as long as the body runs."""
    suffix = str(sysconfig.get_config_var("EXT_SUFFIX")) if artifact.startswith(_ELF) else ".py"
    with tempfile.TemporaryDirectory(prefix="pyvorin-") as folder:
        file = Path(folder, Path(path).stem + suffix)
        file.write_bytes(artifact)
        yield str(file)


def _finish(
    request: Request,
    compiled: Compiled,
    findings: _Findings,
    artifact: bytes | None,
    exit_code: int,
) -> Built:
    report = assemble(
        _rows(request, compiled, findings),
        path=request.path,
        seed=request.seed,
        tallies=findings.tallies,
        gains=findings.gains,
        left=findings.left,
    )
    return Built(artifact, compiled.meta, report, tuple(findings.diagnostics), exit_code)


def _rows(request: Request, compiled: Compiled, findings: _Findings) -> list[dict[str, Any]]:
    """The report's entry of each function, in source order, as far as compiling knows."""
    rows = {
        item.name: {
            "name": item.name,
            "line": item.line,
            "verdict": item.verdict,
            "reason": item.reason,
            "sites": [{"line": line, "reason": reason} for line, reason in item.left],
        }
        for item in compiled.functions
    }
    for name, definition in definitions(request.source).items():
        if name not in rows and (request.options.wants(name) or name in findings.left):
            rows[name] = {"name": name, "line": definition.lineno, "verdict": "python"}
    skips = skipped(request.source) & request.options.exclude
    for name in sorted(skips - rows.keys()):
        line = definitions(request.source)[name].lineno
        reason = "marked `# pyvorin: skip`"
        rows[name] = {"name": name, "line": line, "verdict": "python", "reason": reason}
    for item in findings.diagnostics:
        row = rows.get(item.function)
        if row is not None and row["verdict"] == "rejected":
            row.setdefault("code", item.code)
            if request.options.on_unsupported == "keep-python":
                row["verdict"] = "python"
    return sorted(rows.values(), key=lambda row: row["line"])


def _mismatches(
    request: Request, verdict: Verdict, python: Side, native: Side
) -> Iterator[Diagnostic]:
    """A PYV601 for the first differing call of each function, shrunk."""
    first = {found.case.function: found for found in reversed(verdict.mismatches)}
    for name in list(first)[::-1][:MAX_SHRUNK]:
        yield _mismatch(request, shrink(first[name], python, native), verdict.tallies[name])


def _mismatch(request: Request, found: Shrunk, tally: Tally) -> Diagnostic:
    name = found.case.function
    number = found.original.number
    where = "" if found.alone else f" (after the {number} calls before it)"
    shrunk = " (shrunk)" if found.case.call != found.original.case.call else ""
    notes = [f"input{shrunk}: {shown(found.case.call)}{where}"]
    for item in found.differences[:3]:
        notes.append(f"{item.path}: CPython {item.expected}, compiled {item.actual}")
    origins = ", ".join(f"{origin} {count:,}" for origin, count in tally.origins.most_common())
    notes.append(f"other inputs that agree: {tally.agreed:,} ({origins})")
    notes.append(f"reproduce: --function {name} --seed {request.seed:#x}, case {number}")
    notes.append("this is a fault of the compiler, not of your program")
    return Diagnostic(
        "PYV601",
        Severity.ERROR,
        f"compiled `{name}` disagrees with CPython; build refused",
        definition_span(request.source, request.path, name),
        result="nothing was written (exit 3)",
        notes=tuple(notes),
        help=(f"until it is fixed, leave `{name}` in Python: put `# pyvorin: skip` on its `def`",),
        function=name,
        slug="verification-mismatch",
    )


def _not_worth(request: Request, gain: Gain, least: float, calls: bool) -> Diagnostic:
    name, ratio = gain.function, f"{gain.ratio:.2f}x as fast"
    said = f"compiling `{name}` will not help: it was {ratio}"
    help = "if real inputs are larger, give one with --examples"
    if not gain.recorded:
        said = f"nothing in this run calls `{name}`, and a guessed call was {ratio}"
        help = "give real calls with --examples"
    return Diagnostic(
        "PYV510",
        Severity.PERF,
        said,
        definition_span(request.source, request.path, gain.function),
        result=f"`{gain.function}` stays in Python (min-speedup = {least:g})",
        notes=(_measured(gain, calls),),
        help=(help,),
        function=gain.function,
        slug="not-worth-compiling",
    )


def _serving(request: Request, gain: Gain, caller: str, calls: bool) -> Diagnostic:
    return Diagnostic(
        "PYV510",
        Severity.NOTE,
        f"`{gain.function}` alone gains little ({gain.ratio:.2f}x), and is compiled for `{caller}`",
        definition_span(request.source, request.path, gain.function),
        notes=(_measured(gain, calls), f"`{caller}` calls it natively and gains from that"),
        function=gain.function,
        slug="not-worth-compiling",
    )


def _why_slow(gain: Gain, least: float) -> str:
    return f"{gain.ratio:.2f}x is below min-speedup = {least:g}"


def _measured(gain: Gain, calls: bool) -> str:
    return (
        f"measured: CPython {duration(gain.cpython_ns / 1e9)} a call,"
        f" compiled {duration(gain.native_ns / 1e9)}"
    ) + (f", on {shown(gain.call)}" if calls else "")


def definition_span(source: str, path: str, name: str) -> Span | None:
    """Where a module's function is defined: from `def` to the end of its name."""
    definition = definitions(source).get(name)
    if definition is None:
        return None
    line, column = definition.lineno, definition.col_offset
    return Span(path, line, column, line, column + len("def ") + len(definition.name))


def skipped(source: str) -> frozenset[str]:
    """Functions marked `# pyvorin: skip` on the line of their `def`, or on the line before it."""
    lines = source.splitlines()
    found = set()
    for name, definition in definitions(source).items():
        start = min([definition.lineno, *(item.lineno for item in definition.decorator_list)])
        if any(_is_skip(lines[i - 1]) for i in (start - 1, start, definition.lineno) if i):
            found.add(name)
    return frozenset(found)


def _is_skip(line: str) -> bool:
    _, _, comment = line.partition("#")
    return comment.strip().replace(" ", "").lower() == "pyvorin:skip"
