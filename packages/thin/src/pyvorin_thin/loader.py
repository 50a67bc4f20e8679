"""Load a module's native code and attach it to the live functions: the one way into the process.

On every load, in this order: recall list → index → read the container once → verify (`verify`) →
sealed memfd → dlopen → for each function, just after it is defined, compare the digest of its
bytecode with what was compiled, and only on equality attach. No network, no HTTP library, no
cryptography library.

A refused artifact is loud: one line on stderr, an event in the local log, the bytes in quarantine;
under PYVORIN=require an ImportError. The module then runs in Python, with CPython's own answers.
"""

from __future__ import annotations

import atexit
import os
import sys
import time

from pyvorin_runtime.attach import attach as attach_native
from pyvorin_runtime.codehash import code_digest
from pyvorin_runtime.instrument import instrument
from pyvorin_wire import canonical
from pyvorin_wire.platform import running, unsupported

from pyvorin_thin import events, keys, memfd, recalls, store, verify
from pyvorin_thin.errors import LicenceProblem, ProvenanceError
from pyvorin_thin.state import NotNative

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import CodeType, FunctionType, ModuleType
    from typing import Any

    from pyvorin_wire.artifact import Manifest
    from pyvorin_wire.platform import PlatformTag

    from pyvorin_thin.errors import ThinError


class Native:
    """A loaded native module: what it is, and which of its functions has which bytecode."""

    def __init__(
        self, manifest: Manifest, extension: ModuleType, functions: dict[tuple[str, str], int]
    ) -> None:
        self.manifest = manifest
        self.extension = extension
        self.functions = functions  # (qualname, digest of the bytecode) → index

    def index_of(self, function: FunctionType) -> int | None:
        return self.functions.get((function.__qualname__, code_digest(function.__code__)))

    @property
    def qualnames(self) -> frozenset[str]:
        return frozenset(qualname for qualname, _ in self.functions)


_loaded: list[Native] = []
_by_module: dict[str, list[Native]] = {}


def open_module(module: str, *, required: bool = False) -> list[Native]:
    """Native code for a module, newest first; empty if it has to run in Python.

    With `required`, raises ThinError instead of running in Python: PYV860 if there is nothing, else
    the refusal itself.
    """
    try:
        found = _open_module(module)
    except (ProvenanceError, LicenceProblem) as error:
        if required:
            raise
        _announce(module, error)
        return []
    if required and not found:
        raise ProvenanceError("PYV860", f"there is no artifact for {module}")
    return found


def opened(module: str, *, required: bool = False) -> list[Native]:
    """`open_module`, once a process: for decorators, of which a module may have many."""
    if module not in _by_module:
        _by_module[module] = open_module(module, required=required)
    return _by_module[module]


def _open_module(module: str) -> list[Native]:
    entries = store.entries(module)
    if not entries:
        return []
    tag = running()
    if (reason := unsupported(tag)) is not None:
        raise ProvenanceError("PYV861", reason)
    around = circumstances(tag)
    return [_open_entry(module, entry, around) for entry in entries if entry.abi == tag.abi]


def circumstances(tag: PlatformTag | None = None) -> verify.Circumstances:
    """What verification depends on, read from this machine now."""
    return verify.Circumstances(
        device=keys.load_device(),
        local_key=keys.local_key(),
        running=tag or running(),
        recall=recalls.load_recall(),
        highest_sequence=store.highest_sequence,
    )


def _open_entry(module: str, entry: store.Entry, around: verify.Circumstances) -> Native:
    _require_fresh(entry)
    data = store.read_container(entry)
    expected = verify.Expected(module=module, fingerprint=entry.fingerprint)
    try:
        container = verify.check_load(data, expected, around)
        extension = memfd.load_extension(module, container.payload)
    except ProvenanceError as error:
        kept = store.quarantine(data, f"{error.code} {module} {error.message}")
        events.record("refused", module=module, code=error.code, quarantine=os.path.basename(kept))
        raise
    native = Native(container.manifest, extension, _functions(extension, container.manifest))
    if not _loaded:
        atexit.register(_record_fallbacks)
    _loaded.append(native)
    return native


def _require_fresh(entry: store.Entry) -> None:
    """PYVORIN_REQUIRE_FRESH = N: refuse what the service has not confirmed for N days (opt-in)."""
    text = os.environ.get("PYVORIN_REQUIRE_FRESH", "0")
    days = int(text) if text.isdigit() else 0
    if days and time.time() - entry.seen_at > days * 86_400:
        text = f"the service has not confirmed {entry.artifact_id} for over {days} days"
        raise ProvenanceError("PYV814", text, ("pyvorin-thin sync",))


def _functions(extension: ModuleType, manifest: Manifest) -> dict[tuple[str, str], int]:
    """Check the module's own table against the signed manifest. Raises ProvenanceError if they
    differ."""
    signed = {(entry.qualname, entry.code_sha256) for entry in manifest.functions}
    table = canonical.loads(extension.META, exact=False)["functions"]
    found = {(item["qualname"], item["code_sha256"]): number for number, item in enumerate(table)}
    if set(found) != signed or len(found) != len(table):
        raise ProvenanceError(
            "PYV810", "the native module's table of functions is not the manifest's"
        )
    return found


def attach(function: FunctionType, natives: Iterable[Native]) -> bool:
    """Attach native code to a function if its bytecode is what was compiled; otherwise note why
    not.

    `function.__pyvorin__` then has `state`, `reason` and `counts`.
    """
    named = False
    for native in natives:
        index = native.index_of(function)
        if index is not None:
            return attach_native(function, native.extension, index) is None
        named = named or function.__qualname__ in native.qualnames
    text = (
        "PYV862: its bytecode is not the one that was compiled" if named else "no artifact for it"
    )
    function.__dict__["__pyvorin__"] = NotNative(text)
    return False


def instrumented(code: CodeType, natives: list[Native], *, required: bool = False) -> CodeType:
    """The module's code with an attachment right after each listed function is made.

    With `required`, raises ProvenanceError PYV862 if a listed function is not in the code as it was
    compiled, before anything of the module runs.
    """
    wanted = frozenset(name for native in natives for name in native.qualnames)
    if required:
        there = set(_functions_of(code))
        good = {name for native in natives for name, digest in native.functions.keys() & there}
        if wanted - good:
            names = ", ".join(sorted(wanted - good))
            raise ProvenanceError("PYV862", f"{names}: not the bytecode that was compiled")
    return instrument(code, lambda function: attach(function, natives), wanted)


def _functions_of(code: CodeType) -> Iterator[tuple[str, str]]:
    """(qualname, digest of the bytecode) of every function in a module's code."""
    for item in code.co_consts:
        if isinstance(item, type(code)):
            yield item.co_qualname, code_digest(item)
            yield from _functions_of(item)


def counts() -> list[dict[str, Any]]:
    """Run-time counts of every loaded native function in this process."""
    return [
        {
            "module": native.manifest.module,
            "function": qualname,
            **native.extension.native[index][5](),
        }
        for native in _loaded
        for (qualname, _), index in native.functions.items()
    ]


def _record_fallbacks() -> None:
    """At exit: one event a function that left native code, so that `status` can show it."""
    for item in counts():
        if item.get("resumes") or item.get("declines"):
            numbers = {
                name: item[name] for name in ("entries", "resumes", "declines") if name in item
            }
            events.record("fallback", module=item["module"], function=item["function"], **numbers)


def _announce(module: str, error: ThinError) -> None:
    if error.code == "PYV861":
        text = f"pyvorin: {error.message}"
    else:
        text = (
            f"pyvorin: {error.code}: {module}: {error.message}; artifact NOT loaded, running in "
            f"Python"
        )
    print(text, file=sys.stderr)
