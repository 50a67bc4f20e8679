"""PYV5xx to PYV9xx: what becomes of a build: speed, verification, files, faults."""

from __future__ import annotations

from pyvorin_wire.diagnostic import Severity

from pyvorin.diagnostics.row import declare

declare(
    "PYV510",
    "not-worth-compiling",
    Severity.PERF,
    "the function gained too little to be shipped",
    meaning="Measured on the representative calls, the compiled function was not faster by the "
    "factor asked for, and stays Python.",
    why="A function whose time is spent in C code already has little to gain, and each native "
    "function costs size and load time.",
    example="def words(text):\n    return text.split()",
    instead="Give larger representative inputs with --examples, or lower --min-speedup.",
)
declare(
    "PYV601",
    "verification-mismatch",
    Severity.ERROR,
    "compiled code answered otherwise than CPython",
    meaning="A call gave another value, exception, output or change of its arguments. Nothing was "
    "written.",
    why="An artifact is shipped only if all representative calls and their neighbours agree.",
    example="median([-0.0, 0.0])    # CPython -0.0, compiled 0.0",
    instead="This is a fault of the compiler. Leave the function in Python with "
    "`# pyvorin: skip`, and report the call.",
)
declare(
    "PYV701",
    "missing-module",
    Severity.ERROR,
    "the program imports a module that is not there",
    meaning="Compiling runs the module once, as an import does, and one of its own imports failed. "
    "A service has the standard library and the local modules that were sent; it has no installed "
    "packages.",
    why="What a module defines is only known once it has run.",
    example="import numpy    # not in the service's jail",
    instead="Choose functions that do not reach that import (`--function NAME`), or compile where "
    "the module is installed (`--local-native`).",
)
declare(
    "PYV702",
    "import-failed",
    Severity.ERROR,
    "the program raised an exception while it was imported",
    meaning="Compiling runs the module once, as an import does, and that run did not end well. "
    "Nothing was written.",
    why="What a module defines is only known once it has run.",
    example="RATES = load('rates.csv')    # FileNotFoundError",
    instead="Mend what the message names, or put what needs the outside world behind "
    '`if __name__ == "__main__":`.',
)
declare(
    "PYV703",
    "cannot-write",
    Severity.ERROR,
    "a file cannot be written or read on this machine",
    meaning="The disk is full, the folder is read-only, something is in the way, or a limit of the "
    "system was reached. What was there before is unchanged.",
    why="A build is written whole or not at all.",
    example="pyvorin compile app.py -o /usr/lib    # permission denied",
    instead="Free space, or choose another folder: `-o DIR` for the result, TMPDIR for what is "
    "needed on the way.",
)
declare(
    "PYV704",
    "bad-request",
    Severity.ERROR,
    "the command cannot do what it was asked for",
    meaning="An argument, a setting or a named function does not exist or makes no sense here.",
    why="A request that is half understood would build something else than was meant.",
    example="pyvorin compile app.py --function nowhere",
    instead="The message names what there is; `pyvorin COMMAND --help` lists what can be said.",
)
declare(
    "PYV705",
    "unsupported-platform",
    Severity.ERROR,
    "this Python or machine cannot compile",
    meaning="Native code is made for CPython 3.11 to 3.13 with its GIL, on Linux with x86-64.",
    why="Code for another layout of CPython's objects would crash or, worse, not crash.",
    example="pypy3 -m pyvorin compile app.py",
    instead="Run pyvorin under a supported CPython; `pyvorin doctor` says what is missing.",
)
declare(
    "PYV706",
    "out-of-memory",
    Severity.ERROR,
    "there was not enough memory to compile",
    meaning="The system refused memory to the compiler, or to the program while it was imported.",
    why="A build that lacks a part of what it needs is no build.",
    example="ulimit -v 200000; pyvorin compile app.py",
    instead="Raise the limit, or compile fewer functions at once: `--function NAME`.",
)
declare(
    "PYV900",
    "internal",
    Severity.ERROR,
    "the compiler failed",
    meaning="An invariant of the compiler does not hold. Nothing was written.",
    why="A compiler that goes on after that could write wrong code.",
    example="pyvorin compile app.py",
    instead="This is a fault of the compiler. Leave the function in Python with "
    "`# pyvorin: skip`, and report the message.",
)
