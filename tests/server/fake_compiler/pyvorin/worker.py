"""`python -m pyvorin worker` without a compiler: the same frames, an artifact that is only bytes.

Both check sides run the program in CPython, so an honest program passes. A module-level name
`MISBEHAVE` makes this worker do what a hostile program could make the real one do:

    wrong     the native side gives other outcomes      forged    the compile answer has a verdict
    crash     the native side dies by a signal          silent    the native side gives no outcome
    slow      compiling takes 30 s                      garbage   the compile answer is not frames
    network   opens a socket                            files     reads the host's password file
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


def serve() -> int:
    message = list(frames.read_message(sys.stdin.buffer))
    request = message[0].json()
    out = sys.stdout.buffer
    found = re.search(r'^MISBEHAVE = "(\w+)"', request["source"], re.M)
    misbehaviour = found[1] if found else ""
    if request["op"] == "compile":
        compile_(request, misbehaviour, out)
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
    if not functions:
        span = {"file": request["path"], "line": 1, "col": 0, "end_line": 1, "end_col": 0}
        item = {"code": "PYV101", "severity": "error", "message": "no function", "span": span}
        refusal = {"ok": False, "report": {}, "diagnostics": [item], "meta": {}}
        frames.write_json(out, refusal)
        return
    entries = [
        {"qualname": name, "code_sha256": hashlib.sha256(name.encode()).hexdigest()}
        for name in functions
    ]
    answer = {
        "ok": True,
        "report": {"format": 1, "functions": [{"name": name} for name in functions]},
        "diagnostics": [],
        "meta": {"functions": entries, "toolchain": {"pyvorin": "0.0.0-fake"}},
        "cases": [{"function": name} for name in functions],
        "setup": "",
    }
    if misbehaviour == "forged":
        answer |= {"verdict": "pass", "match": True, "result": "pass"}
    frames.write_json(out, answer)
    frames.write_bytes(out, b"\x7fELF fake " + hashlib.sha256(request["source"].encode()).digest())


def check(request: dict, misbehaviour: str, out) -> None:
    native = request["side"] == "native"
    if native and misbehaviour == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    space: dict = {}
    exec(request["source"], space)
    for case in request["cases"]:
        value = space[case["function"]]()
        if native and misbehaviour in ("wrong", "forged"):
            value = (value, "other")
        if not (native and misbehaviour == "silent"):
            frames.write_bytes(out, outcome.encode_outcome(value=value))
    frames.write_json(out, {"cases": request["cases"], "setup": "", "dropped": {}, "counts": {}})
