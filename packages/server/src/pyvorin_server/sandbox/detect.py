"""What this host reaches, layer by layer, found by trying: a probe jail is really started.

`pyvorin-server doctor` prints the report; `runner` chooses the tier from it.
"""

import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pyvorin_server.sandbox.jail import Jail
from pyvorin_server.sandbox.model import JailRefused, Limits
from pyvorin_server.sandbox.plan import JailSpec
from pyvorin_server.sandbox.policies import COMPILE
from pyvorin_server.sandbox.tiers import RUNTIME_LAYERS, TIER_LAYERS, Layer, Tier, best_tier

_PROBE_COMMAND: Final = ("-I", "-c", "pass")
_PROBE_LIMITS: Final = Limits(wall_s=60.0, cpu_s=30.0, memory_bytes=256 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class HostReport:
    """`reasons`: every layer, with "" where it holds, else why it does not."""

    reached: Tier | None
    reasons: dict[Layer, str]

    def explain(self, wanted: Tier) -> tuple[Layer, str] | None:
        """The first layer of `wanted` that is missing, or None when the host reaches it."""
        for layer in Layer:
            if layer in TIER_LAYERS[wanted] and self.reasons[layer]:
                return layer, self.reasons[layer]
        return None


def detect(interpreter: str = sys.executable, faults: Iterable[str] = ()) -> HostReport:
    """Probe the host with `interpreter`, by starting up to two jails (a fraction of a second)."""
    injected = frozenset(faults)
    native = _probe(interpreter, Tier.NATIVE, injected)
    tier = best_tier(_held(native))
    if tier is not None and tier.uses_namespaces:
        return HostReport(tier, native)
    restricted = _probe(interpreter, Tier.RESTRICTED, injected)
    reasons = native | {layer: restricted[layer] for layer in TIER_LAYERS[Tier.RESTRICTED]}
    return HostReport(best_tier(_held(reasons) & TIER_LAYERS[Tier.RESTRICTED]), reasons)


def _held(reasons: dict[Layer, str]) -> frozenset[Layer]:
    return frozenset(layer for layer, reason in reasons.items() if not reason)


def _probe(interpreter: str, tier: Tier, faults: frozenset[str]) -> dict[Layer, str]:
    """Start a jail in which every layer may fail. What was not even tried says why."""
    command = (interpreter, *_PROBE_COMMAND)
    spec = JailSpec(command, _PROBE_LIMITS, COMPILE, tier, best_effort=True, faults=faults)
    try:
        with Jail(spec) as jail:
            reached = jail.reasons
    except JailRefused as refused:
        reached = dict.fromkeys(Layer, str(refused)) | refused.reasons
    return {layer: reached.get(layer, "not part of this attempt") for layer in Layer}


def boot(tier: Tier, interpreter: str = sys.executable, faults: Iterable[str] = ()) -> None:
    """Really run a job on a kernel of its own. Raises JailRefused where that does not work."""
    command = (interpreter, "-I", "-c", "print('up')")
    spec = JailSpec(command, _PROBE_LIMITS, COMPILE, tier, faults=frozenset(faults))
    with Jail(spec) as jail:
        result = jail.run(b"")
    if result.stdout != b"up\n":
        raise JailRefused(RUNTIME_LAYERS[tier], f"a trial job {result.message}")


class TierChooser:
    """Remembers what was found for each interpreter, so that a job does not pay for a probe."""

    def __init__(self) -> None:
        self._reports: dict[str, HostReport] = {}
        self._booted: set[tuple[str, Tier]] = set()
        self._lock = threading.Lock()

    def choose(self, interpreter: str, required: Tier) -> Tier:
        """The best tier on the host's kernel, or a stronger one if that is required.

        Raises JailRefused if the host does not reach `required`.
        """
        if not required.shares_kernel:
            with self._lock:
                if (interpreter, required) not in self._booted:
                    boot(required, interpreter)
                    self._booted.add((interpreter, required))
            return required
        with self._lock:
            if interpreter not in self._reports:
                self._reports[interpreter] = detect(interpreter)
            report = self._reports[interpreter]
        if report.reached is None or report.reached.rank < required.rank:
            layer, reason = report.explain(required) or ("tier", "not reached")
            raise JailRefused(layer, f"{required} is required, and {reason}")
        return report.reached
