"""`pyvorin-thin run PROGRAM …`: run a script or module with native code attached, as `python
PROGRAM …` would without."""

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
from pyvorin_thin.errors import UsageError


def run(options: argparse.Namespace) -> Callable[[], int]:
    """Prepare; the program itself runs after the client's own error handling is left."""
    mode = _mode()
    days = config.load()["require-fresh"]
    os.environ.setdefault("PYVORIN_REQUIRE_FRESH", str(days))
    pyvorin_thin.install()
    sys.argv = [options.program, *options.arguments]
    if options.as_module:
        sys.path.insert(0, os.getcwd())
        return functools.partial(_guarded, functools.partial(_module, options.program))
    sys.path.insert(0, os.path.dirname(os.path.abspath(options.program)))
    code = _script(options.program, mode)
    main = types.ModuleType("__main__")
    main.__file__ = options.program
    main.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = main
    return functools.partial(_guarded, functools.partial(exec, code, main.__dict__))


def _module(name: str) -> None:
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _guarded(program: Callable[[], object]) -> int:
    """Run to the end. An exception is shown as the interpreter would, without the client's
    frames."""
    try:
        program()
    except Exception as error:
        trace = error.__traceback__
        ours = (os.path.dirname(hook.__file__), runpy.__file__, "<frozen runpy>")
        while trace is not None and trace.tb_frame.f_code.co_filename.startswith(ours):
            trace = trace.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return 1
    return 0


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
            code = compile(file.read(), path, "exec", dont_inherit=True)
    except OSError as error:
        raise UsageError("PYV813", f"{path} cannot be read: {error.strerror}") from error
    except SyntaxError as error:
        raise UsageError("PYV813", f"{path}:{error.lineno}: {error.msg}") from error
    if mode == "off" or hook.is_off():
        return code
    name = os.path.basename(path).removesuffix(".py")
    natives = loader.open_module(name, required=mode == "require")
    return loader.instrumented(code, natives) if natives else code
