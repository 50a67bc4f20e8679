"""Each layer on its own: what still holds when seccomp, Landlock or both are missing.

No job ever runs in such a jail (S53); here the rest is shown not to lean on what is missing.
"""

import functools
from dataclasses import replace

from pyvorin_server.sandbox.tiers import Layer

from tests.attacks.ground import Ground
from tests.attacks.probe import REFUSED, SMALL, Place, judge, places, register_at, wrap

ABLATIONS = {
    "no seccomp": frozenset({Layer.SECCOMP}),
    "no Landlock": frozenset({Layer.LANDLOCK}),
    "neither": frozenset({Layer.SECCOMP, Layer.LANDLOCK}),
}
PROBES = {
    "read /etc/shadow": "open('/etc/shadow').read()",
    "read a file of the service": "open(FACTS['public']).read()",
    "list the host's processes": "os.listdir('/proc')",
    "write core_pattern": "open('/proc/sys/kernel/core_pattern', 'r+').write('|/x')",
    "write into the interpreter's library": "open(os.__file__, 'r+b').write(b'x')",
    "add a file to the root": "open('/planted', 'w').write('x')",
    "kill the canary": "os.kill(FACTS['canary'], 9)",
    "kill the supervisor": "os.kill(FACTS['supervisor'], 9)",
    "trace the canary": "call(101, 16, FACTS['canary'], 0, 0)",
    "mount a tmpfs": "call(165, b'none', b'/jail-tmp', b'tmpfs', 0, 0)",
    "setuid(0)": "os.setuid(0)",
    "mknod a disk": "call(133, b'/jail-tmp/disk', 0o60644, 0xfe00)",
    "load a kernel module": "call(175, b'', 0, b'')",
    "connect to loopback": (
        "import socket; socket.create_connection(('127.0.0.1', FACTS['port']), 2)"
    ),
    "connect to an abstract socket": (
        "import socket; socket.socket(socket.AF_UNIX).connect('\\0' + FACTS['abstract'])"
    ),
    "follow a planted link": ("os.symlink(os.__file__, '/jail-tmp/l'); open('/jail-tmp/l').read()"),
    "take a limit away": (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (9999, 9999))"
    ),
}


def _probe(body: str, without: frozenset[Layer], place: Place, ground: Ground) -> str:
    return judge(replace(place, without=without).run(ground, wrap(body), SMALL), REFUSED)


for _place in places():
    if (
        _place.tier.uses_namespaces
        and _place.tier.shares_kernel
        and _place.policy.may_start_processes
    ):
        for _name, _without in ABLATIONS.items():
            for _title, _body in PROBES.items():
                _run = functools.partial(_probe, _body, _without)
                register_at(_place, "S54", f"{_name}: {_title}", _run)
