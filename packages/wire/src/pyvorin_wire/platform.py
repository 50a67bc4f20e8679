"""What an artifact needs and what the running interpreter offers.

    running()  →  PlatformTag(os="linux", arch="x86_64", libc="glibc-2.36", python_tag="cp311",
    abi="cp311", cpu_level=3)

An artifact's tag states minima for `libc` (same family, at least this version) and `cpu_level`
(x86-64 psABI level 1–4); the rest must be equal. `abi` carries CPython's ABI flags: `cp313t` is
free-threaded, `cp313d` a debug build.
"""

import os
import sys

from pyvorin_wire.record import Annotated, Check, Record, consists_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

SUPPORTED_TAGS: "Final" = ("cp311", "cp312", "cp313")
BASELINE_CPU_LEVEL: "Final" = 1
_LEVEL_FLAGS: "Final" = (
    (2, frozenset({"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"})),
    (3, frozenset({"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"})),
    (4, frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"})),
)

_LABEL: "Final" = "abcdefghijklmnopqrstuvwxyz0123456789_.-"
Label = Annotated[str, Check(low=1, high=32, test=lambda text: consists_of(text, _LABEL))]


class PlatformTag(Record):
    os: Label
    arch: Label
    libc: Label
    python_tag: Label
    abi: Label
    cpu_level: Annotated[int, Check(low=0, high=4)]

    def __str__(self) -> str:
        return f"{self.abi}-{self.os}-{self.arch} ({self.libc}, x86-64-v{self.cpu_level})"


def running() -> PlatformTag:
    """The tag of this interpreter on this machine."""
    minor = f"cp{sys.version_info.major}{sys.version_info.minor}"
    name = sys.implementation.name
    tag = minor if name == "cpython" else f"{name}{sys.version_info.major}{sys.version_info.minor}"
    return PlatformTag(
        os=sys.platform,
        arch=os.uname().machine.lower() if hasattr(os, "uname") else "unknown",
        libc=_libc(),
        python_tag=tag,
        abi=tag + getattr(sys, "abiflags", "").lower(),
        cpu_level=_cpu_level(),
    )


def unsupported(tag: PlatformTag) -> str | None:
    """One sentence why native code cannot run on `tag`, or None if it can."""
    if tag.os != "linux":
        needed, found = "Linux", tag.os
    elif tag.arch != "x86_64":
        needed, found = "an x86-64 processor", tag.arch
    elif tag.python_tag not in SUPPORTED_TAGS:
        needed, found = "CPython 3.11, 3.12 or 3.13", tag.python_tag
    elif tag.abi != tag.python_tag:
        kind = "free-threaded" if tag.abi.endswith("t") else "debug"
        needed, found = "a standard build of CPython", f"a {kind} build ({tag.abi})"
    elif not tag.libc.startswith("glibc-"):
        needed, found = "glibc", tag.libc
    else:
        return None
    return f"native code needs {needed}; this is {found}, so functions stay in Python"


def misfit(needs: PlatformTag, has: PlatformTag) -> str | None:
    """Why code built for `needs` cannot run on `has`, or None if it can."""
    for field in ("os", "arch", "python_tag", "abi"):
        wanted, found = getattr(needs, field), getattr(has, field)
        if wanted != found:
            return f"built for {field} {wanted}, this is {found}"
    if not _libc_fits(needs.libc, has.libc):
        return f"built for {needs.libc} or later, this is {has.libc}"
    if needs.cpu_level > has.cpu_level:
        return f"built for x86-64-v{needs.cpu_level}, this processor is x86-64-v{has.cpu_level}"
    return None


def _libc_fits(needs: str, has: str) -> bool:
    (family, _, version), (own_family, _, own_version) = needs.partition("-"), has.partition("-")
    return family == own_family and _version(version) <= _version(own_version)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _libc() -> str:
    try:
        name = os.confstr("CS_GNU_LIBC_VERSION")  # "glibc 2.36"; absent on musl and elsewhere
    except (AttributeError, ValueError, OSError):
        name = None
    return name.strip().lower().replace(" ", "-") if name else "unknown"


def _cpu_level() -> int:
    """x86-64 psABI level from the kernel's flag list; 0 where it cannot be read."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
            flags = next((line for line in lines if line.startswith("flags")), "")
    except OSError:
        return 0
    have = frozenset(flags.partition(":")[2].split())
    level = 1 if "sse2" in have else 0
    for number, needed in _LEVEL_FLAGS:
        if level != number - 1 or not needed <= have:
            break
        level = number
    return level
