"""Tables for the command line."""

from pyvorin.frontend.build import build_function
from pyvorin.frontend.show import headers, resume_points
from pyvorin.ir.interp import Body
from pyvorin.record import record
from pyvorin.record.show import recorded


def total(n):  # type: ignore[no-untyped-def]
    s = 0
    for i in range(n):
        s += i
    return s


BUILT = build_function(total)


def test_resume_points_name_instruction_locals_and_stack() -> None:
    lines = resume_points(BUILT).splitlines()
    assert lines[0].split() == ["offset", "line", "instruction", "operation", "locals", "stack"]
    (step,) = [line for line in lines if "py.next" in line]
    assert "FOR_ITER" in step
    assert "i=?(" in step
    (called,) = [line for line in lines if "py.call" in line]
    assert "0" in called.split()[-3:]  # the NULL beside the callable


def test_headers_list_their_parameters() -> None:
    _, line = headers(BUILT).splitlines()
    assert line.split()[3:] == ["v", "n", "s", "i", "i?", "stack[0]"]


def test_recorded_classes() -> None:
    assert BUILT.function is not None
    profile = record({"total": Body(BUILT.function, total)}, [("total", (3,), {})])
    text = recorded(BUILT.function, profile.functions["total"])
    classes = [line.split()[2:] for line in text.splitlines() if line.split()[1:2] == ["i"]]
    assert classes == [["int", "3"], ["int", "3"]]  # the header's parameter, and each item
