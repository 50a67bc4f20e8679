"""`pyvorin-thin verify MODULE|FILE`: is what is stored genuine, and is it about the source as it is
now? Offline.

Every step of a download is repeated but its expiry: MAC, payload, target, recall, sequence, shared
object, and the Ed25519 provenance. For a `.py` file each native function's bytecode is compared
with the file's.
"""

import argparse
from collections.abc import Iterator
from types import CodeType
from typing import Any

from pyvorin_runtime.codehash import code_digest
from pyvorin_wire.artifact import Container

from pyvorin_thin import build, keys, loader, paths, store, trust, verify
from pyvorin_thin.cli import output
from pyvorin_thin.errors import ProvenanceError, UsageError
from pyvorin_thin.scan import notpython


def run(options: argparse.Namespace) -> int:
    source = notpython.read_source(options.what) if options.what.endswith(".py") else None
    live = None if source is None else _live(options.what, source)
    results = [_result(container, signer, live) for container, signer in verified(options.what)]
    rows = [
        (r["artifact_id"], r["signer"], f"{len(r['functions'])} function(s)", r["fits"])
        for r in results
    ]
    output.data({"artifacts": results}, output.table(rows), options.format)
    return 1 if any(result["differs"] for result in results) else 0


def verified(what: str) -> Iterator[tuple[Container, str]]:
    """Containers named by a module, source file or container file, verified; and who signed each.
    Raises ThinError."""
    around = loader.circumstances()
    if what.endswith(".pyva"):
        data = paths.read(what, limit=store.MAX_CONTAINER_BYTES)
        if data is None:
            raise UsageError("PYV870", f"{what} does not exist")
        yield _one(data, verify.Expected(), around)
        return
    module = build.module_name(what) if what.endswith(".py") else what
    entries = store.entries(module)
    if not entries:
        raise UsageError("PYV860", f"there is no artifact for {module}")
    for entry in entries:
        expected = verify.Expected(module=module, fingerprint=entry.fingerprint)
        yield _one(store.read_container(entry), expected, around)


def _one(
    data: bytes, expected: verify.Expected, around: verify.Circumstances
) -> tuple[Container, str]:
    container = verify.check_load(data, expected, around)
    if container.manifest.sandbox_tier == keys.LOCAL:
        return container, "this machine"
    believed = trust.load()
    if believed is None:
        raise ProvenanceError("PYV850", "there is no trust file to check the provenance with")
    ids = verify.check_statement(container, believed, trust.verify_ed25519)
    return container, ", ".join(sorted(ids))


def _live(path: str, source: str) -> set[tuple[str, str]]:
    """The functions of the file as it is now. Raises UsageError if it does not parse."""
    try:
        return set(_digests(compile(source, "<source>", "exec", dont_inherit=True)))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise notpython.unparsable(path, error, source) from error


def _result(container: Container, signer: str, live: set[tuple[str, str]] | None) -> dict[str, Any]:
    manifest = container.manifest
    differs = [
        entry.qualname
        for entry in manifest.functions
        if live is not None and (entry.qualname, entry.code_sha256) not in live
    ]
    fits = (
        "genuine"
        if live is None
        else "genuine, fits the source"
        if not differs
        else f"PYV862: {', '.join(differs)} changed"
    )
    return {
        "artifact_id": manifest.artifact_id,
        "signer": signer,
        "functions": [entry.qualname for entry in manifest.functions],
        "fits": fits,
        "differs": differs,
    }


def _digests(code: CodeType) -> Iterator[tuple[str, str]]:
    """(qualname, bytecode digest) of every code object in a module."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant.co_qualname, code_digest(constant)
            yield from _digests(constant)
