"""Names how a job ended, from what the supervisor saw and what the kernel reported.

killed for memory, anywhere in the job         memory
stopped by the supervisor                      cancelled | timeout | output_limit
SIGSYS: a call on the hostile list             violation
SIGXCPU, or SIGKILL with the CPU time used up  timeout
any other signal, or an exit code not 0        crashed
exit code 0                                    ok
"""

import os
import signal
from dataclasses import dataclass
from typing import Final

from pyvorin_server.sandbox.conversation import Stop
from pyvorin_server.sandbox.model import Ending, Limits

ADVICE: Final = {
    Ending.TIMEOUT: "make what the module does at import shorter, or compile fewer functions",
    Ending.MEMORY: "make large constants and what the module builds at import smaller",
    Ending.OUTPUT_LIMIT: "print less at import and in the functions that are called",
    Ending.VIOLATION: "remove what opens sockets, starts programs or changes the system at import",
    Ending.CRASHED: "run the module in Python alone; if it works there, report this as our fault",
    Ending.CANCELLED: "submit it again if it is still wanted",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """`wait_status` of the job's first process as wait(2) has it; None if nobody saw it end."""

    stop: Stop | None
    wait_status: int | None
    out_of_memory: bool
    cpu_s: float

    @property
    def signal(self) -> int | None:
        if self.wait_status is None:
            return int(signal.SIGKILL)
        return os.WTERMSIG(self.wait_status) if os.WIFSIGNALED(self.wait_status) else None

    @property
    def exit_code(self) -> int | None:
        if self.wait_status is None or not os.WIFEXITED(self.wait_status):
            return None
        return os.WEXITSTATUS(self.wait_status)

    def classify(self, limits: Limits) -> tuple[Ending, str]:
        """The ending and a message for a person."""
        if self.out_of_memory:
            return Ending.MEMORY, f"needed more than {limits.memory_bytes} bytes of memory"
        if self.stop is not None:
            return self.stop.ending, self.stop.message
        match self.signal:
            case None:
                return self._by_exit_code()
            case signal.SIGSYS:
                return Ending.VIOLATION, "made a system call that no job has a reason to make"
            case signal.SIGXCPU | signal.SIGKILL if self.cpu_s >= limits.cpu_s:
                return Ending.TIMEOUT, f"used more than {limits.cpu_s:g} s of CPU time"
            case number:
                return Ending.CRASHED, f"ended by {_signal_name(number)}"

    def _by_exit_code(self) -> tuple[Ending, str]:
        if self.exit_code:
            return Ending.CRASHED, f"exit code {self.exit_code}"
        return Ending.OK, "ended by itself"


def seen_through_runtime(wait_status: int | None) -> int | None:
    """The job's own wait status, where a runtime's exit code 128 + n stands for signal n."""
    if wait_status is not None and os.WIFEXITED(wait_status):
        number = os.WEXITSTATUS(wait_status) - 128
        if 0 < number < signal.NSIG:
            return number
    return wait_status


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
