from pathlib import Path

from pyvorin.check.case import Case
from pyvorin.check.gain import Gain, measure
from pyvorin.check.process import Program

SOURCE = """
import time

def busy(ms):
    with open({log!r}, "a") as log:
        log.write("c")
    until = time.thread_time() + ms / 1000
    while time.thread_time() < until:
        pass
"""


def measured(tmp_path: Path, call: str, faster: int) -> tuple[Gain, str]:
    """The gain of a call that native code makes `faster` times as fast, and the calls made."""
    log, artifact = tmp_path / "log", tmp_path / "app_native.py"
    source = SOURCE.format(log=str(log))
    artifact.write_text(source.replace('"c"', '"n"').replace("/ 1000", f"/ 1000 / {faster}"))
    gains = measure(Program("app.py", source), str(artifact), [Case("busy", call, "example")])
    return gains["busy"], log.read_text()


def test_a_call_that_is_clearly_faster_is_timed_three_times(tmp_path: Path) -> None:
    gain, made = measured(tmp_path, "busy(20)", faster=10)
    assert gain.equal
    assert 5 < gain.ratio < 20
    assert (gain.loops, gain.rounds) == (1, 3)
    assert made.count("c") == 1 + 3 + 1  # to choose it, to time it, to compare its answer
    assert made.count("n") == 3 + 1


def test_a_short_call_warms_up_and_one_without_gain_gets_every_round(tmp_path: Path) -> None:
    gain, made = measured(tmp_path, "busy(1)", faster=1)
    assert gain.rounds == 7
    assert made.count("n") == (2 + 7) * gain.loops + 1
