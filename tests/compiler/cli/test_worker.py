from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import pytest
from pyvorin import worker
from pyvorin.check.load import importable, load_source
from pyvorin.worker import RequestError
from pyvorin_wire import frames
from pyvorin_wire.diagnostic import Diagnostic
from pyvorin_wire.outcome_tree import compare

from tests.compiler.check.stand_in import Compiler, stand_in

SOURCE = '''
def total(xs):
    """
    >>> total([1, 2])
    3
    """
    s = 0
    for x in xs:
        s += x
    return s

def spin(n):
    while n:
        pass
'''


def ask(
    request: Any, artifact: bytes | None = None, compiler: Compiler | None = None
) -> list[frames.Frame]:
    out = io.BytesIO()
    worker.answer(request, artifact, out, compiler or stand_in())
    frames.write_end(out)
    return list(frames.read_message(io.BytesIO(out.getvalue())))


def request(op: str, **more: Any) -> dict[str, Any]:
    return {"op": op, "path": "etl/app.py", "source": SOURCE, "functions": None, **more}


def test_a_compile_answers_with_calls_report_and_artifact() -> None:
    asked = request("compile", options={"opt_level": 2, "strict": True})
    calls, document, artifact = ask(asked)
    answer = document.json()
    assert answer["ok"] is True
    assert artifact.payload == SOURCE.encode()
    assert [row["name"] for row in answer["report"]["functions"]] == ["total", "spin"]
    assert ["total", "total([1, 2])", "doctest"] in calls.json()["cases"]
    assert answer["meta"]["toolchain"]["llvmlite"]


def test_a_rejected_function_is_answered_with_its_diagnostic() -> None:
    _, document = ask(request("compile", options={}), compiler=stand_in(rejected=("spin",)))
    answer = document.json()
    assert answer["ok"] is False
    assert Diagnostic.from_json(answer["diagnostics"][0]).code == "PYV100"
    kept = ask(request("compile", options={"strict": False}), compiler=stand_in(rejected=("spin",)))
    assert kept[1].json()["ok"] is True
    assert {case[0] for case in kept[0].json()["cases"]} == {"total"}


def test_calls_are_told_before_the_code_is_made() -> None:
    out = io.BytesIO()

    def compiler(source: str, path: str, options: Any, lowered: Any) -> Any:
        lowered(["total"])
        told = frames.first_frame(out.getvalue())
        assert told is not None
        assert ["total", "total([1, 2])", "doctest"] in told.json()["cases"]
        raise MemoryError

    worker.answer(request("compile"), None, out, compiler)
    frames.write_end(out)
    _, document = frames.read_message(io.BytesIO(out.getvalue()))
    assert document.json()["ok"] is False


@pytest.mark.parametrize(
    "source",
    ["x = 10**10**10", "x = 'a' * 10**10", "def f(:", "x = " + "(" * 300, "x = '\0'"],
    ids=["power", "repeat", "syntax", "nesting", "nul"],
)
def test_source_over_budget_is_refused_typed(source: str) -> None:
    (document,) = ask({**request("compile"), "source": source})
    answer = document.json()
    assert answer["ok"] is False
    assert Diagnostic.from_json(answer["diagnostics"][0]).severity.value == "error"


@pytest.mark.parametrize("end", ["raise SystemExit(0)", "1 / 0", "import os; os.write(1, b'x')"])
def test_a_module_that_misbehaves_while_imported_still_gets_an_answer(end: str) -> None:
    def running(source: str, path: str, options: Any, lowered: Any) -> Any:
        exec(compile(source, path, "exec"), {})
        return stand_in()(source, path, options, lowered)

    answer = ask({**request("compile"), "source": f"{SOURCE}\n{end}\n"}, compiler=running)
    documents = [frame for frame in answer if frame.kind == frames.JSON]
    assert documents[-1].json()["ok"] is ("os.write" in end)


def test_both_sides_run_the_same_calls() -> None:
    *outcomes, summary = ask(request("check", side="cpython", cases=None, seed=3))
    kept = summary.json()
    assert len(outcomes) == len(kept["cases"]) > 50
    assert "time" in kept["dropped"].values()
    given = {"cases": kept["cases"], "setup": kept["setup"]}
    native = ask(request("check", side="native", **given), SOURCE.encode())
    pairs = zip(outcomes, native[:-1], strict=True)
    assert not [pair for pair in pairs if compare(pair[0].payload, pair[1].payload)]


def test_a_wrong_native_side_shows_in_its_outcomes() -> None:
    cases = [["total", "total([1, 2])", "doctest"]]
    (outcome, _) = ask(request("check", side="cpython", cases=cases))
    wrong = SOURCE.replace("return s", "return s + 1").encode()
    (other, _) = ask(request("check", side="native", cases=cases), wrong)
    assert compare(outcome.payload, other.payload)


def test_a_crash_gives_fewer_outcomes() -> None:
    cases = [["total", "total([1, 2])", "doctest"]]
    crash = SOURCE.replace("return s", "import os; os.abort()").encode()
    (summary,) = ask(request("check", side="native", cases=cases), crash)
    assert "SIGABRT" in summary.json()["dropped"]["0"]


def test_gains_are_measured_on_request() -> None:
    cases = [["total", "total([1, 2])", "doctest"]]
    (answer,) = ask(request("measure", cases=cases), SOURCE.encode())
    assert 0.3 < float(answer.json()["gains"]["total"]["ratio"]) < 3


def test_what_gains_too_little_is_named_without_the_programs_data() -> None:
    cases = [["total", "total([1, 27182818])", "doctest"]]
    asked = request("measure", cases=cases, options={"min_speedup": "50.0"})
    (answer,) = ask(asked, SOURCE.encode())
    found = answer.json()
    code, reason = found["left"]["total"]
    assert (code, "min-speedup = 50" in reason) == ("PYV510", True)
    (item,) = found["diagnostics"]
    shown = Diagnostic.from_json(item)
    assert (shown.code, shown.function) == ("PYV510", "total")
    assert "27182818" not in str(found)
    (answer,) = ask({**asked, "options": {"min_speedup": "0"}}, SOURCE.encode())
    assert answer.json()["left"] == {}


def test_what_stays_in_python_is_not_compiled_again_and_says_why() -> None:
    calls: list[Any] = []
    left = {"spin": ["PYV510", "0.90x is below min-speedup = 1.2"]}
    told, document, _ = ask(request("compile", left=left), compiler=stand_in(calls=calls))
    assert not calls[0].wants("spin")
    rows = {row["name"]: row for row in document.json()["report"]["functions"]}
    assert (rows["spin"]["verdict"], rows["spin"]["code"]) == ("python", "PYV510")
    assert "0.90x" in rows["spin"]["reason"]
    assert {case[0] for case in told.json()["cases"]} == {"total"}


def test_a_function_marked_skip_stays_in_python() -> None:
    source = SOURCE.replace("def spin(n):", "def spin(n):  # pyvorin: skip")
    _, document, _ = ask({**request("compile"), "source": source})
    rows = {row["name"]: row["verdict"] for row in document.json()["report"]["functions"]}
    assert rows == {"total": "native", "spin": "python"}


USES = """
from .rates import RATE
import shared

def taxed(xs):
    s = shared.START
    for x in xs:
        s += x * RATE
    return s

if __name__ == "__main__":
    pass
print(taxed([1, 2]))
"""
BUNDLE = {"pkg/__init__.py": "", "pkg/rates.py": "RATE = 7\n", "shared.py": "START = 1000\n"}


def test_local_modules_of_the_bundle_are_there_on_every_side() -> None:
    asked = {"path": "pkg/app.py", "source": USES, "bundle": BUNDLE, "functions": None}

    def running(source: str, path: str, options: Any, lowered: Any) -> Any:
        with importable("."):
            assert load_source(path, source, "pkg.app").__dict__["taxed"]([1]) == 1007
        return stand_in()(source, path, options, lowered)

    calls, document, artifact = ask({"op": "compile", **asked}, compiler=running)
    answer = document.json()
    assert answer["ok"] is True, answer
    assert ["taxed", "taxed([1, 2])", "main"] in calls.json()["cases"]
    asked |= {"op": "check", "cases": [["taxed", "taxed([1, 2])", "main"]]}
    (outcome, last) = ask({**asked, "side": "cpython"})
    assert last.json()["dropped"] == {}
    (other, _) = ask({**asked, "side": "native"}, artifact.payload)
    assert not compare(outcome.payload, other.payload)
    assert "taxed" in ask({**asked, "op": "measure"}, artifact.payload)[0].json()["gains"]
    (last,) = ask({**asked, "side": "cpython", "bundle": {}})
    assert "import" in last.json()["dropped"]["0"]


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        {"op": "frobnicate"},
        {"op": 1},
        {"op": "compile", "path": "x.py"},
        request("compile", functions=[1]),
        request("compile", options={"opt_level": 9}),
        request("compile", bundle={"a.py": 1}),
        request("compile", left={"f": ["PYV510"]}),
        request("compile", options={"min_speedup": 1}),
        request("compile", options={"min_speedup": "nan"}),
        request("check", side="native"),
        request("check", side="middle"),
        request("check", side="cpython", cases=[["f"]]),
        request("check", side="cpython", cases=[["f", "f()", "main"]] * 20_001),
    ],
)
def test_a_malformed_request_is_refused(bad: Any) -> None:
    with pytest.raises(RequestError):
        ask(bad)


def served(data: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "pyvorin", "worker"]
    return subprocess.run(command, input=data, capture_output=True, timeout=600)


def test_the_process_serves_one_request_on_its_pipes() -> None:
    out = io.BytesIO()
    noise = "\nimport os\nprint('noise')\nos.write(1, b'noise')\n"
    cases = [["total", "total([1])", "main"]]
    asked = request("check", side="cpython", cases=cases)
    frames.write_json(out, {**asked, "source": SOURCE + noise})
    frames.write_end(out)
    done = served(out.getvalue())
    assert done.returncode == 0
    first, last = frames.read_message(io.BytesIO(done.stdout))
    assert first.kind == frames.BYTES
    assert last.json()["dropped"] == {}


@pytest.mark.parametrize("data", [b"", b"\xff\xff\xff\xffJ", b"\0\0\0\2J[]\0\0\0\0E", b"garbage"])
def test_garbage_on_the_pipe_is_answered_typed(data: bytes) -> None:
    done = served(data)
    assert done.returncode == 2
    (only,) = frames.read_message(io.BytesIO(done.stdout))
    assert only.json()["ok"] is False
