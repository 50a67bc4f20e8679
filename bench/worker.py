"""Run one program for one peer in a process of its own, commanded by JSON lines on standard input.

    {"do": "load", "folder": …, "program": …, "function": …, "arguments": "(…)", "mode": …,
     "driver": …}
    {"do": "run"}                  one call            → {"seconds": …, "answer": "type repr"}
    {"do": "calls", "count": n}    n calls in a loop   → {"seconds": …}, the empty loop subtracted
    {"do": "facts"}                                    → {"memory_bytes": …, "functions": {…}}

Arguments are a tuple written as Python, since JSON has no tuples, sets, bytes or integer keys. With
`driver`, the function is one of bench/drivers.py and is given the module. A long answer is cut and
followed by its digest.

Modes: `plain` imports the module from the folder (CPython, PyPy and every ahead-of-time peer),
`numba` also puts every function of it under `njit`, `c` loads the shared library of the twin.
Preparing the arguments is never timed. Time is this thread's CPU time, so that a neighbour's load
does not count.

Written for Python 3.9, which is what PyPy may offer.
"""

from __future__ import annotations

import ast
import copy
import functools
import hashlib
import importlib
import json
import os
import resource
import sys
import time
import types
from typing import Any

SHOWN = 160


class Subject:
    """The function under measurement with its arguments."""

    def __init__(self, command: dict[str, Any]) -> None:
        sys.path.insert(0, command["folder"])
        self.arguments = ast.literal_eval(command["arguments"])
        self.mode = command["mode"]
        self.module: types.ModuleType | None = None
        if self.mode == "c":
            twins = importlib.import_module("twins")
            library = os.path.join(command["folder"], command["program"] + ".so")
            self.prepare, self.function = twins.load(command["program"], library)
            return
        self.module = importlib.import_module(command["program"])
        self.prepare = copy.deepcopy
        if self.mode == "numba":
            _put_under_numba(self.module)
        if command["driver"]:
            driver = getattr(importlib.import_module("drivers"), command["function"])
            self.function = functools.partial(driver, self.module)
        else:
            self.function = getattr(self.module, command["function"])

    def run(self) -> dict[str, Any]:
        arguments = self.prepare(self.arguments)
        begin = time.thread_time()
        answer = self.function(*arguments)
        seconds = time.thread_time() - begin
        if self.mode == "c":
            answer = answer()
        return {"seconds": seconds, "answer": _shown(answer)}

    def calls(self, count: int) -> dict[str, Any]:
        a, b = self.arguments
        function = self.function
        begin = time.thread_time()
        for _ in range(count):
            pass
        middle = time.thread_time()
        for _ in range(count):
            function(a, b)
        end = time.thread_time()
        return {"seconds": (end - middle) - (middle - begin)}

    def facts(self) -> dict[str, Any]:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        functions = {}
        for value in _functions(self.module) if self.module else ():
            attached = getattr(value, "__pyvorin__", None)
            if attached is not None:
                functions[value.__qualname__] = {
                    "state": str(attached.state),
                    "reason": str(attached.reason),
                    "counts": dict(attached.counts),
                }
        return {"memory_bytes": memory, "functions": functions}


def _functions(owner: Any) -> Any:
    """The functions of a module and of its classes."""
    for value in list(vars(owner).values()):
        value = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
        if isinstance(value, types.FunctionType):
            yield value
        elif isinstance(value, type) and value.__module__ == getattr(owner, "__name__", None):
            yield from _functions(value)


def _shown(answer: Any) -> str:
    text = type(answer).__name__ + " " + repr(answer)
    if len(text) <= SHOWN:
        return text
    return (
        text[:SHOWN] + "… " + hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
    )


def _put_under_numba(module: types.ModuleType) -> None:
    numba = importlib.import_module("numba")
    for name, value in list(vars(module).items()):
        if isinstance(value, types.FunctionType):
            setattr(module, name, numba.njit(value))


def main() -> None:
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    subject: Any = None
    for line in sys.stdin:
        command = json.loads(line)
        reply: dict[str, Any] = {}
        try:
            if command["do"] == "load":
                subject = Subject(command)
            elif command["do"] == "run":
                reply = subject.run()
            elif command["do"] == "calls":
                reply = subject.calls(command["count"])
            else:
                reply = subject.facts()
        except Exception as error:  # a peer's failure is a result of the benchmark
            reply = {"error": type(error).__name__ + ": " + (str(error).splitlines() or [""])[0]}
        replies.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main()
