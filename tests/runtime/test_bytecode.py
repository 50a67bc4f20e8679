from __future__ import annotations

import dis
import os
import random
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

import pytest
from pyvorin_runtime import bytecode as bc

from tests.thirds import third

LIBRARY = Path(os.__file__).parent
SHARES = 2  # of the modules of a run, a test each


def library_files() -> list[Path]:
    """Modules of the standard library, in an order that is shuffled but the same each time."""
    skipped = {"site-packages", "lib2to3", "idlelib"}
    files = [f for f in sorted(LIBRARY.rglob("*.py")) if not skipped & set(f.parts)]
    random.Random(3).shuffle(files)
    return files


def codes_in(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes_in(constant)


class Library(SourceFileLoader):
    """Takes what CPython has compiled already where it is there, and writes nothing beside it."""

    def set_data(self, path: str, data: object, *, _mode: int = 0) -> None:
        pass


def library_codes(files: list[Path]) -> Iterator[CodeType]:
    for file in files:
        try:
            module = Library(file.stem, str(file)).get_code(file.stem)
        except (SyntaxError, ValueError):
            continue  # the test suite keeps files that are meant not to compile
        assert module is not None
        yield from codes_in(module)


def assert_identical(code: CodeType) -> None:
    again = bc.assemble(bc.decode(code), code)
    assert again.co_code == code.co_code
    assert again.co_exceptiontable == code.co_exceptiontable
    assert again.co_linetable == code.co_linetable, "positions, too, are in it"


@pytest.mark.filterwarnings("ignore")
def test_reassembling_a_sample_of_the_library_gives_the_same_bytes() -> None:
    codes = list(library_codes(library_files()[:60]))
    for code in codes:
        assert_identical(code)
    assert len(codes) > 1000


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("share", range(SHARES))
def test_reassembling_the_whole_library_gives_the_same_bytes(share: int) -> None:
    """Each minor takes a third in turn, beside the sample, which is always the same."""
    files = third(library_files())[share::SHARES]
    codes = list(library_codes(files))
    for code in codes:
        assert_identical(code)
    assert len(codes) > 10 * len(files)


def test_decoding_agrees_with_dis() -> None:
    for code in codes_in(compile(Path(__file__).read_bytes(), "here", "exec")):
        shown = [i for i in dis.get_instructions(code) if i.opname not in ("CACHE", "EXTENDED_ARG")]
        ours = bc.decode(code).instructions
        assert [i.opname for i in shown] == [i.name for i in ours]
        for theirs, mine in zip(shown, ours, strict=True):
            assert theirs.offset == mine.offset + 2 * mine.prefixes
            if mine.target is not None:
                assert theirs.argval == mine.target.offset


def long_body(lines: int) -> CodeType:
    """A loop whose body is too long for one-byte jumps, in a try with a handler far away."""
    body = "\n".join(f"            x += {k} * n - x // 3" for k in range(lines))
    source = (
        "def f(n):\n    x = 1\n    try:\n        for i in range(n):\n"
        f"            if i == 2: continue\n{body}\n        return x // (n - 3)\n"
        "    except ZeroDivisionError as error:\n        return str(error)\n"
    )
    module = compile(source, "long", "exec")
    return next(code for code in codes_in(module) if code.co_name == "f")


@pytest.mark.parametrize("lines", [1, 30, 400, 5000])
@pytest.mark.parametrize("inserted", [1, 100, 300])
def test_inserting_moves_jumps_handlers_and_lines(lines: int, inserted: int) -> None:
    code = long_body(lines)
    decoded = bc.decode(code)
    middle = len(decoded.instructions) // 2
    if "END_FOR" in (ins.name for ins in decoded.instructions[middle - 1 : middle + 1]):
        middle += 2  # an exhausted FOR_ITER skips a fixed distance there
    decoded.instructions[middle:middle] = [bc.Instruction("NOP") for _ in range(inserted)]
    changed = bc.assemble(decoded, code)
    assert len(changed.co_code) >= len(code.co_code) + 2 * inserted
    one, other = type(long_body)(code, {}), type(long_body)(changed, {})
    assert [one(n) for n in range(5)] == [other(n) for n in range(5)]
    again = [i for i in bc.decode(changed).instructions if i.position != bc.NO_POSITION]
    kept = [i for i in bc.decode(code).instructions if i.position != bc.NO_POSITION]
    assert [(i.name, i.position) for i in again] == [(i.name, i.position) for i in kept]


def test_a_specialised_function_decodes_as_compiled() -> None:
    def f(n: int) -> int:
        total = 0
        for i in range(n):
            total += i
        return total

    before = f.__code__.co_code
    for _ in range(100):
        f(100)
    names = [ins.name for ins in bc.decode(f.__code__).instructions]
    assert f.__code__.co_code == before
    assert "BINARY_OP" in names
    assert_identical(f.__code__)


def test_a_traced_function_decodes_as_compiled() -> None:
    def f(n: int) -> int:
        names = [ins.name for ins in bc.decode(f.__code__).instructions]
        assert not any(name.startswith("INSTRUMENTED") for name in names)
        return n

    sys.settrace(lambda *_: None)
    try:
        f(1)
    finally:
        sys.settrace(None)
    assert_identical(f.__code__)


@pytest.mark.parametrize(
    "position",
    [
        (None, None, None, None),
        (5, 5, None, None),
        (5, 5, 3, 9),
        (5, 5, 79, 94),
        (5, 5, 80, 81),
        (6, 6, 127, 127),
        (7, 7, 128, 4000),
        (1, 90, 0, 0),
        (70000, 70001, 12, 3),
    ],
)
def test_positions_survive(position: bc.Position) -> None:
    code = long_body(1)
    decoded = bc.decode(code)
    for ins in decoded.instructions[3:7]:
        ins.position = position
    changed = bc.assemble(decoded, code)
    assert [i.position for i in bc.decode(changed).instructions[3:7]] == [position] * 4
    assert [i.position for i in bc.decode(changed).instructions[7:]] == [
        i.position for i in bc.decode(code).instructions[7:]
    ]
