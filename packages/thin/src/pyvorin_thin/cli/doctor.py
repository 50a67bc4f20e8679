"""`pyvorin-thin doctor`: every line OK, WARN or FAIL with what to do. Contacts the service only if
one is configured."""

import argparse
import os
import stat
import sys
from collections.abc import Iterator

from pyvorin_wire.platform import running, unsupported

from pyvorin_thin import config, keys, local, memfd, paths, service, trust
from pyvorin_thin.cli import output
from pyvorin_thin.errors import ThinError

Line = tuple[str, str, str]  # OK | WARN | FAIL, subject, finding


def run(options: argparse.Namespace) -> int:
    lines = list(_lines())
    try:
        settings = config.load()
        lines += [
            ("OK", name, f"{settings[name]!r} ({settings.origins[name]})")
            for name in settings.values
        ]
        lines += list(_service(settings))
    except ThinError as error:
        lines.append(("FAIL", "configuration", f"{error.message} {' '.join(error.help)}"))
    document = {
        "lines": [{"state": s, "subject": subject, "finding": f} for s, subject, f in lines]
    }
    output.data(document, output.table(lines), options.format)
    return 1 if any(state == "FAIL" for state, _, _ in lines) else 0


def _lines() -> Iterator[Line]:
    tag = running()
    reason = unsupported(tag)
    yield (
        ("WARN", "interpreter", reason)
        if reason
        else ("OK", "interpreter", f"{tag}, Python {sys.version.split()[0]}")
    )
    yield _memory_file()
    for name, folder in (
        ("config", paths.config()),
        ("state", paths.state()),
        ("cache", paths.cache()),
    ):
        yield _folder(name, folder)
    installed = local.is_installed()
    yield (
        ("OK" if installed else "WARN"),
        "local compiler",
        "installed" if installed else "pip install pyvorin",
    )


def _memory_file() -> Line:
    try:
        os.close(memfd.sealed("doctor", b"x"))
        return "OK", "sealed memory file", "works"
    except (OSError, ThinError) as error:
        return "FAIL", "sealed memory file", f"{error}; native code cannot be loaded here"


def _folder(name: str, folder: str) -> Line:
    if not os.path.exists(folder):
        return "OK", f"{name} folder", f"{folder} (not made yet)"
    mode = stat.S_IMODE(os.lstat(folder).st_mode)
    if mode & 0o077:
        return "WARN", f"{name} folder", f"{folder} is open to others: chmod 700 {folder}"
    return ("OK" if os.access(folder, os.W_OK) else "FAIL"), f"{name} folder", folder


def _service(settings: config.Settings) -> Iterator[Line]:
    device, believed = keys.load_device(), trust.load()
    if device is None or believed is None:
        yield "OK", "service", "none configured; everything local works"
        return
    try:
        connected = service.connect(believed, device, settings["service.timeout-s"])
        connected.sync(believed)
    except ThinError as error:
        yield "FAIL", "service", f"{error.code}: {error.message}"
        return
    yield (
        "OK",
        "service",
        f"{device.url}: TLS 1.3, pinned key, signed request and recall list accepted",
    )
