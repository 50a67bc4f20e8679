"""S38, S40: programs that want a wrong build to pass.

Each program is checked against native code that is wrong: the artifact was made from the same text
with another number in it, and its digest was written over with that of the right one, as if the
compiler had a fault. A verdict of "pass" is a breach, whatever the program does to the process
that runs it. The control row does nothing and must be found out, so that every row can fail.
"""

import functools
import io
import sys
from dataclasses import replace
from typing import Any

from pyvorin_server.builds.jails import PRELOAD
from pyvorin_server.sandbox import policies
from pyvorin_server.sandbox.jail import Jail
from pyvorin_server.sandbox.model import JobResult, Limits
from pyvorin_server.sandbox.plan import JailSpec
from pyvorin_server.sandbox.policies import Policy
from pyvorin_server.sandbox.tiers import Tier
from pyvorin_server.sandbox.warm import Nursery
from pyvorin_server.verifier.judge import judge
from pyvorin_wire import frames

from tests.attacks.ground import Breach, Ground, NotTried
from tests.attacks.probe import compiler_tiers, host
from tests.attacks.table import attack

LIMITS = Limits(wall_s=40.0, cpu_s=20.0, memory_bytes=1 << 30, pids=16)
FUNCTION = """
def added(x: int) -> int:
    total = 0
    for i in range(x % 50):
        total += i * 3 + {number}
    return total
"""
CALLS = ">>> added(7)\n>>> added(30)\n"
RIGHT, WRONG = 5, 6
WORKER = ("-m", "pyvorin", "worker")

# What stands above the function. `CHILD` finds the module of the harness that sees outcomes.
EVIL = {
    "": "",
    "a string and an int that are equal to everything": """
class Same(int):
    __eq__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __hash__ = lambda self: 0
    __repr__ = lambda self: '0'
    __reduce__ = lambda self: (print, ('owned',))
import builtins
builtins.int = Same
""",
    "builtins that agree with everything": """
import builtins
builtins.isinstance = lambda *a: True
builtins.type = lambda *a: int
builtins.repr = lambda x: 'same'
builtins.len = lambda x: 0
""",
    "an encoder that writes one answer": """
import pyvorin_wire.outcome as outcome
import pyvorin.check.observe as observe
constant = outcome.encode_outcome
def forged(*a, **k):
    return b'{}'
outcome.encode_outcome = observe.encode_outcome = forged
""",
    "json and frames that say the same": """
import json, pyvorin_wire.frames as frames, pyvorin_wire.canonical as canonical
json.dumps = lambda *a, **k: '{"match": true}'
canonical.dumps = lambda *a, **k: b'{"match":true}'
frames.write_bytes = lambda stream, data: None
""",
    "a verdict on every descriptor": """
import os
for descriptor in range(3, 64):
    try:
        os.write(descriptor, b'\\x00\\x00\\x00\\x0eJ{"match":true}\\x00\\x00\\x00\\x00E')
    except OSError:
        pass
""",
    "an end of message on every descriptor": """
import os
for descriptor in range(3, 64):
    try:
        os.write(descriptor, b'\\x00\\x00\\x00\\x00E')
    except OSError:
        pass
""",
    "an exit at once, with success": "import os; os._exit(0)",
    "sys.exit with success": "import sys; sys.exit(0)",
    "an exit hook that ends the process": """
import atexit, os
atexit.register(os._exit, 0)
""",
    "a trace function that answers for the calls": """
import sys
def trace(frame, event, argument):
    if frame.f_code.co_name == 'added':
        import os
        os._exit(0)
    return trace
sys.settrace(trace)
sys.setprofile(trace)
""",
    "an import hook that hides the harness": """
import sys
for name in [n for n in sys.modules if n.startswith('pyvorin')]:
    sys.modules[name] = None
""",
    "threads that close every descriptor": """
import os, threading
threading.Thread(target=os.closerange, args=(3, 256), daemon=True).start()
""",
    "a child that goes on alone": """
import os
if os.fork() == 0:
    os.setsid()
""",
    "a verdict read from stdin": """
import sys, builtins
builtins.input = lambda *a: 'pass'
sys.stdin = None
""",
}


@functools.cache
def _nursery() -> Nursery:
    return Nursery(sys.executable, PRELOAD)


def ask(
    tier: Tier | None,
    policy: Policy,
    request: dict[str, Any],
    *blobs: bytes,
    limits: Limits = LIMITS,
    worker: tuple[str, ...] = WORKER,
) -> JobResult:
    """Give the compiler's worker one request, in a jail of its own."""
    out = io.BytesIO()
    frames.write_json(out, request)
    for blob in blobs:
        frames.write_bytes(out, blob)
    frames.write_end(out)
    if tier is None:
        raise NotTried(f"this host reaches no tier: {host().reasons}")
    if not tier.shares_kernel:  # system calls cost more there, and nothing is imported yet
        limits = replace(limits, wall_s=limits.wall_s * 4, cpu_s=limits.cpu_s * 4)
    argv = (sys.executable, "-I", *worker)
    with Jail(JailSpec(argv, limits, policy, tier), _nursery()) as jail:
        return jail.run(out.getvalue())


def ask_compiler(tier: Tier | None, source: str, path: str) -> JobResult:
    """Compile `source` in a jail of its own, as the service does."""
    asked = {"path": path, "source": source, "functions": None, "options": {}, "examples": None}
    limits = replace(LIMITS, wall_s=20.0, cpu_s=8.0)
    return ask(tier, policies.COMPILE, {**asked, "op": "compile"}, limits=limits)


def _request(source: str, **more: Any) -> dict[str, Any]:
    return {"path": "evil.py", "source": source, "functions": ["added"], **more}


def _compiled(number: int) -> tuple[list[Any], dict[str, Any], bytes]:
    """The compile jail's calls, answer and artifact of the function with `number`."""
    source = f'"""\n{CALLS}"""\n' + FUNCTION.format(number=number)
    asked = _request(source, op="compile", options={}, examples=None)
    done = ask(host().reached, policies.COMPILE, asked)
    calls, answer, artifact = list(frames.read_message(io.BytesIO(done.stdout)))
    return calls.json()["cases"], answer.json(), artifact.payload


@functools.cache
def _builds() -> tuple[bytes, bytes, list[Any]]:
    """The right artifact, the wrong one, and calls of the function."""
    (calls, right, artifact), (_, wrong, other) = _compiled(RIGHT), _compiled(WRONG)
    digests = [answer["meta"]["functions"][0]["code_sha256"].encode() for answer in (right, wrong)]
    if other.count(digests[1]) < 1 or not calls:
        raise Breach("the wrong build could not be made")
    return artifact, other.replace(digests[1], digests[0]), calls[:6]


def _check(tier: Tier | None, evil: str, artifact: bytes) -> tuple[str, list[JobResult]]:
    source = f"{evil}\n{FUNCTION.format(number=RIGHT)}"
    asked = _request(source, op="check", seed=0, cases=_builds()[2], setup="")
    sides = [
        ask(tier, policies.CHECK, {**asked, "side": "cpython"}),
        ask(tier, policies.CHECK, {**asked, "side": "native"}, artifact),
    ]
    return judge(sides[0].stdout, sides[1].stdout).result, sides


def _try(tier: Tier | None, evil: str, _: Ground) -> str:
    verdict, sides = _check(tier, evil, _builds()[1])
    if verdict == "pass":
        raise Breach("a wrong build passed")
    if not evil and verdict != "mismatch":
        raise Breach(f"the control says {verdict}, not mismatch")
    return f"{verdict}; the jails ended as {', '.join(side.ending for side in sides)}"


def _honest(tier: Tier | None, _: Ground) -> str:
    """Control: with the right artifact the verdict is pass, so `incomplete` is not all there is."""
    verdict, sides = _check(tier, "", _builds()[0])
    if verdict != "pass":
        raise Breach(f"an honest build: {verdict}: {sides}")
    return "an honest build passes"


for _tier in compiler_tiers():
    _where = f"verdict/{_tier}"
    attack("S38", "control: an honest build passes", where=_where)(
        functools.partial(_honest, _tier)
    )
    for _name, _evil in EVIL.items():
        _title = (
            f"pass a wrong build by {_name}" if _name else "control: a wrong build is found out"
        )
        _run = functools.partial(_try, _tier, _evil)
        attack("S40" if "equal" in _name else "S38", _title, where=_where)(_run)
