"""The jobs of the soak: honest ones whose answer is known, and hostile ones with how they must end.

Each is Python text that the job reads from its input and runs.
"""

from dataclasses import dataclass

from pyvorin_server.sandbox.model import Ending

STARTER = "import sys; exec(sys.stdin.read())"  # the command of every jail


@dataclass(frozen=True, slots=True)
class Job:
    """`endings` allowed; `answer` on stdout where the ending is ok and it is known.

    A hostile job may always end as a timeout: on a busy host its time is up before it got far.
    """

    name: str
    code: str
    endings: frozenset[Ending]
    answer: bytes | None = None


def honest(number: int) -> Job:
    """Another program and answer for each number."""
    total = sum(i * i % (number + 7) for i in range(2000))
    code = f"print(sum(i * i % ({number} + 7) for i in range(2000)), {number})"
    return Job("honest", code, frozenset({Ending.OK}), f"{total} {number}\n".encode())


def hostile(number: int) -> Job:
    return _HOSTILE[number % len(_HOSTILE)]


def _job(name: str, code: str, *endings: Ending) -> Job:
    return Job(name, code, frozenset({*endings, Ending.TIMEOUT}))


_HOSTILE = (
    _job(
        "fork bomb",
        "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass",
        Ending.TIMEOUT,
        Ending.MEMORY,
        Ending.CRASHED,
    ),
    _job("memory bomb", "x = bytearray(1 << 31)", Ending.MEMORY, Ending.CRASHED),
    _job(
        "memory in small steps",
        "x = []\nwhile True: x.append(bytearray(1 << 20))",
        Ending.MEMORY,
        Ending.CRASHED,
    ),
    _job("busy loop", "while True: pass", Ending.TIMEOUT),
    _job("sleeper", "import time; time.sleep(1e6)", Ending.TIMEOUT),
    _job(
        "deaf to signals",
        "import signal\nfor n in range(1, 65):\n  try: signal.signal(n, signal.SIG_IGN)\n"
        "  except (OSError, ValueError): pass\nwhile True: pass",
        Ending.TIMEOUT,
    ),
    _job("flood", "import os\nwhile True: os.write(1, b'x' * 65536)", Ending.OUTPUT_LIMIT),
    _job(
        "flood of errors", "import os\nwhile True: os.write(2, b'x' * 65536)", Ending.OUTPUT_LIMIT
    ),
    _job("abort", "import os; os.abort()", Ending.CRASHED),
    _job("null pointer", "import ctypes; ctypes.string_at(0)", Ending.CRASHED),
    _job("exit code", "import os; os._exit(3)", Ending.CRASHED),
    _job("exception", "1 / 0", Ending.CRASHED),
    _job(
        "mount",
        "import ctypes; ctypes.CDLL(None).syscall(165, 0, 0, 0, 0, 0)",
        Ending.VIOLATION,
    ),
    _job("unshare", "import ctypes; ctypes.CDLL(None).syscall(272, 0x10000000)", Ending.VIOLATION),
    _job(
        "many files",
        "import os\nfor i in range(10 ** 6): os.close(os.open(str(i), os.O_CREAT | os.O_WRONLY))",
        Ending.CRASHED,
        Ending.TIMEOUT,
        Ending.OUTPUT_LIMIT,
    ),
    _job(
        "daemon that holds the pipes",
        "import os, time\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0: time.sleep(1e6)\n"
        "  os._exit(0)\nos.wait()",
        Ending.OK,
    ),
    _job("kill everybody", "import os, time; os.kill(-1, 9); time.sleep(1e6)", Ending.CRASHED),
    _job(
        "close every pipe and hang",
        "import os, time; os.closerange(0, 64); time.sleep(1e6)",
        Ending.TIMEOUT,
    ),
    _job(
        "thread bomb",
        "import threading, time\n"
        "while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        Ending.CRASHED,
        Ending.TIMEOUT,
        Ending.MEMORY,
    ),
    _job(
        "deep recursion",
        "import sys; sys.setrecursionlimit(10 ** 9); f = lambda: f(); f()",
        Ending.CRASHED,
        Ending.MEMORY,
        Ending.TIMEOUT,
    ),
)
