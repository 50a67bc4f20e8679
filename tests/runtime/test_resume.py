from __future__ import annotations

import pytest

from tests.runtime import library_drivers, programs
from tests.runtime.resume_fuzz import Fuzzer, Tally


def of_programs(code: object) -> bool:
    file, name = getattr(code, "co_filename", ""), getattr(code, "co_name", "")
    return bool(file == programs.__file__ and name != "<lambda>")


def assert_all_identical(tally: Tally) -> None:
    print(tally.line())
    assert tally.different == []
    unknown = tally.skipped["exception swallowed by C code"]
    assert tally.identical + unknown == tally.tried
    assert unknown < tally.tried // 100


def test_resuming_programs_anywhere_ends_identically() -> None:
    fuzzer = Fuzzer(of_programs, visits=1)
    for driver in programs.DRIVERS:
        fuzzer.run(driver)
    assert_all_identical(fuzzer.tally)
    assert len(fuzzer.tally.points) > 1400
    assert fuzzer.tally.chains > 80


@pytest.mark.fuzz
@pytest.mark.slow
def test_resuming_programs_at_later_visits_ends_identically() -> None:
    fuzzer = Fuzzer(of_programs, visits=12)
    for driver in programs.DRIVERS:
        fuzzer.run(driver)
    assert_all_identical(fuzzer.tally)


@pytest.mark.fuzz
@pytest.mark.slow
def test_resuming_the_library_anywhere_ends_identically() -> None:
    fuzzer = Fuzzer(library_drivers.watched, visits=1)
    for driver in library_drivers.DRIVERS:
        fuzzer.run(driver)
    assert_all_identical(fuzzer.tally)
    assert len(fuzzer.tally.points) > 8000


@pytest.mark.parametrize("wrong", ["local", "stack", "point"])
def test_a_wrong_state_does_not_go_unnoticed(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.runtime.resume_fuzz import Twin

    def spoilt(self: Twin, frame: object, _capture: object = Twin.capture) -> object:
        state = _capture(self, frame)  # type: ignore[operator]
        if state is None:
            return None
        *slots, point, stack = state
        if wrong == "local":
            slots = [slot + 1 if type(slot) is int else slot for slot in slots]
        elif wrong == "stack":
            stack = tuple(item + 1 if type(item) is int else item for item in stack)
        else:
            shape = self.points[point].stack
            same = [k for k, p in enumerate(self.points) if p.stack == shape]
            point = same[same.index(point) - 1]
        return (*slots, point, stack)

    monkeypatch.setattr(Twin, "capture", spoilt)
    fuzzer = Fuzzer(of_programs, visits=1, budget=200)
    fuzzer.run(lambda: programs.nested_loops(4, 7))
    assert len(fuzzer.tally.different) > 5
