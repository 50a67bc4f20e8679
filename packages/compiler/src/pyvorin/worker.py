"""`python -m pyvorin worker`: serve one request of the service, inside a jail, over framed pipes.

    compile   in    J{"op": "compile", "path", "source", "bundle", "functions", "options",
                      "examples", "left"}, E
              out   J{"cases", "setup"} as soon as it is known what becomes native,
                    J{"ok", "report", "diagnostics", "meta"}, B(artifact) if ok, E
    check     in    J{"op": "check", "side": "cpython" | "native", "path", "source", "bundle",
                      "cases", "setup", "seed", "functions", "examples"}, B(artifact) if native, E
              out   a B outcome a call, then J{"cases", "dropped", "counts"}, E
    measure   in    as check, native, with the artifact
              out   J{"gains": {function: …}, "left": {function: [code, reason]},
                      "diagnostics"}, E

Where `cases` is null they are collected from the source. The CPython side runs twice, with another
hash seed, and leaves out calls that exceed a limit or disagree with themselves; its last frame
lists those that are left, and these are what the native side is given. Nothing here compares: the
verdict is the reader's, from both outcome streams.

`bundle` maps relative paths to local modules that the program imports. `left` of a compilation are
the functions that stay in Python, as an earlier measurement said; they are named and not compiled.
What is measured is told without the measured calls: those are the program's data.

The pipes leave descriptors 0 and 1 before anything of the program runs. llvmlite is imported before
the request is read, so that a pool of waiting workers has paid for it.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, BinaryIO, Final

from pyvorin_wire import frames
from pyvorin_wire.diagnostic import Diagnostic, Severity
from pyvorin_wire.errors import WireError

from pyvorin.build import Built, Compiled, Request, build, on_disk, skipped, weigh
from pyvorin.check.bundle import CLIENT, provide
from pyvorin.check.case import Case, Inputs
from pyvorin.check.collect import collect as record
from pyvorin.check.gain import measure
from pyvorin.check.inputs import collect
from pyvorin.check.pipes import take_pipes
from pyvorin.check.process import Program
from pyvorin.check.run import PATIENCE, Dropped, Side, repeatable, run
from pyvorin.diagnostics import CODES
from pyvorin.errors import RefusedError
from pyvorin.frontend.diagnose import diagnose
from pyvorin.options import DEFAULT_SEED, MIN_SPEEDUP, CompileOptions
from pyvorin.source import admit

Reply = tuple[dict[str, Any], bytes | None]
Compiler = Callable[..., Compiled]  # `pyvorin.driver.compile_module`

MAX_CASES: Final = 20_000


class RequestError(ValueError):
    """The request is malformed. The service made it, so this is its fault, not the program's."""


def warm() -> Any:
    """Load and make what every request needs; return the driver. A process that was forked from
    one that has called this has it already.
    """
    importlib.import_module("pyvorin.cli")  # which a worker passes through
    driver = importlib.import_module("pyvorin.driver")
    driver.warm()
    return driver


def serve() -> int:
    """Answer one request on the standard pipes; 0, or 2 for a malformed request."""
    compiler = partial(warm().compile_module, standalone=False)  # attached by the client's loader
    reader, writer = take_pipes()
    try:
        message = list(frames.read_message(reader))
        request = message[0].json() if message else None
        blobs = [frame.payload for frame in message[1:] if frame.kind == frames.BYTES]
        answer(request, blobs[0] if blobs else None, writer, compiler)
    except (WireError, RequestError) as error:
        frames.write_json(writer, {"ok": False, "error": f"malformed request: {error}"})
        frames.write_end(writer)
        return 2
    frames.write_end(writer)
    return 0


def answer(request: Any, artifact: bytes | None, writer: BinaryIO, compiler: Compiler) -> None:
    """Write the frames that answer a request, but for the end. Raises RequestError."""
    operation = _field(request, "op", str)
    match operation:
        case "compile":
            document, data = _compile(request, compiler, writer)
            frames.write_json(writer, document)
            if data is not None:
                frames.write_bytes(writer, data)
        case "check":
            for item in _check(request, artifact):
                if isinstance(item, bytes):
                    frames.write_bytes(writer, item)
                else:
                    frames.write_json(writer, item)
        case "measure":
            frames.write_json(writer, _measure(request, artifact))
        case _:
            raise RequestError(f"unknown operation {operation[:40]!r}")


def _field(request: Any, name: str, kind: type, *, optional: bool = False) -> Any:
    value = request.get(name) if isinstance(request, dict) else None
    if value is None and optional:
        return None
    if type(value) is not kind:
        raise RequestError(f"`{name}` is missing or no {kind.__name__}")
    return value


# ---- compile -------------------------------------------------------------------------------------
def _compile(request: dict[str, Any], compiler: Compiler, writer: BinaryIO) -> Reply:
    path, source = _field(request, "path", str), _field(request, "source", str)
    try:
        admit(source, path)
        bundle = _bundle(request)
        provide(bundle)
        inputs = _collected(request, path, source)
        provide(bundle)  # once more: what that run changed in them is not to be assumed
        left = _left(request)
        options = _options(request, source, inputs, frozenset(left))
        found = tuple(diagnose(source, path, options.wants))
        built = build(
            Request(source, path, options, found, checked=False, left=left),
            partial(compiler, lowered=partial(_tell, inputs, writer)),
        )
    except RefusedError as error:
        return _refusal(error), None
    except RequestError:
        raise
    except (Exception, SystemExit) as error:
        return _failure(error), None
    return _document(built), built.artifact


def _tell(inputs: Inputs, writer: BinaryIO, native: Sequence[str]) -> None:
    """Write the calls to check, those of functions that become native: CPython can make them while
    the rest of compiling goes on.
    """
    cases = tuple(case for case in inputs.cases if case.function in native)
    frames.write_json(writer, _encoded(Inputs(cases, inputs.setup)))
    writer.flush()


def _collected(request: dict[str, Any], path: str, source: str) -> Inputs:
    """Calls for types and for the check. This jail may not start processes, so what the program
    does at module level runs in this one, which is spent afterwards.
    """
    examples = _field(request, "examples", str, optional=True)
    functions = _names(request)
    try:
        return collect(source, path, functions, examples, DEFAULT_SEED, recorder=record)
    except ValueError as error:
        raise RefusedError(f"the examples are malformed: {error}") from None


def _program(request: dict[str, Any], artifact: str | None = None) -> Program:
    path, source = _field(request, "path", str), _field(request, "source", str)
    return Program(path, source, artifact, _bundle(request))


def _bundle(request: dict[str, Any]) -> dict[str, str]:
    bundle = _field(request, "bundle", dict, optional=True) or {}
    if not all(isinstance(text, str) for text in bundle.values()):
        raise RequestError("`bundle` holds something that is no text")
    return {**CLIENT, **bundle}


def _left(request: dict[str, Any]) -> dict[str, tuple[str, str]]:
    left = _field(request, "left", dict, optional=True) or {}
    for why in left.values():
        if not isinstance(why, list) or [type(part) for part in why] != [str, str]:
            raise RequestError("`left` maps a name to a code and a reason")
    return {name: (code, reason) for name, (code, reason) in left.items()}


def _names(request: dict[str, Any]) -> tuple[str, ...] | None:
    names = _field(request, "functions", list, optional=True)
    if names is None:
        return None
    if not all(isinstance(name, str) for name in names):
        raise RequestError("`functions` holds something that is no name")
    return tuple(names)


def _options(
    request: dict[str, Any], source: str, inputs: Inputs, left: frozenset[str] = frozenset()
) -> CompileOptions:
    """Compile options from the request's `options`; unknown ones are for other parts."""
    given = _field(request, "options", dict, optional=True) or {}
    level = given.get("opt_level", 2)
    if type(level) is not int or not 0 <= level <= 3:
        raise RequestError("`opt_level` is not 0 to 3")
    names = _names(request)
    return CompileOptions(
        functions=names,
        exclude=left | (skipped(source) - frozenset(names or ())),
        on_unsupported="keep-python" if given.get("strict", True) is False else "error",
        min_speedup=_least(given),
        opt_level=level,
        inputs=inputs,
    )


def _least(options: dict[str, Any]) -> float:
    """`min_speedup`, as decimal text: canonical JSON has no floats."""
    text = options.get("min_speedup", str(MIN_SPEEDUP))
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", text):
        raise RequestError("`min_speedup` is not a decimal number as text")
    return float(text)


def _document(built: Built) -> dict[str, Any]:
    meta = json.loads(built.meta) if built.meta else {}
    return {
        "ok": built.artifact is not None,
        "report": built.report,
        "diagnostics": [item.to_json() for item in built.diagnostics],
        "meta": {**meta, "toolchain": toolchain()},
        "artifact_sha256": hashlib.sha256(built.artifact or b"").hexdigest(),
    }


def toolchain() -> dict[str, str]:
    """Names and versions of what makes an artifact."""
    version = ".".join(map(str, sys.version_info[:3]))
    return {
        "pyvorin": importlib.metadata.version("pyvorin"),
        "llvmlite": importlib.metadata.version("llvmlite"),
        "python": version,
    }


def _encoded(inputs: Inputs) -> dict[str, Any]:
    return {"cases": [case.to_json() for case in inputs.cases], "setup": inputs.setup}


def _refusal(error: RefusedError) -> dict[str, Any]:
    item = Diagnostic(
        error.code,
        Severity.ERROR,
        error.message[:4000],
        error.span,
        help=(error.hint,) if error.hint else (),
        slug=CODES[error.code].slug,
    )
    return {"ok": False, "report": {}, "diagnostics": [item.to_json()], "meta": {}}


def _failure(error: BaseException) -> dict[str, Any]:
    """The program failed while it was imported, or the compiler has a fault; the type alone tells,
    because a message may hold the program's data. The name of a missing module is none.
    """
    if isinstance(error, ImportError) and error.name:
        return _missing(error.name)
    item = Diagnostic(
        "PYV900",
        Severity.ERROR,
        f"compiling stopped with {type(error).__name__[:100]}",
        notes=("the module failed while it was imported, or the compiler has a fault",),
        slug="internal",
    )
    return {"ok": False, "report": {}, "diagnostics": [item.to_json()], "meta": {}}


def _missing(module: str) -> dict[str, Any]:
    item = Diagnostic(
        "PYV701",
        Severity.ERROR,
        f"the program imports `{module[:100]}`, which is not there where it is compiled",
        notes=("local modules are sent with a program; installed packages are not",),
        help=(
            "choose functions that do not need it: --function NAME",
            "compile on the machine that has it: --local-native",
        ),
        slug="missing-module",
    )
    return {"ok": False, "report": {}, "diagnostics": [item.to_json()], "meta": {}}


# ---- check ---------------------------------------------------------------------------------------
def _check(request: dict[str, Any], artifact: bytes | None) -> Iterator[bytes | dict[str, Any]]:
    """Outcomes of the calls on one side, then what they were."""
    side = _field(request, "side", str)
    if side not in ("cpython", "native") or (side == "native") != (artifact is not None):
        raise RequestError("`side` is cpython without an artifact, or native with one")
    program = _program(request)
    inputs = _given(request, program)
    if artifact is None:
        results, counts = repeatable(Side(program, inputs.setup), inputs.cases)
    else:
        with on_disk(artifact, program.path) as file:
            native = Side(replace(program, artifact=file), inputs.setup, (0, 0), PATIENCE)
            results, counts = run(native, inputs.cases)
    kept, dropped = [], {}
    for number, (case, result) in enumerate(zip(inputs.cases, results, strict=True)):
        if isinstance(result, Dropped):
            dropped[str(number)] = result.why[:200]
        else:
            kept.append(case)
            yield result
    yield {**_encoded(Inputs(tuple(kept), inputs.setup)), "dropped": dropped, "counts": counts}


def _given(request: dict[str, Any], program: Program) -> Inputs:
    cases = _field(request, "cases", list, optional=True)
    if cases is None:
        seed = _field(request, "seed", int, optional=True)
        examples = _field(request, "examples", str, optional=True)
        seed = DEFAULT_SEED if seed is None else seed
        return collect(program.source, program.path, _names(request), examples, seed)
    if len(cases) > MAX_CASES:
        raise RequestError("too many cases")
    setup = _field(request, "setup", str, optional=True) or ""
    try:
        return Inputs(tuple(Case.from_json(item) for item in cases), setup)
    except ValueError as error:
        raise RequestError(str(error)) from None


def _measure(request: dict[str, Any], artifact: bytes | None) -> dict[str, Any]:
    """Times of each function, and which of them gain too little to ship."""
    if artifact is None:
        raise RequestError("nothing to measure without an artifact")
    program = _program(request)
    inputs = _given(request, program)
    with on_disk(artifact, program.path) as file:
        gains = measure(program, file, inputs.cases, inputs.setup)
    options = _options(request, program.source, inputs)
    left, found = weigh(Request(program.source, program.path, options), gains, calls=False)
    figures = {name: gain.to_json() for name, gain in gains.items()}
    for entry in figures.values():
        del entry["call"]
    return {
        "gains": figures,
        "left": {name: list(why) for name, why in left.items()},
        "diagnostics": [item.to_json() for item in found],
    }
