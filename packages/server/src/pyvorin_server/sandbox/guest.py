"""`/init` of a micro-VM: the first and only trusted process on the other side of the serial line.

    out     READY, a line
    in      4 bytes length, the plan as JSON: what to run, as which limits
    in      1 byte that lets the job go on after its word, 8 bytes length, that many bytes of input
    out     what the job writes to stdout, then the end of its stderr and a footer (see `microvm`)

The job runs as nobody and holds pipes only, so nothing but this file writes to the line, and the
footer is always its word. Standard library only.
"""

import ctypes
import json
import os
import select
import termios
import threading
import tty
from contextlib import suppress
from typing import Any, NoReturn

LINE = "/dev/ttyS0"
STDERR_BYTES = 16 * 1024
READY = b"PVX-READY"
FOOTER = b"PVX1"
_NO_NEW_PRIVS = 38
_NOBODY = 65534
_NOSUID, _NODEV, _NOEXEC, _NOSYMFOLLOW = 2, 4, 8, 256
_POWER_OFF = 0xFEE1DEAD, 672274793, 0x01234567  # magic, magic, restart: qemu -no-reboot ends


def main() -> NoReturn:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mount(b"dev", b"/dev", b"devtmpfs", _NOSUID | _NOEXEC, None)
    line = os.open(LINE, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(line, termios.TCSANOW)
    _write(line, b"\n" + READY + b"\n")
    job: dict[str, Any] = json.loads(_read(line, int.from_bytes(_read(line, 4), "big")))
    scratch = job["scratch"]
    options = f"mode=1777,size={job['scratch_bytes']},nr_inodes=1024".encode()
    flags = _NOSUID | _NODEV | _NOSYMFOLLOW | (0 if job["may_load_code"] else _NOEXEC)
    libc.mount(b"tmpfs", scratch.encode(), b"tmpfs", flags, options)
    libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)  # inherited by the job; its filters need it
    status, stderr = _run(job, line)
    tail = stderr[-STDERR_BYTES:]
    numbers = len(tail).to_bytes(4, "big") + status.to_bytes(4, "big")
    _write(line, tail + numbers + FOOTER)
    termios.tcdrain(line)
    os.sync()
    libc.reboot(ctypes.c_int(_POWER_OFF[2]))
    os._exit(0)


def _run(job: dict[str, Any], line: int) -> tuple[int, bytes]:
    """Start the job, relay until it has ended; return its wait status and stderr."""
    (job_in, our_in), (our_out, job_out), (our_error, job_error) = (os.pipe() for _ in range(3))
    child = os.fork()
    if child == 0:
        for target, source in enumerate((job_in, job_out, job_error)):
            os.dup2(source, target)
        os.closerange(3, 256)
        os.chdir(job["scratch"])
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        os.execve(job["argv"][0], job["argv"], job["environment"])
    for descriptor in (job_in, job_out, job_error):
        os.close(descriptor)
    threading.Thread(target=_feed, args=(line, our_in), daemon=True).start()
    stderr = _relay(line, our_out, our_error)
    _, status = os.waitpid(child, 0)
    return status, stderr


def _feed(line: int, stdin: int) -> None:
    with suppress(BrokenPipeError):
        _write(stdin, _read(line, 1))
        left = int.from_bytes(_read(line, 8), "big")
        while left:
            chunk = os.read(line, min(left, 1 << 16))
            left -= len(chunk)
            _write(stdin, chunk)
    os.close(stdin)


def _relay(line: int, stdout: int, stderr: int) -> bytes:
    kept = b""
    poll = select.poll()
    poll.register(stdout, select.POLLIN)
    poll.register(stderr, select.POLLIN)
    still_open = {stdout, stderr}
    while still_open:
        for descriptor, _ in poll.poll():
            chunk = os.read(descriptor, 1 << 16)
            if not chunk:
                poll.unregister(descriptor)
                still_open.discard(descriptor)
            elif descriptor == stdout:
                _write(line, chunk)
            else:
                kept = (kept + chunk)[-STDERR_BYTES:]
    return kept


def _read(descriptor: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += os.read(descriptor, size - len(data))
    return data


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


if __name__ == "__main__":
    main()
