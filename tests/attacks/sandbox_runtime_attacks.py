"""S53 for tiers with a kernel of their own: a runtime that is missing, or pretends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from pyvorin_server.sandbox import gvisor, policies
from pyvorin_server.sandbox.jail import Jail
from pyvorin_server.sandbox.model import JailRefused
from pyvorin_server.sandbox.plan import JailSpec
from pyvorin_server.sandbox.tiers import Tier

from tests.attacks.ground import Breach, Ground, NotTried
from tests.attacks.probe import SMALL, host
from tests.attacks.table import attack

# Runs the job's command on the host's own kernel, as somebody might who wants gVisor's name only.
PRETENDER = """#!{python} -I
import json, os, sys
if sys.argv[1:] in (["-version"], ["flags"]):
    print("runsc version release-20991231.0")
    sys.exit()
process = json.load(open("/jail-tmp/config.json"))["process"]
os.execve(process["args"][0], process["args"], dict(e.split("=", 1) for e in process["env"]))
"""
DOWNGRADED = """#!{python} -I
import sys
print("runsc version 0.1" if sys.argv[1:] == ["-version"] else "no such command")
"""


@contextmanager
def _installed(ground: Ground, script: str | None) -> Iterator[None]:
    """PATH holds nothing, or only `script` as runsc."""
    folder, path = ground.folder / "bin", os.environ["PATH"]
    folder.mkdir()
    if script is not None:
        (folder / "runsc").write_text(script.format(python=sys.executable))
        (folder / "runsc").chmod(0o755)
    os.environ["PATH"] = str(folder)
    gvisor.find.cache_clear()
    try:
        yield
    finally:
        os.environ["PATH"] = path
        gvisor.find.cache_clear()
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def _start(script: str | None, ground: Ground) -> str:
    if host().reached is not Tier.NATIVE:
        raise NotTried(f"the outer jail needs {Tier.NATIVE}")
    argv = (sys.executable, "-I", "-c", "print('ran')", ground.marker)
    with _installed(ground, script):
        try:
            with Jail(JailSpec(argv, SMALL, policies.CHECK, Tier.GVISOR)):
                raise Breach("a gvisor jail was made without gVisor")
        except JailRefused as refused:
            return str(refused)


for _title, _script in {
    "host without runsc": None,
    "a runsc that runs the job on the host's kernel": PRETENDER,
    "a runsc that knows no command": DOWNGRADED,
}.items():
    attack("S53", _title, where="runtime/gvisor")(partial(_start, _script))
