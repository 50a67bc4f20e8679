import textwrap
from collections import Counter
from pathlib import Path

import pytest
from pyvorin.check import process
from pyvorin.check.case import Case, Inputs
from pyvorin.check.inputs import NEIGHBOURS, collect, no_run
from pyvorin.check.neighbours import neighbours
from pyvorin.check.shrink import smaller


def collected(source: str, tmp_path: Path, **options: object) -> Inputs:
    path = tmp_path / "app.py"
    path.write_text(textwrap.dedent(source))
    return collect(textwrap.dedent(source), str(path), **options)  # type: ignore[arg-type]


def calls(inputs: Inputs, *origins: str) -> list[str]:
    return [case.call for case in inputs.cases if case.origin in origins]


def test_doctests_and_main_block_are_recorded_with_nested_calls(tmp_path: Path) -> None:
    source = '''
    def twice(x):
        """
        >>> twice(4)
        8
        """
        return inner(x) * 2

    def inner(x):
        return x

    if __name__ == "__main__":
        twice([1.5, None])
    '''
    inputs = collected(source, tmp_path)
    assert calls(inputs, "doctest") == ["twice(4)", "inner(4)"]
    assert calls(inputs, "main") == ["twice([1.5, None])", "inner([1.5, None])"]


def test_arguments_are_recorded_before_they_are_changed(tmp_path: Path) -> None:
    source = """
    def clear(xs):
        xs.clear()
    clear([1, 2])
    """
    assert calls(collected(source, tmp_path), "main") == ["clear([1, 2])"]


def test_many_calls_are_thinned_out_towards_later_ones(tmp_path: Path) -> None:
    source = """
    def f(n):
        return n
    for i in range(5000):
        f(i)
    """
    recorded = calls(collected(source, tmp_path), "main")
    assert 10 < len(recorded) <= 24
    assert recorded[0] == "f(0)"
    assert int(recorded[-1][2:-1]) > 2000


def test_calls_with_much_data_are_recorded_and_varied_by_their_first_items(tmp_path: Path) -> None:
    source = """
    def total(xs, scale):
        return sum(xs) * scale
    def count(words):
        return len(words)
    total([n / 7 for n in range(30_000)], 2.0)
    count([str(n) * 3 for n in range(200_000)])
    """
    inputs = collected(source, tmp_path)
    whole, cut, only = calls(inputs, "main")
    assert len(whole) > 300_000
    assert cut.startswith("total([0.0, 0.142")
    assert len(cut) < 2000
    assert only.startswith("count(['000', '111'")  # whole, it would be too long
    assert len(only) < 2000
    assert {case.function for case in inputs.cases if case.origin == "neighbour"} == {
        "total",
        "count",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "end", ["while True: pass", "import sys; sys.exit(3)", "1 / 0", "import os; os._exit(1)"]
)
def test_a_run_that_does_not_end_well_costs_no_earlier_call(
    tmp_path: Path, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "IMPORT_MS", 1500)  # of CPU time, for the one that never ends
    source = f"""
    def f(n):
        return n
    f(7)
    {end}
    """
    inputs = collected(source, tmp_path)
    if "os._exit" not in end:
        assert calls(inputs, "main") == ["f(7)"]
    assert calls(inputs, "neighbour")


def test_nothing_runs_when_told_not_to(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    source = f"""
    open({str(marker)!r}, "w")
    def f(n): return n + 1
    """
    inputs = collected(source, tmp_path, recorder=no_run)
    assert not marker.exists()
    assert calls(inputs, "evidence")


def test_examples_come_from_python_or_json_lines(tmp_path: Path) -> None:
    source = "def f(a, b=1): return a\ndef g(): pass\n"
    written = "rows = [1]\nf(rows, b=2)\nf(3)\n"
    inputs = collected(source, tmp_path, examples=written)
    assert calls(inputs, "example") == ["f(rows, b=2)", "f(3)"]
    assert inputs.setup == "rows = [1]"
    lines = '{"function": "f", "args": [1, [2.5]]}\n\n{"function": "f", "kwargs": {"a": null}}\n'
    inputs = collected(source, tmp_path, examples=lines)
    assert calls(inputs, "example") == ["f(1, [2.5])", "f(a=None)"]


def test_examples_may_be_a_program_that_uses_the_module(tmp_path: Path) -> None:
    source = "def f(a): return a\ndef g(): pass\n"
    written = """
import app
for n in range(3):
    print(app.f(n))
assert app.f('x') == 'x'
app.f(2.5)
"""
    inputs = collected(source, tmp_path, examples=written)
    assert calls(inputs, "example") == ["f(0)", "f(1)", "f(2)", "f('x')", "f(2.5)"]
    assert inputs.setup == ""


def test_an_examples_file_of_a_program_named_like_a_module_hides_nothing(tmp_path: Path) -> None:
    source = "def f(a): return a\n"
    path = tmp_path / "json.py"
    path.write_text(source)
    inputs = collect(source, str(path), examples="import json\nprint(f(hasattr(json, 'dumps')))\n")
    assert calls(inputs, "example") == ["f(True)"]


@pytest.mark.parametrize("text", ["h(1)", "for n in range(3): print(n)", "g = 1; [].sort()"])
def test_examples_that_call_nothing_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="calls no function of the module"):
        collected("def g(a): pass\nf = print\n", tmp_path, examples=text)


@pytest.mark.parametrize("text", ["f(", "x + 1", '{"function": "h"}', '{"function": "f"', "{}"])
def test_a_bad_examples_file_names_the_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"line 1|not Python"):
        collected("def f(a): pass\n", tmp_path, examples=text)


def test_the_same_seed_gives_the_same_calls(tmp_path: Path) -> None:
    source = "def f(xs, n):\n    for x in xs: n += x\n    return n\n"
    first, second = (collected(source, tmp_path, seed=5) for _ in range(2))
    assert first == second
    assert collected(source, tmp_path, seed=6) != first


def test_neighbours_reach_the_edges_that_matter() -> None:
    case = Case("f", "f(3, [1.5, 2.5], [0, 1])", "main")
    near = [other.call for other in neighbours(case, ["n", "xs", "ys"], 0, 400)]
    assert len(near) == len(set(near)) <= 400
    for wanted in (
        "f(True, [1.5, 2.5], [0, 1])",
        "f(3.0, [1.5, 2.5], [0, 1])",
        f"f({2**63}, [1.5, 2.5], [0, 1])",
        f"f({-(2**31) - 1}, [1.5, 2.5], [0, 1])",
        "f(3, [], [0, 1])",
        "f(3, [1.5], [0, 1])",
        "f(n=3, xs=[1.5, 2.5], ys=[0, 1])",
        "f(3, (_shared := [1.5, 2.5]), _shared)",
        "f(3, [1.5, 2.5])",
        "f(3, [1.5, 2.5], [0, 1], 0)",
        "f(None, [1.5, 2.5], [0, 1])",
        "f(3, [nan, 2.5], [0, 1])",
        "f(3, [-0.0, 2.5], [0, 1])",
    ):
        assert wanted in near, wanted


def test_each_function_gets_its_share_of_neighbours(tmp_path: Path) -> None:
    source = """
    def f(a, b):
        return a + b
    def g(a):
        return a[0]
    f(1, 2); f(1.5, 2); g([1, 2])
    """
    inputs = collected(source, tmp_path)
    shares = Counter(case.function for case in inputs.cases if case.origin == "neighbour")
    assert all(40 <= shares[name] <= NEIGHBOURS + 12 for name in "fg"), shares


def test_every_smaller_call_is_smaller_and_parses() -> None:
    call = "f(1000, [3.25, -2, 'abc'], (True, None), x := [0] * 50, list(range(10, 90)))"
    call = call.replace("x := [0] * 50", "(x := [0] * 50)")
    for option in smaller(call):
        assert len(option) <= len(call)
        compile(option, "case", "eval")
    assert "f(1000, [], (True, None), (x := [0] * 50), list(range(10, 90)))" in smaller(call)


def test_calls_of_plain_methods_are_recorded_with_their_instances(tmp_path: Path) -> None:
    source = """
        class Counter:
            def __init__(self, n):
                self.n = n
            def add(self, k):
                self.n += k
            @property
            def twice(self):
                return self.n * 2
            def never(self):
                return self.n
        c = Counter(1)
        c.add(2)
        c.twice
    """
    inputs = collected(source, tmp_path)
    assert calls(inputs, "main") == ["Counter.add(_instance(Counter, {'n': 1}), 2)"]
    near = [case.call for case in inputs.cases if case.origin == "neighbour"]
    assert "Counter.add(_instance(Counter, {}), 2)" in near
    assert {case.function for case in inputs.cases} == {"Counter.add"}
