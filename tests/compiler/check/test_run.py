import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from pyvorin.check.case import Case, Inputs
from pyvorin.check.process import Program
from pyvorin.check.run import Dropped, Side, Verdict, check, repeatable, run
from pyvorin.check.shrink import shrink

SOURCE = textwrap.dedent(
    """
    import random, time
    seen = []

    def total(xs, k):
        s = 0
        for x in xs:
            s += x * k
        return s

    def store(xs, value):
        xs[0] = value

    def shout(text):
        print(text)

    def fail(x):
        return 1 // x

    def spin(n):
        while n:
            pass

    def grow(n):
        return [0] * n

    def bits(n):
        return (1 << n).bit_length()

    def noise():
        return random.random()

    def remember(x):
        seen.append(x)
        return len(seen)

    def stubborn(n):
        while True:
            try:
                while n:
                    pass
                return 0
            except BaseException:
                pass
    """
)


def cases(*calls: str) -> tuple[Case, ...]:
    return tuple(Case(call.partition("(")[0], call, "example") for call in calls)


def verdict(tmp_path: Path, calls: tuple[Case, ...], *changes: tuple[str, str]) -> Verdict:
    changed = SOURCE
    for old, new in changes:
        assert old in changed
        changed = changed.replace(old, new)
    artifact = tmp_path / "app_native.py"
    artifact.write_text(changed)
    return check(Program("app.py", SOURCE), str(artifact), Inputs(calls))


def test_equal_sides_agree(tmp_path: Path) -> None:
    found = verdict(tmp_path, cases("total([1, 2], 3)", "fail(0)", "shout('x')", "store([1], 2)"))
    assert not found.mismatches
    assert found.tallies["total"].agreed == 1
    assert found.tallies["fail"].raised == 1
    assert len(found.agreed) == 4


@pytest.mark.parametrize(
    ("call", "old", "new", "path"),
    [
        ("total([1], 2)", "return s", "return float(s)", "result"),
        ("total([True], 1)", "s += x * k", "s = x", "result"),
        ("total([], 1)", "s = 0", "s = -0.0", "result"),
        ("store([1], 2)", "xs[0] = value", "xs[0] = float(value)", "arguments"),
        ("store([1], 2)", "xs[0] = value", "xs[:] = [value, value]", "arguments"),
        ("shout('x')", "print(text)", "print(text, '')", "stdout"),
        ("fail(0)", "return 1 // x", "return 1 % x", "exception"),
        ("fail(0)", "return 1 // x", "return  1 // x", "traceback"),
        ("fail(0)", "return 1 // x", "return (lambda: 1 // x)()", "traceback"),
        ("fail(1)", "return 1 // x", "raise ValueError", "outcome"),
        ("fail(1)", "return 1 // x", "import os; os.abort()", "outcome"),
        ("fail(1)", "return 1 // x", "import os; os._exit(0)", "outcome"),
        ("fail(1)", "return 1 // x", "import sys; sys.exit(0)", "outcome"),
    ],
)
def test_every_kind_of_difference_is_seen(
    tmp_path: Path, call: str, old: str, new: str, path: str
) -> None:
    found = verdict(tmp_path, cases(call), (old, new))
    (mismatch,) = found.mismatches
    assert path in mismatch.differences[0].path or path in str(mismatch.differences)


def test_a_crash_is_a_mismatch_that_names_the_signal_and_spares_the_rest(tmp_path: Path) -> None:
    calls = cases("fail(1)", "total([1], 1)", "fail(2)")
    crash = (
        "return 1 // x",
        "import os; os.kill(os.getpid(), 11) if x == 1 else None; return 1 // x",
    )
    found = verdict(tmp_path, calls, crash)
    assert [item.case.call for item in found.mismatches][:1] == ["fail(1)"]
    assert "SIGSEGV" in found.mismatches[0].differences[0].actual
    assert found.tallies["total"].agreed == 1


@pytest.mark.slow
def test_runaway_calls_are_dropped_from_both_sides(tmp_path: Path) -> None:
    slow = [Case("spin", "spin(1)", "neighbour"), Case("stubborn", "stubborn(1)", "neighbour")]
    calls = (*slow, *cases("grow(10**12)", "grow(2)", "total([1], 1)"))
    found = verdict(tmp_path, calls)
    assert not found.mismatches
    assert found.tallies["spin"].dropped == {"time": 1}
    assert found.tallies["stubborn"].dropped == {"time": 1}
    assert found.tallies["grow"].dropped == {"memory": 1}
    assert found.tallies["grow"].agreed == found.tallies["total"].agreed == 1


def test_a_generated_call_may_not_fill_memory_as_a_written_one_may(tmp_path: Path) -> None:
    call = "bits(2147483647)"  # a number of 286 MB
    calls = tuple(Case("bits", call, origin) for origin in ("example", "neighbour"))
    found = verdict(tmp_path, (*calls, Case("bits", "bits(65536)", "neighbour")))
    assert not found.mismatches
    assert found.tallies["bits"].dropped == {"memory": 1}
    assert found.tallies["bits"].origins == {"example": 1, "neighbour": 1}


def test_a_call_that_disagrees_with_itself_is_set_aside(tmp_path: Path) -> None:
    found = verdict(tmp_path, cases("noise()", "total([1], 1)"))
    assert not found.mismatches
    assert found.tallies["noise"].dropped == {"unrepeatable": 1}


def test_state_of_the_module_runs_alike_on_both_sides(tmp_path: Path) -> None:
    calls = (*cases("remember(1)"), Case("spin", "spin(1)", "neighbour"), *cases("remember(2)"))
    found = verdict(tmp_path, calls)
    assert not found.mismatches
    assert found.tallies["remember"].agreed == 2


def test_the_program_cannot_write_its_own_verdict(tmp_path: Path) -> None:
    tricks = "import os, builtins; os.write(1, b'J' * 64); builtins.isinstance = lambda *a: True"
    attack = ("return s", f"{tricks}; return s + 1")
    found = verdict(tmp_path, cases("total([1], 1)"), attack)
    assert found.mismatches


def test_a_module_that_cannot_be_imported_drops_every_call() -> None:
    results, _ = run(Side(Program("app.py", "raise ValueError('no')\n")), cases("f(1)", "f(2)"))
    assert results == [Dropped("import: ValueError")] * 2


def test_a_child_imports_little() -> None:
    program = (
        "import sys; before = set(sys.modules); import pyvorin.check.child;"
        "print(*sorted(set(sys.modules) - before))"
    )
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    heavy = {"doctest", "inspect", "llvmlite", "pathlib", "random", "subprocess", "tempfile"}
    assert "pyvorin.check.observe" in asked.stdout
    assert not heavy & set(asked.stdout.split())


def test_a_mismatch_is_shrunk(tmp_path: Path) -> None:
    wrong = ("return s", "return s + (len(xs) > 1)")
    found = verdict(tmp_path, cases("total([123456, 77, 8, 9, 10, 11], 9)"), wrong)
    program = Program("app.py", SOURCE)
    native = Side(replace(program, artifact=str(tmp_path / "app_native.py")), "", (0, 0), 10)
    small = shrink(found.mismatches[0], Side(program), native)
    assert small.alone
    assert small.case.call == "total([0, 0], 0)"


def test_a_mismatch_that_needs_earlier_calls_is_kept_as_it_is(tmp_path: Path) -> None:
    wrong = ("return len(seen)", "return len(seen) + (len(seen) > 1)")
    found = verdict(tmp_path, cases("remember(1)", "remember(2)"), wrong)
    program = Program("app.py", SOURCE)
    native = Side(replace(program, artifact=str(tmp_path / "app_native.py")), "", (0, 0), 10)
    small = shrink(found.mismatches[0], Side(program), native)
    assert not small.alone
    assert small.case.call == "remember(2)"


def test_calls_that_disagree_with_themselves_are_dropped(tmp_path: Path) -> None:
    source = textwrap.dedent(
        """
        import random, time

        def steady(x):
            return x + 1

        def noise(x):
            return random.random()

        def clock(x):
            return time.time_ns()

        def seed(x):
            return hash("a")

        def order(x):
            return list({"a", "b", "c", "d", "e", "f"})
        """
    )
    names = ("steady", "noise", "clock", "seed", "order", "steady")
    cases = [Case(name, f"{name}(1)", "example") for name in names]
    results, _ = repeatable(Side(Program(str(tmp_path / "m.py"), source)), cases)
    dropped = [result.why if isinstance(result, Dropped) else "" for result in results]
    assert dropped == ["", *["unrepeatable"] * 4, ""]
