"""Run one job in a jail of its own: the whole package in one call.

result = run_job(
    [python, "-I", "-m", "pyvorin", "worker"], request,
    Limits(wall_s=30), policies.COMPILE, tier_required=Tier.NATIVE,
)
frames = pyvorin_wire.frames.read_all(result.stdout)   # hostile bytes: parse with caps
"""

import threading
from collections.abc import Iterable, Sequence
from typing import Final

from pyvorin_server.sandbox.detect import TierChooser
from pyvorin_server.sandbox.jail import Jail
from pyvorin_server.sandbox.model import Bind, JailRefused, JobResult, Limits
from pyvorin_server.sandbox.plan import JailSpec
from pyvorin_server.sandbox.policies import Policy
from pyvorin_server.sandbox.tiers import Tier

_chooser: Final = TierChooser()


def make_spec(
    argv: Sequence[str],
    limits: Limits,
    policy: Policy,
    binds: Iterable[Bind] = (),
    tier_required: Tier = Tier.NATIVE,
) -> JailSpec:
    """A jail of the best tier this host reaches. Raises JailRefused below `tier_required`."""
    if not argv:
        raise JailRefused("command", "no command")
    tier = _chooser.choose(argv[0], tier_required)
    return JailSpec(tuple(argv), limits, policy, tier, tuple(binds))


def run_job(
    argv: Sequence[str],
    stdin: bytes,
    limits: Limits,
    policy: Policy,
    binds: Iterable[Bind] = (),
    tier_required: Tier = Tier.NATIVE,
    cancel: threading.Event | None = None,
) -> JobResult:
    """Run `argv` (`[python, "-I", …]`) on `stdin` and wait for its end.

    Raises JailRefused before anything of the job has run if a required layer is missing.
    """
    return Jail(make_spec(argv, limits, policy, binds, tier_required)).run(stdin, cancel)
