"""`pyvorin-thin run PROGRAM …`: run a script or module with native code attached, as `python
PROGRAM …` would without.

Under PYVORIN=require the script is held to the rule of every module (see `hook`): it must have
native code if it is named in PYVORIN_REQUIRE, or, with nothing named, if it has an artifact. A
program that ends without having loaded any native code fails too: requiring is never silence.
"""

import argparse
import functools
import io
import os
import runpy
import sys
import types
from collections.abc import Callable

import pyvorin_thin
from pyvorin_thin import config, hook, loader
from pyvorin_thin.errors import ProvenanceError, UsageError
from pyvorin_thin.scan import notpython


def run(options: argparse.Namespace) -> Callable[[], int]:
    """Prepare; the program itself runs after the client's own error handling is left."""
    mode = _mode()
    days = config.load()["require-fresh"]
    os.environ.setdefault("PYVORIN_REQUIRE_FRESH", str(days))
    pyvorin_thin.install()
    sys.argv = [options.program, *options.arguments]
    if options.as_module:
        sys.path.insert(0, os.getcwd())
        return functools.partial(_guarded, functools.partial(_module, options.program), mode)
    sys.path.insert(0, os.path.dirname(os.path.abspath(options.program)))
    code = _script(options.program, mode)
    main = types.ModuleType("__main__")
    main.__file__ = options.program
    main.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = main
    return functools.partial(_guarded, functools.partial(exec, code, main.__dict__), mode)


def _module(name: str) -> None:
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _guarded(program: Callable[[], object], mode: str) -> int:
    """Run to the end. An exception is shown as the interpreter would, without the client's
    frames."""
    try:
        program()
    except SystemExit as end:
        if end.code in (None, 0) and mode == "require":
            return _nothing_native()
        raise
    except Exception as error:
        trace = error.__traceback__
        ours = (os.path.dirname(hook.__file__), runpy.__file__, "<frozen runpy>")
        while trace is not None and trace.tb_frame.f_code.co_filename.startswith(ours):
            trace = trace.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return 1
    return _nothing_native() if mode == "require" else 0


def _nothing_native() -> int:
    """0 if the program that just ended had native code; else say so, and provenance's exit code."""
    if loader.counts():
        return 0
    error = ProvenanceError("PYV860", "the program ran to its end without any native code")
    print(f"pyvorin: {error.code}: {error.message}", file=sys.stderr)
    return int(error.exit_code)


def _mode() -> str:
    try:
        return hook.mode()
    except ImportError as error:
        raise UsageError("PYV870", str(error)) from error


def _script(path: str, mode: str) -> types.CodeType:
    """The script's code, with attachments if it has an artifact.

    A script is compiled under its file's name. Under PYVORIN=require raises ThinError.
    """
    try:
        with io.open_code(path) as file:
            data = file.read()
    except OSError as error:
        raise UsageError("PYV813", f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise UsageError("PYV813", f"{path} cannot be read: {error}") from error
    try:
        code = compile(data, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise notpython.unparsable(path, error, data.decode("utf-8", "replace")) from error
    if mode == "off" or hook.is_off():
        return code
    name = os.path.basename(path).removesuffix(".py")
    required = _must_be_native(name, mode)
    natives = loader.open_module(name, required=required)
    return loader.instrumented(code, natives, required=required) if natives else code


def _must_be_native(name: str, mode: str) -> bool:
    """Whether PYVORIN=require is about the script itself: `hook.NativeFinder`'s rule."""
    return mode == "require" and hook.NativeFinder(hook.named()).must_be_native(name)
