"""Attempts on what connects a jail with its supervisor: pipes, environment, descriptors, layers."""

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial

from pyvorin_server.sandbox import cgroups, scratch
from pyvorin_server.sandbox.model import Ending, JailRefused
from pyvorin_server.sandbox.plan import JailSpec
from pyvorin_server.sandbox.tiers import TIER_LAYERS, Layer
from pyvorin_wire.errors import FrameError
from pyvorin_wire.frames import read_message

from tests.attacks.ground import SECRET, Breach, Ground, control_groups
from tests.attacks.probe import (
    SMALL,
    Place,
    everywhere,
    judge,
    places,
    probe,
    register_at,
    wrap,
)

QUICK = replace(SMALL, wall_s=2.0)


# ---- S34: what a person or a log would see


def _write_escapes(place: Place, ground: Ground) -> str:
    code = r"import sys; sys.stderr.buffer.write(b'\x1b]0;owned\x07\x1b[2J\r\xff\xc3')"
    tail = place.run(ground, code).stderr_tail
    if not tail or any(not (c.isprintable() or c in "\n\t") for c in tail):
        raise Breach(f"control characters reached the log: {tail!r}")
    return f"escaped: {tail!r}"


everywhere("S34", "write terminal escapes to the log", _write_escapes)


# ---- S35: the answer pipe

END = b"\\0\\0\\0\\0E"
for title, written in {
    "a frame of 4 GiB": rb"b'\xff\xff\xff\xffJ' + b'x' * 100",
    "garbage": rb"bytes(range(256)) * 16",
    "an early end": rb"b'\0\0\0\x10J{}'",
    "nothing": rb"b''",
    "an unknown kind": rb"b'\0\0\0\0Z'",
    "a million empty frames": rb"b'\0\0\0\0B' * 200_000",
    "an end that holds bytes": rb"b'\0\0\0\x01Ex'",
}.items():

    def _answer(expression: str, place: Place, ground: Ground) -> str:
        code = f"import sys; sys.stdout.buffer.write({expression})"
        result = place.run(ground, code)
        try:
            frames = list(read_message(io.BytesIO(result.stdout)))
        except FrameError as error:
            return f"typed error: {error}"
        raise Breach(f"read {len(frames)} frames")

    everywhere("S35", f"answer with {title}", partial(_answer, written.decode()))


def _hang_after_answer(place: Place, ground: Ground) -> str:
    code = r"import os, time; os.write(1, b'\0\0\0\0E'); time.sleep(1000)"
    begun = time.monotonic()
    result = place.run(ground, code, QUICK)
    if result.ending is not Ending.TIMEOUT or time.monotonic() - begun > 60:
        raise Breach(f"ended as {result.ending} after {time.monotonic() - begun:.1f} s")
    return result.message


everywhere("S35", "answer, then hang", _hang_after_answer)


def _close_and_hang(place: Place, ground: Ground) -> str:
    code = "import os, time; os.closerange(0, 64); time.sleep(1000)"
    return judge(place.run(ground, code, QUICK), frozenset({Ending.TIMEOUT}))


everywhere("S35", "close every pipe and hang", _close_and_hang)

# ---- S36: outliving the job

probe(
    "S36",
    "leave a daemon that holds the pipes",
    """
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(0)
    os.wait()
    raise OSError('left a daemon')
    """,
)


SUPERVISOR = """
import json, sys
from pyvorin_server.sandbox import policies
from pyvorin_server.sandbox.jail import Jail
from pyvorin_server.sandbox.model import Limits
from pyvorin_server.sandbox.plan import JailSpec
from pyvorin_server.sandbox.tiers import Tier
from pyvorin_server.sandbox.warm import Nursery
interpreter, tier, marker, cold = json.loads(sys.argv[1])
argv = (interpreter, "-I", "-c", "import time; time.sleep(1e6)", marker)
starter = None if cold else Nursery(interpreter, "#" + marker)
jail = Jail(JailSpec(argv, Limits(), policies.CHECK, Tier(tier)), starter)
print("up", flush=True)
jail.run(b"")
"""


def _kill_supervisor(place: Place, ground: Ground) -> str:
    """A supervisor that dies by kill -9 takes its jails with it; the next one sweeps up."""
    facts = json.dumps([place.interpreter, place.tier, ground.marker, place.cold])
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", SUPERVISOR, facts]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == b"up\n"
        supervisor.kill()
    deadline = time.monotonic() + 20
    while ground.marked_processes():
        if time.monotonic() > deadline:
            raise Breach("the jail outlived its supervisor")
        time.sleep(0.02)
    cgroups.sweep()
    left = control_groups(supervisor.pid)
    scratch.sweep()
    if left:
        raise Breach(f"control groups left behind: {left}")
    place.check_next_job(ground)
    return "died with its supervisor"


everywhere("S36", "outlive a killed supervisor", _kill_supervisor)


# ---- S38: forging how the job ended

FORGERY = """
import os, time
for descriptor in range(3, 256):
    try:
        os.write(descriptor, b'{"exit": 0}\\n{"sealed": true}\\n')
    except OSError:
        pass
time.sleep(1000)
"""


def _forge_exit(place: Place, ground: Ground) -> str:
    return judge(place.run(ground, FORGERY, QUICK), frozenset({Ending.TIMEOUT}))


everywhere("S38", "forge the status of the job", _forge_exit)


# ---- S47, S52: environment, start-up files, inherited descriptors


def _inject(place: Place, ground: Ground) -> str:
    """A hostile environment and working directory of the supervisor do not reach the job."""
    planted = ground.folder / "planted"
    planted.mkdir()
    names = ("sitecustomize.py", "usercustomize.py", "json.py", "runpy.py")
    for name in names:
        (planted / name).write_text("import builtins; builtins.planted = True\nprint('BREACH')\n")
    hostile = {
        "LD_PRELOAD": str(planted / "absent.so"),
        "LD_LIBRARY_PATH": str(planted),
        "PYTHONPATH": str(planted),
        "PYTHONSTARTUP": str(planted / "json.py"),
        "PYTHONHOME": str(planted),
        "PYTHONINSPECT": "1",
        "SECRET_OF_SERVICE": SECRET,
    }
    code = "import os, sys, json; print(dict(os.environ), sys.path, sys.flags.isolated)"
    before = dict(os.environ)
    try:
        os.environ.update(hostile)
        with contextlib.chdir(planted):
            result = place.run(ground, code)
    finally:
        os.environ.clear()
        os.environ.update(before)
        for file in planted.iterdir():
            file.unlink()
        planted.rmdir()
    if str(planted).encode() in result.stdout or result.stderr_tail:
        raise Breach(f"reached the job: {result.stdout!r} {result.stderr_tail}")
    return judge(result, frozenset({Ending.OK}))


everywhere("S47", "inject by environment, start-up file or working directory", _inject)


def _read_descriptors(place: Place, ground: Ground) -> str:
    """Descriptors that the supervisor holds, even inheritable ones, are closed in the job."""
    code = """
import os
for descriptor in range(3, 256):
    try:
        os.fstat(descriptor)
        print('BREACH', descriptor)
    except OSError:
        pass
"""
    held = os.open(ground.private_file, os.O_RDONLY)
    try:
        os.set_inheritable(held, True)
        return judge(place.run(ground, code), frozenset({Ending.OK}))
    finally:
        os.close(held)


everywhere("S52", "read a descriptor of the service", _read_descriptors)


def _prelude_reaches_its_end(place: Place, ground: Ground) -> str:
    """Positive control: code that is allowed reaches its last line, so every probe can fail."""
    if b"BREACH" not in place.run(ground, wrap("open('f', 'w').write('x')")).stdout:
        raise Breach("an allowed action did not reach its end")
    return "an allowed action reaches its end"


everywhere("S00", "control: what is allowed is not held", _prelude_reaches_its_end)


# ---- S53: a host that lost one layer

for chosen in places():
    for missing in sorted(TIER_LAYERS[chosen.tier]):

        def _lose(layer: Layer, place: Place, ground: Ground) -> str:
            argv = (place.interpreter, "-I", "-c", "print('ran')", ground.marker)
            spec = JailSpec(argv, SMALL, place.policy, place.tier, faults=frozenset({layer}))
            try:
                with place.start(ground, spec):
                    raise Breach(f"a jail without {layer} was made")
            except JailRefused as refused:
                if refused.layer != layer:
                    raise Breach(f"refused for {refused.layer}, not for {layer}") from refused
                return str(refused)

        register_at(chosen, "S53", f"host without {missing}", partial(_lose, missing))
