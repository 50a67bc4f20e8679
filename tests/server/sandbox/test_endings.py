import signal

import pytest
from pyvorin_server.sandbox.conversation import Stop, printable
from pyvorin_server.sandbox.endings import Outcome
from pyvorin_server.sandbox.model import Ending, Limits

LIMITS = Limits(cpu_s=2.0)
STOP = Stop(Ending.TIMEOUT, "ran longer than 1 s")


@pytest.mark.parametrize(
    ("outcome", "ending"),
    [
        (Outcome(None, 0, False, 0.1), Ending.OK),
        (Outcome(None, 3 << 8, False, 0.1), Ending.CRASHED),
        (Outcome(None, signal.SIGSEGV, False, 0.1), Ending.CRASHED),
        (Outcome(None, signal.SIGSYS, False, 0.1), Ending.VIOLATION),
        (Outcome(None, signal.SIGKILL, False, 0.1), Ending.CRASHED),
        (Outcome(None, signal.SIGKILL, False, 2.1), Ending.TIMEOUT),
        (Outcome(None, signal.SIGXCPU, False, 2.1), Ending.TIMEOUT),
        (Outcome(None, signal.SIGKILL, True, 0.1), Ending.MEMORY),
        (Outcome(None, None, False, 0.1), Ending.CRASHED),
        (Outcome(STOP, None, False, 0.1), Ending.TIMEOUT),
        (Outcome(STOP, 0, False, 0.1), Ending.TIMEOUT),
        (Outcome(STOP, None, True, 0.1), Ending.MEMORY),
    ],
)
def test_each_way_to_end_has_one_name(outcome: Outcome, ending: Ending) -> None:
    assert outcome.classify(LIMITS)[0] is ending


def test_messages_name_the_signal_or_the_limit() -> None:
    assert Outcome(None, signal.SIGSEGV, False, 0).classify(LIMITS)[1] == "ended by SIGSEGV"
    assert Outcome(None, 3 << 8, False, 0).classify(LIMITS)[1] == "exit code 3"
    assert Outcome(None, 64, False, 0).classify(LIMITS)[1] == "ended by SIGRTMAX"


def test_printable_keeps_text_and_escapes_the_rest() -> None:
    assert printable("é\tx\n".encode()) == "é\tx\n"
    assert printable(b"\x1b[2J\r\x00\xff") == "\\x1b[2J\\r\\x00\\xff"
    assert printable("\u202e".encode()) == "\\u202e"
