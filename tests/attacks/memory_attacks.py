"""S49: native code that reads or writes outside an object, because the compiler forgot to look.

The compiler is given a fault in the compile jail: what checks an index against a length checks
nothing any more. All else is as in a build: its artifact is run in the check jail on the calls that
the service itself collected, next to CPython, and the verdict is computed outside. There is no
variant of native code that looks at each access: what tells is that CPython raises IndexError for
every index out of range, and calls with such are made of each recorded one.
"""

import functools
import io

from pyvorin_server.sandbox import policies
from pyvorin_server.sandbox.tiers import Tier
from pyvorin_server.verifier.judge import judge
from pyvorin_wire import frames

from tests.attacks.ground import Breach, Ground
from tests.attacks.probe import compiler_tiers
from tests.attacks.table import attack
from tests.attacks.verdict_attacks import WORKER, ask

FAULTY = """
import sys
from pyvorin.backend import objects
from pyvorin.backend.body import EMIT
def unchecked(body, op):
    index, length = (body.get(value) for value in op.operands)
    negative = body.new(f"icmp slt i64 {index}, 0")
    more = body.new(f"select i1 {negative}, i64 {length}, i64 0")
    body.put(body.new(f"add i64 {index}, {more}"))
EMIT["seq.index"] = unchecked
from pyvorin.worker import serve
sys.exit(serve())
"""
PROGRAMS = {
    "write past the end of a list": """
def touched(items, index):
    '''
    >>> touched([1, 2, 3], 1)
    3
    '''
    items[index] = 7
    return len(items)
""",
    "read past the end of a list": """
def touched(items, index):
    '''
    >>> touched([1, 2, 3], 1)
    2
    '''
    return items[index]
""",
    "write past the end in a loop": """
def touched(items, count):
    '''
    >>> touched([1, 2, 3], 3)
    [0, 1, 4]
    '''
    for i in range(count):
        items[i] = i * i
    return items
""",
    "read past the end of bytes": """
def touched(data, index):
    '''
    >>> touched(b'abc', 1)
    98
    '''
    return data[index]
""",
}


def _verdict(tier: Tier | None, source: str, worker: tuple[str, ...]) -> tuple[str, int]:
    """The verdict of a build by that worker, and on how many calls."""
    asked = {"path": "touched.py", "source": source, "functions": ["touched"]}
    compiling = {**asked, "op": "compile", "options": {}, "examples": None}
    compiled = ask(tier, policies.COMPILE, compiling, worker=worker)
    answer = list(frames.read_message(io.BytesIO(compiled.stdout)))
    if len(answer) < 3:
        raise Breach(f"it was not compiled: {answer[-1].json()['diagnostics']}")
    calls, artifact = answer[0].json(), answer[2].payload
    check = {**asked, "op": "check", "seed": 0}
    python = ask(tier, policies.CHECK, {**check, **calls, "side": "cpython"})
    *_, last = frames.read_message(io.BytesIO(python.stdout))
    kept = {name: last.json()[name] for name in ("cases", "setup")}
    native = ask(tier, policies.CHECK, {**check, **kept, "side": "native"}, artifact)
    return judge(python.stdout, native.stdout).result, len(kept["cases"])


def _try(tier: Tier | None, source: str, _: Ground) -> str:
    verdict, calls = _verdict(tier, source, ("-c", FAULTY))
    if verdict == "pass":
        raise Breach(f"passed on {calls} calls")
    return f"{verdict} on {calls} calls"


def _sound(tier: Tier | None, source: str, _: Ground) -> str:
    """Control: without the fault the same build passes."""
    verdict, calls = _verdict(tier, source, WORKER)
    if verdict != "pass":
        raise Breach(f"a sound build: {verdict} on {calls} calls")
    return f"passes on {calls} calls"


for _tier in compiler_tiers():
    for _title, _source in PROGRAMS.items():
        for _name, _run in ((_title, _try), (f"control: not to {_title}", _sound)):
            _row = functools.partial(_run, _tier, _source)
            attack("S49", _name, where=f"check of a build/{_tier}")(_row)
