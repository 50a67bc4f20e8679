"""The `gvisor` tier: the job runs on a kernel of its own, gVisor's Sentry, inside the outer jail.

    launcher, keeper       namespaces, minimal read-only root, control group, job uid, as `native`
      └ runsc run          in a user namespace of its own, where "root" is the job's kernel uid
          ├ gofer          reads files of the minimal root for the Sentry
          └ Sentry         the kernel the job talks to; few system calls of the host are left to it
              └ inside.py  undumpable, both filters; then the command

So that a hole in runsc still leaves an unprivileged user in empty namespaces, runsc is never given
privileges of the host; `-rootless` is its name for that. Host seccomp is runsc's own. The job's
temporary directory is memory of the Sentry and counts towards the job's control group.

runsc passes three descriptors only, so the job's word that it is sealed is its first line of
stdout, and it waits for the supervisor's answer on stdin.
Ref: OCI runtime-spec config.md; gvisor.dev/docs.
"""

import functools
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any, Final

from pyvorin_server.sandbox.model import JailRefused, Limits
from pyvorin_server.sandbox.mounts import SCRATCH

ANNOUNCE_ON: Final = 1  # the descriptor on which the job says that it is sealed
MEMORY_OVERHEAD_BYTES: Final = 96 * 1024 * 1024  # Sentry, gofer and runsc itself
PID_OVERHEAD: Final = 160  # their threads, and one stub per thread of the job
_STATE: Final = f"{SCRATCH}/state"
_VERSION_TIMEOUT_S: Final = 20
_OPEN_FILES: Final = 256
_NOBODY: Final = 65534


@dataclass(frozen=True, slots=True)
class Runsc:
    """The installed binary. `platform`: systrap where the binary has it, else ptrace."""

    path: str
    version: str
    platform: str


@functools.cache
def find(name: str = "runsc") -> Runsc:
    """Look for runsc. Raises JailRefused with what to do when there is none that answers."""
    path = shutil.which(name)
    if path is None:
        raise JailRefused("gvisor", f"no {name} in PATH; on Debian `apt-get install runsc`")
    real = os.path.realpath(path)
    version = _ask(real, "-version").partition("\n")[0].removeprefix("runsc version ").strip()
    has_systrap = "systrap" in _ask(real, "flags")
    return Runsc(real, version, "systrap" if has_systrap else "ptrace")


def _ask(path: str, question: str) -> str:
    try:
        answer = subprocess.run(
            [path, question], capture_output=True, text=True, timeout=_VERSION_TIMEOUT_S, env={}
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise JailRefused("gvisor", f"{path} does not answer: {error}") from None
    return answer.stdout + answer.stderr


def command(runsc: Runsc) -> list[str]:
    """The command line of one jail; the bundle is the scratch directory."""
    return [
        runsc.path,
        f"-root={_STATE}",
        f"-platform={runsc.platform}",
        "-network=none",
        "-rootless",
        "-ignore-cgroups",  # the outer jail's group holds all of it already
        "-file-access=shared",
        "run",
        f"-bundle={SCRATCH}",
        "job",
    ]


def bundle(argv: list[str], environment: dict[str, str], limits: Limits) -> dict[str, Any]:
    """The OCI configuration. The root is the outer jail's own, which is minimal and read-only."""
    limit = {"RLIMIT_NOFILE": _OPEN_FILES, "RLIMIT_FSIZE": limits.file_bytes, "RLIMIT_CORE": 0}
    return {
        "ociVersion": "1.0.0",
        "process": {
            "user": {"uid": _NOBODY, "gid": _NOBODY},
            "args": argv,
            "env": [f"{name}={value}" for name, value in environment.items()],
            "cwd": SCRATCH,
            "capabilities": {},
            "noNewPrivileges": True,
            "rlimits": [
                {"type": name, "hard": value, "soft": value} for name, value in limit.items()
            ],
        },
        "root": {"path": "/", "readonly": False},  # it is; runsc may not mount it again
        "hostname": "jail",
        "mounts": [
            {
                "destination": SCRATCH,
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "nodev", "mode=1777", f"size={limits.file_bytes}"],
            }
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]
        },
    }
