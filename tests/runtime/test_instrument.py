from __future__ import annotations

import sys
import textwrap
from types import FunctionType
from typing import Any

import pytest
from pyvorin_runtime import bytecode as bc
from pyvorin_runtime.instrument import instrument

SOURCE = '''
events = []

def decorated(function):
    events.append(("decorator", function.__name__, handed[-1] is function))
    return lambda *a: ("decorated", function(*a))

@decorated
def f(a, b: int = 2, *, c=3) -> int:
    """Doc."""
    return a + b + c

class C:
    z = 5
    def m(self, k=z): return k
    class D:
        @staticmethod
        def s(): return 7
    def own(self): return __class__

if events:
    def g(): return [h() for _ in range(1)]

def h(): return 9

def outer():
    def inner(): return 1
    return inner()

result = (f(1), C().m(), C.D.s(), g(), C().own() is C, outer())
'''


def run(source: str, **options: Any) -> tuple[dict[str, Any], list[FunctionType]]:
    handed: list[FunctionType] = []
    code = compile(textwrap.dedent(source), "module.py", "exec", dont_inherit=True)
    namespace = {"__name__": "module", "handed": handed}
    exec(instrument(code, handed.append, **options), namespace)
    return namespace, handed


def named(handed: list[FunctionType]) -> list[str]:
    hidden = ("<lambda>", "<listcomp>")
    return [f.__qualname__ for f in handed if not f.__qualname__.endswith(hidden)]


def test_each_function_is_handed_over_where_it_is_made() -> None:
    namespace, handed = run(SOURCE)
    assert namespace["result"] == (("decorated", 6), 5, 7, [9], True, 1)
    assert named(handed) == ["decorated", "f", "C.m", "C.D.s", "C.own", "g", "h", "outer"]


def test_function_is_complete_when_handed_over() -> None:
    complete: dict[str, Any] = {}

    def look(function: FunctionType) -> None:
        closure = function.__closure__ is not None
        complete[function.__name__] = (function.__defaults__, function.__kwdefaults__, closure)
        complete[function.__name__] += (dict(function.__annotations__), function.__doc__)

    exec(instrument(compile(SOURCE, "m", "exec", dont_inherit=True), look), {"handed": [None]})
    assert complete["f"] == ((2,), {"c": 3}, False, {"b": int, "return": int}, "Doc.")
    assert complete["m"][0] == (5,)
    assert complete["own"][2] is True


def test_decorators_see_the_function_that_was_handed_over() -> None:
    namespace, _ = run(SOURCE)
    assert namespace["events"] == [("decorator", "f", True)]


def test_only_the_named_are_handed_over() -> None:
    _, handed = run(SOURCE, qualnames={"C.m", "h", "decorated"})
    assert named(handed) == ["decorated", "C.m", "h"]


def test_code_without_any_of_them_stays_itself() -> None:
    code = compile(SOURCE, "m", "exec")
    assert instrument(code, print, {"elsewhere"}) is code


@pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695 is of 3.12")
def test_functions_with_type_parameters_are_handed_over() -> None:
    namespace, handed = run("def f[T](x: T) -> T: return x\nclass C[T]:\n def m(self): return f(4)")
    assert named(handed) == ["f", "C.m"]
    assert namespace["C"]().m() == 4


def test_positions_and_handlers_stay() -> None:
    source = "try:\n    def f(): pass\n    1/0\nexcept ZeroDivisionError:\n    ok = 1\n"
    code = compile(source, "m", "exec")
    changed = instrument(code, lambda _: None)
    kept = [(i.name, i.position) for i in bc.decode(code).instructions]
    found = [(i.name, i.position) for i in bc.decode(changed).instructions]
    inserted = len(found) - len(kept)
    at = next(k for k in range(len(kept)) if kept[k] != found[k])
    assert found[:at] + found[at + inserted :] == kept
    namespace: dict[str, Any] = {}
    exec(changed, namespace)
    assert namespace["ok"] == 1


def test_line_events_are_the_same() -> None:
    def lines(code: Any) -> list[tuple[str, int]]:
        seen: list[tuple[str, int]] = []

        def trace(frame: Any, event: str, _: object) -> Any:
            if frame.f_code.co_filename == "module.py":
                seen.append((event, frame.f_lineno))
            return trace

        sys.settrace(trace)
        try:
            exec(code, {"handed": [None]})
        finally:
            sys.settrace(None)
        return seen

    code = compile(SOURCE, "module.py", "exec")
    assert lines(instrument(code, {}.get)) == lines(code)
