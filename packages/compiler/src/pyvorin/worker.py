"""`python -m pyvorin worker`: serve one request of the service, inside a jail, over framed pipes.

    compile   in    J{"op": "compile", "path", "source", "functions", "options", "examples"}, E
              out   J{"ok", "report", "diagnostics", "meta", "cases", "setup"}, B(artifact) if ok, E
    check     in    J{"op": "check", "side": "cpython" | "native", "path", "source", "cases",
                      "setup", "seed", "functions", "examples"}, B(artifact) if native, E
              out   a B outcome a call, then J{"cases", "dropped", "counts"}, E
    measure   in    as check, native, with the artifact
              out   J{"gains": {function: …}}, E

Where `cases` is null they are collected from the source. The CPython side leaves out calls that
exceed a limit; its last frame lists those that are left, and these are what the native side is
given. Nothing here compares: the verdict is the reader's, from both outcome streams.

The pipes leave descriptors 0 and 1 before anything of the program runs. llvmlite is imported before
the request is read, so that a pool of waiting workers has paid for it.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import json
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO, Final

from pyvorin_wire import frames
from pyvorin_wire.diagnostic import Diagnostic, Severity
from pyvorin_wire.errors import WireError

from pyvorin.build import Built, Compiler, Request, build, on_disk
from pyvorin.check.case import Case, Inputs
from pyvorin.check.collect import collect as record
from pyvorin.check.gain import measure
from pyvorin.check.inputs import collect
from pyvorin.check.pipes import take_pipes
from pyvorin.check.process import Program
from pyvorin.check.run import PATIENCE, Dropped, Side, run
from pyvorin.errors import RefusedError
from pyvorin.frontend.diagnose import diagnose
from pyvorin.options import DEFAULT_SEED, CompileOptions
from pyvorin.source import admit

Reply = tuple[dict[str, Any], bytes | None]

_REFUSED_CODE: Final = "PYV102"
MAX_CASES: Final = 20_000


class RequestError(ValueError):
    """The request is malformed. The service made it, so this is its fault, not the program's."""


def serve() -> int:
    """Answer one request on the standard pipes; 0, or 2 for a malformed request."""
    driver = importlib.import_module("pyvorin.driver")
    driver.warm()
    compiler = partial(driver.compile_module, standalone=False)  # attached by the client's loader
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
            document, data = _compile(request, compiler)
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
def _compile(request: dict[str, Any], compiler: Compiler) -> Reply:
    path, source = _field(request, "path", str), _field(request, "source", str)
    try:
        admit(source, path)
        inputs = _collected(request, path, source)
        options = _options(request, inputs)
        found = tuple(diagnose(source, path, options.wants))
        built = build(Request(source, path, options, found, checked=False), compiler)
    except RefusedError as error:
        return _refusal(error), None
    except RequestError:
        raise
    except (Exception, SystemExit) as error:
        return _failure(error), None
    return _document(built, inputs), built.artifact


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


def _names(request: dict[str, Any]) -> tuple[str, ...] | None:
    names = _field(request, "functions", list, optional=True)
    if names is None:
        return None
    if not all(isinstance(name, str) for name in names):
        raise RequestError("`functions` holds something that is no name")
    return tuple(names)


def _options(request: dict[str, Any], inputs: Inputs) -> CompileOptions:
    """Compile options from the request's `options`; unknown ones are for other parts."""
    given = _field(request, "options", dict, optional=True) or {}
    level = given.get("opt_level", 2)
    if type(level) is not int or not 0 <= level <= 3:
        raise RequestError("`opt_level` is not 0 to 3")
    strict = given.get("strict", True) is not False
    return CompileOptions(
        functions=_names(request),
        on_unsupported="error" if strict else "keep-python",
        opt_level=level,
        inputs=inputs,
    )


def _document(built: Built, inputs: Inputs) -> dict[str, Any]:
    meta = json.loads(built.meta) if built.meta else {}
    return {
        "ok": built.artifact is not None,
        "report": built.report,
        "diagnostics": [item.to_json() for item in built.diagnostics],
        "meta": {**meta, "toolchain": toolchain()},
        "artifact_sha256": hashlib.sha256(built.artifact or b"").hexdigest(),
        **_encoded(inputs),
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
        _REFUSED_CODE,
        Severity.ERROR,
        error.message[:4000],
        error.span,
        help=(error.hint,) if error.hint else (),
        slug="refused",
    )
    return {"ok": False, "report": {}, "diagnostics": [item.to_json()], "meta": {}}


def _failure(error: BaseException) -> dict[str, Any]:
    """The program failed while it was imported, or the compiler has a fault; the type alone tells,
    because a message may hold the program's data.
    """
    item = Diagnostic(
        "PYV900",
        Severity.ERROR,
        f"compiling stopped with {type(error).__name__[:100]}",
        notes=("the module failed while it was imported, or the compiler has a fault",),
        slug="internal",
    )
    return {"ok": False, "report": {}, "diagnostics": [item.to_json()], "meta": {}}


# ---- check ---------------------------------------------------------------------------------------
def _check(request: dict[str, Any], artifact: bytes | None) -> Iterator[bytes | dict[str, Any]]:
    """Outcomes of the calls on one side, then what they were."""
    side = _field(request, "side", str)
    if side not in ("cpython", "native") or (side == "native") != (artifact is not None):
        raise RequestError("`side` is cpython without an artifact, or native with one")
    path, source = _field(request, "path", str), _field(request, "source", str)
    inputs = _given(request, path, source)
    python = Side(Program(path, source), inputs.setup)
    if artifact is None:
        results, counts = run(python, inputs.cases)
    else:
        with on_disk(artifact, path) as file:
            native = Side(Program(path, source, file), inputs.setup, (0, 0), PATIENCE)
            results, counts = run(native, inputs.cases)
    kept, dropped = [], {}
    for number, (case, result) in enumerate(zip(inputs.cases, results, strict=True)):
        if isinstance(result, Dropped):
            dropped[str(number)] = result.why[:200]
        else:
            kept.append(case)
            yield result
    yield {**_encoded(Inputs(tuple(kept), inputs.setup)), "dropped": dropped, "counts": counts}


def _given(request: dict[str, Any], path: str, source: str) -> Inputs:
    cases = _field(request, "cases", list, optional=True)
    if cases is None:
        seed = _field(request, "seed", int, optional=True)
        examples = _field(request, "examples", str, optional=True)
        seed = DEFAULT_SEED if seed is None else seed
        return collect(source, path, _names(request), examples, seed)
    if len(cases) > MAX_CASES:
        raise RequestError("too many cases")
    setup = _field(request, "setup", str, optional=True) or ""
    try:
        return Inputs(tuple(Case.from_json(item) for item in cases), setup)
    except ValueError as error:
        raise RequestError(str(error)) from None


def _measure(request: dict[str, Any], artifact: bytes | None) -> dict[str, Any]:
    if artifact is None:
        raise RequestError("nothing to measure without an artifact")
    path, source = _field(request, "path", str), _field(request, "source", str)
    inputs = _given(request, path, source)
    with on_disk(artifact, path) as file:
        gains = measure(Program(path, source), file, inputs.cases, inputs.setup)
    return {"gains": {name: gain.to_json() for name, gain in gains.items()}}
