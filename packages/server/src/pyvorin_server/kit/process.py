"""What every process of the service does first: no core files, no debugger, plain JSON logs.

Source and keys live in these processes' memory. A core file or a ptrace of another process of the
same user would take them out, so both are switched off for good before anything is read.
"""

import asyncio
import ctypes
import logging
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

_PR_SET_DUMPABLE = 4
_PR_SET_PDEATHSIG = 1


def harden() -> None:
    """Forbid core files, debuggers and files open to others, for this process and its children.

    The limit is 1 byte and not 0: a core_pattern that is a pipe ignores 0 and honours 1 (core(5)).
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent ends, so that nothing is left running."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def start_logging(process: str) -> None:
    """Log JSON lines to stderr. Lines carry codes and ids, never source, values or key material."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)


async def until_terminated() -> None:
    """Return when SIGTERM or SIGINT arrives."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


async def say_ready(path: Path, serving: Callable[[], Awaitable[object]]) -> None:
    """Run `serving`, then leave a mark at `path` that the process is ready."""
    await serving()
    path.touch(mode=0o600)
