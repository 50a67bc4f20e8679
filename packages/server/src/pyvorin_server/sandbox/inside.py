"""Runs first inside the job: `python -I inside.py FILTER (-m MODULE | -c CODE | FILE) [ARG…]`.

Exec resets "undumpable", and a job that may not start processes needs exec once itself, so both
can only be closed after that exec. Then the command runs in this same interpreter, as
`python -I` itself would run it.
This file is alone inside the jail and may run under any supported minor: standard library only.
"""

import builtins
import ctypes
import os
import runpy
import struct
import sys
import threading
import types
from typing import NoReturn

_STATUS = 3
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _FILTER_MODE = 4, 22, 2


def seal(program: bytes) -> None:
    """Become undumpable and install the second filter. Raises OSError if either is refused."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    zero = ctypes.c_ulong(0)
    calls = (
        (ctypes.c_ulong(_PR_SET_DUMPABLE), zero, zero),
        (ctypes.c_ulong(_PR_SET_SECCOMP), ctypes.c_ulong(_FILTER_MODE), ctypes.c_char_p(header)),
    )
    for call in calls:
        if libc.prctl(*call, zero, zero) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def run(arguments: list[str]) -> None:
    """Run the rest of the command line as `__main__`."""
    match arguments:
        case ["-m", module, *rest]:
            sys.argv = [module, *rest]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case ["-c", code, *rest]:
            sys.argv = ["-c", *rest]
            main = types.ModuleType("__main__")
            main.__dict__["__builtins__"] = builtins
            sys.modules["__main__"] = main
            exec(compile(code, "<string>", "exec"), main.__dict__)
        case [path, *rest]:
            sys.argv = [path, *rest]
            runpy.run_path(path, run_name="__main__")


def leave(code: int) -> NoReturn:
    """End a command that returned or called sys.exit, without the interpreter's tear-down.

    The process owns nothing that outlives it, and tear-down takes 40 ms with LLVM loaded.
    """
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code & 0xFF)


if __name__ == "__main__":
    seal(bytes.fromhex(sys.argv[1]))
    os.write(_STATUS, b'{"sealed": true}\n')
    os.close(_STATUS)
    try:
        run(sys.argv[2:])
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise  # a message, which the interpreter prints
        leave(end.code or 0)
    leave(0)
