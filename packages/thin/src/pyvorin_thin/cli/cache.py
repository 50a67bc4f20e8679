"""`pyvorin-thin cache stats|ls|why|rm|gc|verify`: the artifacts stored here."""

import argparse
import os

from pyvorin_thin import loader, paths, store, verify
from pyvorin_thin.cli import output
from pyvorin_thin.errors import ThinError, UsageError


def run(options: argparse.Namespace) -> int:
    actions = {"stats": _stats, "ls": _ls, "why": _why, "rm": _rm, "gc": _gc, "verify": _verify}
    return actions[options.action](options)


def _entries() -> list[tuple[str, store.Entry]]:
    return [(module, entry) for module in store.modules() for entry in store.entries(module)]


def _stats(options: argparse.Namespace) -> int:
    found = _entries()
    sizes = [_size(store.container_path(entry.container)) for _, entry in found]
    document = {
        "artifacts": len(found),
        "bytes": sum(sizes),
        "modules": len(store.modules()),
        "path": paths.cache(),
    }
    output.data(
        document,
        output.table((name, str(value)) for name, value in document.items()),
        options.format,
    )
    return 0


def _ls(options: argparse.Namespace) -> int:
    rows = [(m, e.abi, e.artifact_id, str(e.seq), ", ".join(e.qualnames)) for m, e in _entries()]
    document = {
        "artifacts": [{"module": module, **entry.to_json()} for module, entry in _entries()]
    }
    output.data(
        document,
        output.table([("module", "abi", "artifact", "seq", "functions"), *rows]),
        options.format,
    )
    return 0


def _why(options: argparse.Namespace) -> int:
    """Why does this module run natively, or not?"""
    module = _named(options)
    around = loader.circumstances()
    lines: list[tuple[str, str]] = []
    for entry in store.entries(module):
        lines.append((entry.artifact_id, _state(module, entry, around)))
    if not lines:
        lines = [(module, "no artifact: compile it")]
    output.data({"module": module, "artifacts": dict(lines)}, output.table(lines), options.format)
    return 0


def _verify(options: argparse.Namespace) -> int:
    """Verify every stored artifact as a load would."""
    around = loader.circumstances()
    states = {
        f"{m} {e.artifact_id}": _state(m, e, around)
        for m, e in _entries()
        if options.name in (None, m)
    }
    output.data(
        {"artifacts": states}, output.table(states.items()) or "no artifacts\n", options.format
    )
    return (
        0 if all(state == "good" or state.startswith("PYV804") for state in states.values()) else 5
    )


def _state(module: str, entry: store.Entry, around: verify.Circumstances) -> str:
    try:
        data = store.read_container(entry)
        verify.check_load(
            data, verify.Expected(module=module, fingerprint=entry.fingerprint), around
        )
    except ThinError as error:
        return f"{error.code}: {error.message}"
    return "good"


def _rm(options: argparse.Namespace) -> int:
    module = _named(options)
    removed = store.entries(module)
    for entry in removed:
        store.remove(module, entry.container)
    output.data(
        {"removed": len(removed)},
        f"removed {len(removed)} artifact(s) of {module}\n",
        options.format,
    )
    return 0


def _gc(options: argparse.Namespace) -> int:
    """Remove containers that no index names."""
    named = {entry.container for _, entry in _entries()}
    folder = os.path.join(paths.cache(), "artifacts")
    try:
        files = os.listdir(folder)
    except FileNotFoundError:
        files = []
    stale = [name for name in files if name.removesuffix(".pyva") not in named]
    for name in stale:
        paths.remove(os.path.join(folder, name))
    output.data({"removed": len(stale)}, f"removed {len(stale)} file(s)\n", options.format)
    return 0


def _named(options: argparse.Namespace) -> str:
    if options.name is None:
        raise UsageError("PYV870", f"which module? pyvorin-thin cache {options.action} MODULE")
    return str(options.name)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
