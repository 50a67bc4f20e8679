from __future__ import annotations

import dis
import opcode

import pytest
from pyvorin_runtime import bytecode as bc
from pyvorin_runtime import stackmap

from tests.runtime.test_bytecode import codes_in, library_codes, library_files

# Not written by the compiler, or accounted for elsewhere: an instruction after which nothing runs
# need not say what it pops; CPython splits a call's effect over PRECALL and CALL, and does not
# count the value that starting a generator pushes.
_NO_EFFECT = {"CACHE", "EXTENDED_ARG", "RESERVED", "INTERPRETER_EXIT", "EXIT_INIT_CHECK"}
_OTHERWISE = {"COPY", "SWAP", "RERAISE", "RAISE_VARARGS", "RETURN_GENERATOR", "BUILD_SLICE"}
_SPLIT = {"PRECALL", "CALL"} if bc.MINOR == (3, 11) else set()


def compiled_opcodes() -> list[str]:
    names = [opcode.opname[n] for n in range(256)]
    special = ("<", "INSTRUMENTED_", "ENTER_EXECUTOR")
    return [n for n in names if not n.startswith(special) and n not in _NO_EFFECT]


@pytest.mark.parametrize("name", sorted(set(compiled_opcodes()) - _OTHERWISE - _SPLIT))
def test_effect_sums_to_what_cpython_says(name: str) -> None:
    number = opcode.opmap[name]
    for arg in (0, 1, 2, 3, 5, 8, 257):
        given = arg if number >= opcode.HAVE_ARGUMENT else None
        for jump in (False, True) if name in bc.JUMPS else (False,):
            popped, pushed = stackmap.effect(name, arg, jump)
            assert len(pushed) - popped == dis.stack_effect(number, given, jump=jump)


@pytest.mark.parametrize("arg", [2, 3])
def test_slice_takes_two_or_three(arg: int) -> None:
    assert stackmap.effect("BUILD_SLICE", arg) == (arg, "v")


@pytest.mark.filterwarnings("ignore")
def test_no_library_code_is_deeper_than_its_stack_size() -> None:
    for code in library_codes(library_files()[:40]):
        assert max(map(len, stackmap.stack_map(code).values())) <= code.co_stacksize


def kinds_at(source: str, name: str) -> list[str]:
    """The stack before each instruction called `name` in the one function of `source`."""
    code = list(codes_in(compile(source, "here", "exec")))[1]
    stacks = stackmap.stack_map(code)
    return [stacks[ins.offset] for ins in bc.decode(code).instructions if ins.name == name]


def test_loop_iterators_stay_below() -> None:
    source = "def f(a):\n for x in a:\n  for y in x:\n   g(y)"
    assert kinds_at(source, "FOR_ITER") == ["i", "ii"]


def test_call_has_a_null_and_a_method_call_perhaps() -> None:
    plain = kinds_at("def f(x): return g(x)", "CALL")
    method = kinds_at("def f(x): return x.g(x)", "CALL")
    if bc.MINOR < (3, 12):
        assert (plain, method) == (["mvv"], ["mvv"])  # after PRECALL split a bound method
        assert kinds_at("def f(x): return g(x)", "PRECALL") == ["0vv"]
    elif bc.MINOR < (3, 13):
        assert (plain, method) == (["0vv"], ["mvv"])
    else:
        assert (plain, method) == (["v0v"], ["vmv"])


def test_with_body_has_the_exit() -> None:
    assert kinds_at("def f(c):\n with c: g.x = 1", "STORE_ATTR") == ["wvv"]


def test_handlers_are_no_resume_points() -> None:
    source = "def f():\n try: a()\n except E as e: b.x = 1\n finally: c.x = 2"
    in_handler = kinds_at(source, "STORE_ATTR")
    assert [stackmap.is_resumable(kinds) for kinds in in_handler].count(True) >= 1
    assert [stackmap.is_resumable(kinds) for kinds in in_handler].count(False) >= 2
    assert all(set("ex") & set(kinds) for kinds in kinds_at(source, "POP_EXCEPT"))


def test_what_nothing_reaches_is_left_out() -> None:
    code = list(codes_in(compile("def f():\n while True: pass\n", "here", "exec")))[1]
    assert 0 < len(stackmap.stack_map(code)) <= len(bc.decode(code).instructions)


def test_resume_map_keeps_away_from_pending_keyword_names_and_the_prologue() -> None:
    code = list(codes_in(compile("def f(x):\n def g(): return x\n h(x, k=1)", "c", "exec")))[1]
    names = {ins.offset: ins.name for ins in bc.decode(code).instructions}
    resumable = [names[offset] for offset in stackmap.resume_map(code)]
    assert "MAKE_CELL" not in resumable
    assert ("CALL_KW" if bc.MINOR >= (3, 13) else "KW_NAMES") in resumable
    assert "CALL" not in resumable


@pytest.mark.parametrize(
    ("kinds", "stack", "expected"),
    [
        ("", "", True),
        ("iv", "vv", True),
        ("mv", "0v", True),
        ("mv", "vv", True),
        ("0v", "vv", False),
        ("v", "0", False),
        ("v", "vv", False),
        ("w", "v", True),
        ("ex", "vv", False),
    ],
)
def test_fits(kinds: str, stack: str, expected: bool) -> None:
    assert stackmap.fits(kinds, stack) is expected
