"""A process that has the worker's modules imported and forks one launcher per jail.

Run as `python -I -B -c … FD PRELOAD` by the worker's own interpreter, started by `warm.Zygote`.
It never sees a job: it reads requests of the supervisor only, and each fork gives up the request
socket before anything else. Standard library only, on every supported minor.

    F + 5 descriptors    fork a launcher; they become its stdin, stdout, stderr, control and status
                         → its pid, with a pidfd
    R + pid              reap that launcher, which has ended; until then its pid names nobody else
    end of file          the supervisor is gone: end

What its children share is the layout of the address space and the hash seed, so `warm` replaces it
after some number of jails and never lets two organisations share one.
"""

import gc
import os
import signal
import socket
import sys
from typing import Any, Final, NoReturn

from pyvorin_server.sandbox import inside, launcher

_FORK, _REAP = b"F", b"R"
_DESCRIPTORS: Final = 5
_REQUEST_BYTES: Final = 32
_CONTROL, _STATUS = 4, 3


def main(requests: int, preload: str) -> NoReturn:
    """Import, say so, and fork on request. Never returns."""
    supervisor = socket.socket(fileno=requests)
    exec(preload, {})  # trusted: the service's own constant, from `builds.jails`
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        supervisor.sendall(f"preloading started {threads - 1} threads".encode())
        os._exit(1)
    gc.collect()
    gc.freeze()  # so that no child's collector writes to the shared pages
    supervisor.sendall(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(supervisor, _REQUEST_BYTES, _DESCRIPTORS)
        if not message:
            os._exit(0)
        if message[:1] == _REAP:
            os.waitpid(int(message[1:]), 0)
            supervisor.sendall(b"reaped")
        else:
            _fork(supervisor, descriptors)


def _fork(supervisor: socket.socket, descriptors: list[int]) -> None:
    child = os.fork()
    if child == 0:
        try:
            supervisor.close()
            _take_over(descriptors)
            launcher.main(_CONTROL, _STATUS, inside.main)
        finally:
            os._exit(1)
    for descriptor in descriptors:
        os.close(descriptor)
    ended = os.pidfd_open(child)
    socket.send_fds(supervisor, [b"%d" % child], [ended])
    os.close(ended)


def _take_over(descriptors: list[int]) -> None:
    """Have exactly: 0 to 2 the job's, 3 status, 4 control."""
    stdin, stdout, stderr, control, status = [
        os.dup(descriptor) if descriptor <= _CONTROL else descriptor for descriptor in descriptors
    ]
    for target, source in enumerate((stdin, stdout, stderr, status, control)):
        os.dup2(source, target, inheritable=target < _STATUS)
    os.closerange(_CONTROL + 1, os.sysconf("SC_OPEN_MAX"))
    os.setsid()
    signal.set_wakeup_fd(-1)
    open_streams()


def open_streams() -> None:
    """Make sys.stdin, stdout and stderr anew: the ones that were inherited remember of what they
    were on before (that it can be sought in, say), and a job is to find them as exec leaves them.
    """
    for number, name, mode, buffering in (
        (0, "stdin", "r", -1),
        (1, "stdout", "w", -1),
        (2, "stderr", "w", 1),
    ):
        before = getattr(sys, name)
        stream: Any = open(  # noqa: SIM115  # it is the process's for good
            number, mode, buffering, before.encoding, before.errors, closefd=False
        )
        stream.buffer.raw.name = f"<{name}>"
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
