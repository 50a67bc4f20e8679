"""From the command line to a build request: files read, settings merged, this Python checked."""

from __future__ import annotations

import argparse
import ast
import os
import sys
import sysconfig
from pathlib import Path
from typing import Any, Final

from pyvorin.build import Request, skipped
from pyvorin.check.case import Inputs
from pyvorin.check.definitions import definitions
from pyvorin.check.inputs import collect, no_run
from pyvorin.cli.output import excerpt
from pyvorin.errors import RefusedError
from pyvorin.frontend.diagnose import diagnose
from pyvorin.options import DEFAULT_SEED, MIN_SPEEDUP, CompileOptions
from pyvorin.source import admit, read, syntax_error, too_deep

MINORS: Final = ((3, 11), (3, 12), (3, 13))
_SETTINGS: Final = frozenset({"on-unsupported", "min-speedup", "examples"})


def unsupported_here() -> str:
    """Why this Python or machine cannot compile, in one sentence; empty if it can."""
    version = ".".join(map(str, sys.version_info[:2]))
    if sys.implementation.name != "cpython":
        return f"pyvorin compiles for CPython, and this is {sys.implementation.name}"
    if sys.version_info[:2] not in MINORS:
        return f"CPython 3.11, 3.12 and 3.13 are supported, and this is {version}"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "free-threaded builds of CPython are not supported; use the ordinary build"
    if sys.platform != "linux" or os.uname().machine != "x86_64" or sys.maxsize < 2**63 - 1:
        return f"Linux on x86-64 is supported, and this is {sys.platform} on {os.uname().machine}"
    return ""


def require_supported() -> None:
    """Raise RefusedError unless this Python can compile for itself."""
    reason = unsupported_here()
    if reason:
        raise RefusedError(reason, code="PYV705")


def tag() -> str:
    """The tag of this Python, such as cp312."""
    return f"cp{sys.version_info.major}{sys.version_info.minor}"


def admitted(path: str) -> str:
    """Text of a source file that is within all budgets and parses. Raises RefusedError."""
    source = read(path)
    try:
        admit(source, path)
        compile(source, path, "exec", dont_inherit=True)
    except SyntaxError as error:  # what only the compiler proper sees: `return` outside a function
        raise _shown(syntax_error(error, path), source) from None
    except (RecursionError, MemoryError, OverflowError, ValueError):
        raise _shown(too_deep(path), source) from None
    except RefusedError as error:
        raise _shown(error, source) from None
    return source


def _shown(error: RefusedError, source: str) -> RefusedError:
    """The refusal with the line it is about."""
    if error.span is not None:
        error.excerpt = excerpt(error.span, source)
    return error


def make(options: argparse.Namespace, run: bool = True) -> Request:
    """The build request of `compile` and `report`. `run` false: nothing of the program is run."""
    require_supported()
    options = _with_defaults(options)
    if options.target not in (None, tag()):
        message = f"this is CPython {tag()}; for `{options.target}` run pyvorin under that Python"
        raise RefusedError(message, code="PYV705")
    source = admitted(options.file)
    settings = project_settings(options.file)
    chosen = choose(source, options.file, options.function)
    seed = DEFAULT_SEED if options.seed is None else options.seed
    inputs = collect_inputs(options, source, chosen, settings, seed, run)
    wanted = CompileOptions(
        functions=chosen,
        exclude=skipped(source) - frozenset(options.function or ()),
        on_unsupported=options.on_unsupported or settings.get("on-unsupported", "error"),
        min_speedup=_first(options.min_speedup, settings.get("min-speedup")),
        opt_level=options.opt_level,
        inputs=inputs,
    )
    return Request(
        source,
        options.file,
        wanted,
        findings=tuple(diagnose(source, options.file, wanted.wants)),
        seed=seed,
        checked=run,
    )


def _with_defaults(options: argparse.Namespace) -> argparse.Namespace:
    """Options of a build for a command that does not take them all."""
    defaults: dict[str, Any] = {
        "target": None,
        "seed": None,
        "on_unsupported": None,
        "min_speedup": None,
    }
    defaults |= {"opt_level": 2, "function": None, "examples": None}
    return argparse.Namespace(**{**defaults, **vars(options)})


def _first(*values: float | None) -> float:
    return next((value for value in values if value is not None), MIN_SPEEDUP)


def choose(source: str, path: str, names: list[str] | None) -> tuple[str, ...] | None:
    """The functions asked for, or None for all. Raises RefusedError for one not there."""
    if names is None:
        return None
    known = _qualified_names(ast.parse(source))
    for name in names:
        if name not in known:
            close = ", ".join(f"`{item}`" for item in sorted(known)[:8]) or "none"
            hint = f"functions there: {close}{'…' if len(known) > 8 else ''}"
            raise RefusedError(f"no function `{name}` in `{path}`", hint=hint)
    return tuple(dict.fromkeys(names))


def _qualified_names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    pending: list[tuple[ast.AST, str]] = [(tree, "")]
    while pending:
        node, prefix = pending.pop()
        for child in ast.iter_child_nodes(node):
            inner = prefix
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(prefix + child.name)
                inner = f"{prefix}{child.name}.<locals>."
            elif isinstance(child, ast.ClassDef):
                inner = f"{prefix}{child.name}."
            pending.append((child, inner))
    return names


def collect_inputs(
    options: argparse.Namespace,
    source: str,
    chosen: tuple[str, ...] | None,
    settings: dict[str, Any],
    seed: int,
    run: bool,
) -> Inputs:
    """Representative calls for the request."""
    file = options.examples or settings.get("examples")
    text = read(file) if file else None
    try:
        recorder = None if run else no_run
        found = collect(source, options.file, chosen, text, seed, recorder)
    except ValueError as error:
        raise RefusedError(f"`{file}`: {error}") from None
    kept = frozenset(definitions(source)) - skipped(source)
    if chosen is not None:
        kept |= frozenset(chosen)
    return found._replace(cases=tuple(case for case in found.cases if case.function in kept))


def project_settings(path: str) -> dict[str, Any]:
    """`[tool.pyvorin]` of the nearest pyproject.toml at or above the file. Raises RefusedError."""
    for folder in Path(path).absolute().parents:
        file = folder / "pyproject.toml"
        if file.is_file():
            break
    else:
        return {}
    import tomllib  # only here: a start without such a file is quicker

    try:
        with open(file, "rb") as stream:
            settings = tomllib.load(stream).get("tool", {}).get("pyvorin", {})
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, AttributeError) as error:
        raise RefusedError(f"cannot read `{file}`: {error}") from None
    return _checked(settings, str(file))


def _checked(settings: Any, file: str) -> dict[str, Any]:
    if not isinstance(settings, dict):
        raise RefusedError(f"`{file}`: [tool.pyvorin] is not a table")
    for name, value in settings.items():
        if name not in _SETTINGS:
            known = ", ".join(sorted(_SETTINGS))
            raise RefusedError(f"`{file}`: unknown setting `{name}` (known: {known})")
        if name == "min-speedup":
            good = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        elif name == "on-unsupported":
            good = value in ("error", "keep-python")
        else:
            good = isinstance(value, str)
        if not good:
            raise RefusedError(f"`{file}`: setting `{name}` cannot be {value!r}")
    return dict(settings)
