"""`python -m pyvorin worker` without a compiler: the same frames, an artifact that is only bytes.

Both check sides run the program in CPython, so an honest program passes. A function whose name
starts with `idle` gains nothing when it is timed, one that starts with `untimed` gives no figures.
A module-level name `MISBEHAVE` makes this worker do what a hostile program could make the real one
do:

    wrong     the native side gives other outcomes      forged    the compile answer has a verdict
    crash     the native side dies by a signal          silent    the native side gives no outcome
    slow      compiling takes 30 s                      garbage   the compile answer is not frames
    network   opens a socket                            files     reads the host's password file
    clock     timing gives no frames                    figures   timing gives what is no figure
    untold    compiling names no calls                  early     CPython's side dies by a signal

or, while CPython's side takes 10 min beside it, makes compiling end badly after it named the calls:

    refuses   it refuses        dies      it dies by a signal        hangs     it takes 30 s
"""

import hashlib
import os
import re
import signal
import socket
import sys
import time
from pathlib import Path

from pyvorin_wire import frames, outcome


def warm() -> None:
    """The real one loads LLVM here."""


def serve() -> int:
    message = list(frames.read_message(sys.stdin.buffer))
    request = message[0].json()
    out = sys.stdout.buffer
    found = re.search(r'^MISBEHAVE = "(\w+)"', request["source"], re.M)
    misbehaviour = found[1] if found else ""
    if request["op"] == "compile":
        compile_(request, misbehaviour, out)
    elif request["op"] == "measure":
        measure(request, misbehaviour, out)
    else:
        check(request, misbehaviour, out)
    frames.write_end(out)
    return 0


def compile_(request: dict, misbehaviour: str, out) -> None:
    if misbehaviour == "slow":
        time.sleep(30)
    if misbehaviour == "garbage":
        out.write(b"\xff" * 4096)
        out.flush()
        os._exit(0)
    if misbehaviour == "network":
        socket.create_connection(("127.0.0.1", 80), 1)
    if misbehaviour == "files":
        Path("/etc/shadow").read_bytes()
    functions = re.findall(r"^def (\w+)", request["source"], re.M)
    if functions and misbehaviour != "untold":
        cases = [[name, f"{name}()", "main"] for name in functions]
        frames.write_json(out, {"cases": cases, "setup": ""})
        out.flush()
    if misbehaviour == "hangs":
        time.sleep(30)
    if misbehaviour == "dies":
        time.sleep(1)
        os.kill(os.getpid(), signal.SIGSEGV)
    if not functions or misbehaviour == "refuses":
        span = {"file": request["path"], "line": 1, "col": 0, "end_line": 1, "end_col": 0}
        item = {"code": "PYV101", "severity": "error", "message": "no function", "span": span}
        refusal = {"ok": False, "report": {}, "diagnostics": [item], "meta": {}}
        frames.write_json(out, refusal)
        return
    entries = [
        {"qualname": name, "code_sha256": hashlib.sha256(name.encode()).hexdigest()}
        for name in functions
        if name not in request["left"]
    ]
    rows = [{"name": name, "line": 1, "verdict": "native"} for name in functions]
    answer = {
        "ok": True,
        "report": {"format": 1, "functions": rows},
        "diagnostics": [],
        "meta": {"functions": entries, "toolchain": {"pyvorin": "0.0.0-fake"}},
    }
    if misbehaviour == "forged":
        answer |= {"verdict": "pass", "match": True, "result": "pass"}
    frames.write_json(out, answer)
    text = request["source"] + "".join(sorted(request["left"]))
    frames.write_bytes(out, b"\x7fELF fake " + hashlib.sha256(text.encode()).digest())


def check(request: dict, misbehaviour: str, out) -> None:
    native = request["side"] == "native"
    if native and misbehaviour == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if not native and misbehaviour == "early":
        os.kill(os.getpid(), signal.SIGSEGV)
    if not native and misbehaviour in ("refuses", "dies", "hangs"):
        time.sleep(600)
    space: dict = {}
    exec(request["source"], space)
    for case in request["cases"]:
        value = space[case[0]]()
        if native and misbehaviour in ("wrong", "forged"):
            value = (value, "other")
        if not (native and misbehaviour == "silent"):
            frames.write_bytes(out, outcome.encode_outcome(value=value))
    counts = {case[0]: {"entries": 1, "osr": 0} for case in request["cases"]}
    last = {"cases": request["cases"], "setup": "", "dropped": {}}
    frames.write_json(out, {**last, "counts": counts if native else {}})


def measure(request: dict, misbehaviour: str, out) -> None:
    if misbehaviour == "clock":
        out.write(b"\xff" * 64)
        out.flush()
        os._exit(0)
    names = [case[0] for case in request["cases"] if not case[0].startswith("untimed")]
    gains = {name: figures("0.80" if name.startswith("idle") else "9.00") for name in names}
    if misbehaviour == "figures":
        gains = {name: {"cpython_s": "<script>", "ratio": "nan"} for name in names}
    left = {name: ["PYV510", "0.80x is below"] for name in names if name.startswith("idle")}
    frames.write_json(out, {"gains": gains, "left": left, "diagnostics": []})


def figures(ratio: str) -> dict:
    times = {"cpython_s": "0.000009000", "native_s": "0.000001000"}
    return {**times, "ratio": ratio, "loops": 3, "rounds": 3, "recorded": True}
