from __future__ import annotations

import copy
import doctest
import functools
import gc
import inspect
import pickle
import sys
import types
import weakref
from types import FunctionType
from typing import Any
from unittest import mock

import pytest
from pyvorin_runtime import attach as attaching
from pyvorin_runtime.attach import State, attach, detach, report

from tests.runtime.doubles import NO, Native


def summed(n: int, start: int = 1, *, step: int = 1) -> int:
    """Add up.

    >>> summed(4)
    7
    """
    total = start
    for i in range(0, n, step):
        total += i
    return total


ORIGINAL = summed.__code__


@pytest.fixture
def native() -> Any:
    module = Native(summed)
    yield module
    detach(summed)
    assert summed.__code__ is ORIGINAL


def state_of(function: FunctionType) -> State:
    state = function.__dict__["__pyvorin__"]
    assert isinstance(state, State)
    return state


def test_attached_function_runs_native_code(native: Native) -> None:
    native.entry[0] = lambda: "native"
    assert attach(summed, native, 0) is None
    assert summed(4) == "native"
    assert state_of(summed).state == "native"
    assert native.log == [("bind", "summed", summed.__code__)]


def test_declining_function_runs_its_bytecode(native: Native) -> None:
    attach(summed, native, 0)
    assert [summed(4), summed(5, 2, step=2)] == [7, 8]


def test_entry_finds_the_parameters_in_the_frame(native: Native) -> None:
    attach(summed, native, 0)
    assert summed.__code__.co_varnames == ORIGINAL.co_varnames


def test_running_loop_enters_native_code_at_its_header(native: Native) -> None:
    seen: list[dict[str, object]] = []

    def osr(k: int) -> object:
        # Under the hook's __next__ and its answer lies the running frame.
        seen.append(dict(sys._getframe(3).f_locals))
        return "from the loop" if len(seen) == 3 else NO

    native.osr[0] = osr
    attach(summed, native, 0)
    assert summed(9) == "from the loop"
    assert [each.get("i") for each in seen] == [None, 0, 1]


def test_native_code_leaves_into_the_middle_of_a_loop(native: Native) -> None:
    point = native.point(0, 0)
    native.take[0] = iter([(4, 1, 1, 100, 2, point, (iter([3]),)), *[NO] * 9]).__next__
    attach(summed, native, 0)
    assert summed(4) == 103


def test_loop_hook_leaves_into_the_same_frame(native: Native) -> None:
    point = native.point(0, 0)
    answers = iter([NO, (4, 1, 1, 100, 2, point, (iter([3]),)), *[NO] * 9])
    native.take[0] = answers.__next__
    attach(summed, native, 0)
    assert summed(4) == 103


def test_closed_gate_passes_over_the_hook(native: Native) -> None:
    asked: list[int] = []
    native.osr[0] = lambda k: asked.append(k) or NO
    attach(summed, native, 0)
    summed(5)
    assert len(asked) == 6
    state_of(summed).gates[0].clear()
    assert summed(5) == 11
    assert len(asked) == 6


def test_detached_function_is_as_before(native: Native) -> None:
    native.entry[0] = lambda: "native"
    attach(summed, native, 0)
    detach(summed)
    assert summed(4) == 7
    assert summed.__code__ is ORIGINAL
    assert native.log[-1] == ("unbind", 0)
    assert state_of(summed).state == "detached"


def test_attaching_twice_is_refused(native: Native) -> None:
    attach(summed, native, 0)
    assert attach(summed, native, 0) == "it is attached already"
    assert state_of(summed).state == "native"


def test_another_bytecode_is_refused(native: Native) -> None:
    def summed(n: int, start: int = 1, *, step: int = 1) -> int:
        return n

    assert attach(summed, native, 0) == "its bytecode is not the one that was compiled"
    assert summed(3) == 3
    assert state_of(summed).state == "python"


def test_refusal_does_not_displace_the_attached_function(native: Native) -> None:
    attach(summed, native, 0)
    attach(test_another_bytecode_is_refused, native, 0)
    states = [each["state"] for each in report() if each["function"] == "summed"]
    assert states[-1] == "native"


def test_another_constant_is_refused() -> None:
    one: dict[str, Any] = {}
    other: dict[str, Any] = {}
    exec("def f(x): return x + 10", one)
    exec("def f(x): return x + 11", other)
    assert one["f"].__code__.co_code == other["f"].__code__.co_code
    assert attach(other["f"], Native(one["f"]), 0) is not None


def test_another_minor_is_refused() -> None:
    reason = attach(summed, Native(summed, python="3.9"), 0)
    assert reason is not None
    assert reason.startswith("it was made for Python 3.9, this is 3.1")


def test_refusal_by_bind_leaves_the_function_alone(native: Native) -> None:
    native.refuse_bind = "the layout is another"
    assert attach(summed, native, 0) == "the layout is another"
    assert summed.__code__ is ORIGINAL
    assert state_of(summed).reason == "the layout is another"


@pytest.mark.parametrize("value", ["off", "OFF", " off "])
def test_environment_switches_it_off(
    native: Native, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("PYVORIN", value)
    assert attach(summed, native, 0) == "PYVORIN=off"
    assert summed.__code__ is ORIGINAL


def test_generator_is_refused() -> None:
    def numbers(n: int) -> Any:
        yield from range(n)

    reason = attach(numbers, Native(numbers), 0)
    assert reason == "a generator or coroutine keeps its frame between calls"
    assert list(numbers(3)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("attribute", "value", "reason"),
    [
        ("abiflags", "t", "free-threaded"),
        ("abiflags", "d", "debug"),
        ("implementation", types.SimpleNamespace(name="pypy"), "pypy"),
    ],
)
def test_other_interpreters_are_refused(
    attribute: str, value: object, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, attribute, value)
    assert reason in attaching.unsupported(f"{sys.version_info[0]}.{sys.version_info[1]}")


def test_subinterpreter_is_refused() -> None:
    interpreters = pytest.importorskip(
        "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    )
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from pyvorin_runtime.attach import unsupported\n"
        f"assert 'subinterpreters' in unsupported('3.{sys.version_info[1]}')\n"
    )
    running = interpreters.create()
    try:
        failed = interpreters.run_string(running, code)
    finally:
        interpreters.destroy(running)
    assert not failed


def test_module_executed_again_moves_the_native_code(native: Native) -> None:
    attach(summed, native, 0)
    again = FunctionType(ORIGINAL, globals(), "summed", summed.__defaults__)
    again.__kwdefaults__ = summed.__kwdefaults__
    assert attach(again, native, 0) is None
    assert state_of(summed).state == "detached"
    assert summed.__code__ is ORIGINAL
    assert again(4) == summed(4) == 7
    detach(again)


def test_dying_function_is_forgotten() -> None:
    namespace: dict[str, Any] = {}
    exec("def f(x): return x", namespace)
    native = Native(namespace["f"])
    attach(namespace["f"], native, 0)
    died = weakref.ref(namespace.pop("f"))
    gc.collect()
    assert died() is None
    assert native.log[-1] == ("unbind", 0)


def test_report_lists_what_became_of_each(native: Native) -> None:
    attach(summed, native, 0)
    found = [each for each in report() if each["function"] == "summed"]
    assert found[-1]["state"] == "native"
    assert found[-1]["line"] == ORIGINAL.co_firstlineno


# -- what people do with functions -----------------------------------------------------------------


@pytest.fixture
def attached(native: Native) -> FunctionType:
    assert attach(summed, native, 0) is None
    return summed


def test_signature_and_defaults_stay(attached: FunctionType) -> None:
    shown = "(n: 'int', start: 'int' = 1, *, step: 'int' = 1) -> 'int'"
    assert str(inspect.signature(attached)) == shown
    assert attached.__defaults__ == (1,)
    attached.__defaults__ = (5,)
    try:
        assert attached(4) == 11
    finally:
        attached.__defaults__ = (1,)


def test_wrong_arguments_raise_as_before(attached: FunctionType) -> None:
    with pytest.raises(TypeError, match=r"summed\(\) missing 1 required positional argument: 'n'"):
        attached()
    with pytest.raises(TypeError, match="unexpected keyword argument 'k'"):
        attached(1, k=2)


def test_source_and_documentation_stay(attached: FunctionType) -> None:
    assert inspect.getsource(attached).startswith("def summed(")
    assert inspect.getdoc(attached) is not None
    assert inspect.getfile(attached) == __file__


def test_pickle_and_copy_give_the_same_function(attached: FunctionType) -> None:
    assert pickle.loads(pickle.dumps(attached)) is attached
    assert copy.deepcopy(attached) is attached


def test_doctest_runs(attached: FunctionType) -> None:
    tests = doctest.DocTestFinder().find(attached, "summed", globs={"summed": attached})
    results = doctest.DocTestRunner().run(tests[0])
    assert (results.attempted, results.failed) == (1, 0)


def test_mock_patches_and_restores(attached: FunctionType) -> None:
    with mock.patch(f"{__name__}.summed", return_value=0) as patched:
        assert globals()["summed"](4) == 0
    patched.assert_called_once_with(4)
    with mock.patch(f"{__name__}.summed", autospec=True, return_value=3):
        assert globals()["summed"](4) == 3
    assert globals()["summed"] is attached


def test_code_is_hashable_and_names_stay(attached: FunctionType) -> None:
    code = attached.__code__
    assert hash(code) == hash(code)
    assert (code.co_name, code.co_qualname) == (ORIGINAL.co_name, ORIGINAL.co_qualname)
    assert code.co_firstlineno == ORIGINAL.co_firstlineno
    assert code.co_flags == ORIGINAL.co_flags


def test_copy_of_the_function_still_works(attached: FunctionType) -> None:
    twin = FunctionType(attached.__code__, {"range": lambda *_: [50]}, "twin", (1,))
    twin.__kwdefaults__ = {"step": 1}
    assert twin(4) == 51


def test_wrapper_is_not_taken_for_the_function_it_wraps(attached: FunctionType) -> None:
    @functools.wraps(attached)
    def wrapper(n: int) -> int:
        return attached(n) + 1

    detach(wrapper)
    assert state_of(attached).state == "native"
    assert attach(wrapper, Native(wrapper), 0) is None
    assert wrapper(4) == 8


def test_function_pickled_by_value_runs_its_bytecode_elsewhere(attached: FunctionType) -> None:
    constants, state = pickle.loads(
        pickle.dumps((attached.__code__.co_consts, attached.__dict__["__pyvorin__"]))
    )
    elsewhere = FunctionType(attached.__code__.replace(co_consts=constants), {}, "summed", (1,))
    elsewhere.__kwdefaults__ = {"step": 1}
    assert elsewhere(4) == 7
    assert "pyvorin" not in {type(each).__module__.partition("_")[0] for each in constants}
    assert state == "<pyvorin native>"


MODULE = """
def double(n):
    return n * 2

class Box:
    def doubled(self, n):
        return double(n)

def changed(n):
    return n

result = double(2), Box().doubled(3), changed(4)
"""


def test_module_code_attaches_functions_as_they_are_made() -> None:
    code = compile(MODULE, "module", "exec", dont_inherit=True)
    plain: dict[str, Any] = {}
    exec(code, plain)
    native = Native(plain["double"], plain["Box"].doubled, plain["changed"])
    native.entry[0] = lambda: "native"
    changed = MODULE.replace("return n\n", "return n + 1\n")
    newer = compile(changed, "module", "exec", dont_inherit=True)
    namespace: dict[str, Any] = {}
    exec(attaching.attaching(newer, native), namespace)
    assert namespace["result"] == ("native", "native", 5)
    assert state_of(namespace["double"]).state == "native"
    assert state_of(namespace["Box"].doubled).state == "native"
    assert "bytecode" in state_of(namespace["changed"]).reason


def test_module_code_for_another_interpreter_stays_itself() -> None:
    code = compile(MODULE, "module", "exec", dont_inherit=True)
    assert attaching.attaching(code, Native(summed, python="3.9")) is code
