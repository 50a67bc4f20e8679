"""The table of a build, from a report that a service sends."""

from pyvorin_thin.cli import table

NATIVE = {
    "name": "f",
    "verdict": "native",
    "checks": {"agreed": 1234},
    "gain": {"cpython_s": "0.0000123", "native_s": "0.000000045", "ratio": "273.33"},
}
SLOW = {
    "name": "g",
    "verdict": "python",
    "code": "PYV510",
    "reason": "0.80x is below min-speedup = 1.2",
    "gain": {"cpython_s": "1.5", "native_s": "1.875", "ratio": "0.80"},
}


def test_what_gained_and_what_did_not_are_told_apart():
    lines = table.of_report({"functions": [NATIVE, SLOW]}).splitlines()
    assert lines[1].split() == ["f", "12.3", "µs", "45", "ns", "273.3x", "1,234"]
    assert "0.8x" in lines[2]
    assert lines[2].endswith("stays in Python: PYV510 0.80x is below min-speedup = 1.2")
    assert lines[3] == "1 of 2 functions native, exact on 1,234 inputs"


def test_what_is_no_report_is_shown_as_missing():
    for bad in (None, "x", [], [1], [{}], [{"name": 7, "gain": 3, "checks": []}]):
        assert isinstance(table.of_report({"functions": bad}), str)
    hostile = {"name": "f\x1b[31m\n", "verdict": "native", "gain": {"ratio": "nan"}}
    text = table.of_report({"functions": [hostile]})
    assert "\x1b" not in text
    assert "nan" not in text
