"""Runs first inside the job: `python -I inside.py SEALING (-m MODULE | -c CODE | FILE) [ARG…]`,
or `main` with the same arguments in a process that was forked instead.

Exec resets "undumpable", and a job that may not start processes needs exec once itself, so both
can only be closed after that exec. Then the command runs in this same interpreter, as
`python -I` itself would run it. SEALING is `DESCRIPTOR:FILTER[,FILTER…]`: where to say that it is
done, and what to install first.
This file is alone inside the jail and may run under any supported minor: standard library only.
"""

import builtins
import ctypes
import json
import os
import runpy
import struct
import sys
import threading
import traceback
import types
from typing import NoReturn

_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _FILTER_MODE = 4, 22, 2


def seal(sealing: str) -> None:
    """Become undumpable, install the filters, and say so. Does not return if any is refused.

    Where the word goes out on stdout, the supervisor looks this process over and answers with a
    byte on stdin before anything else happens.
    """
    number, _, filters = sealing.partition(":")
    descriptor = int(number)
    try:
        for program in filters.split(","):
            _install(bytes.fromhex(program))
    except OSError as error:
        _say(descriptor, {"sealed": False, "reason": str(error)})
        os._exit(1)
    _say(descriptor, {"sealed": True, "kernel": os.uname().release})
    if descriptor > 2:
        os.close(descriptor)
    elif os.read(0, 1) != b"g":
        os._exit(1)


def _say(descriptor: int, word: dict[str, object]) -> None:
    os.write(descriptor, json.dumps(word).encode() + b"\n")


def _install(program: bytes) -> None:
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


def main(arguments: list[str]) -> NoReturn:
    """Seal this process, say so, and run the command to its end."""
    seal(arguments[0])
    try:
        run(arguments[1:])
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
            leave(1)
        leave(end.code or 0)
    except BaseException:
        traceback.print_exc()
        leave(1)
    leave(0)


if __name__ == "__main__":
    main(sys.argv[1:])
