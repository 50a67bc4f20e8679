"""Shape of the IR that the front end builds, and what it refuses."""

from types import FunctionType
from typing import Any

import pytest
from pyvorin.frontend.build import Built, build_function
from pyvorin.ir.model import Function, Maybe, Rep
from pyvorin.ir.text import parse, write
from pyvorin.ir.verify import verify

from tests.compiler.frontend.compare import CORPUS, load


def built(source: str) -> Built:
    names: dict[str, Any] = {}
    exec(source, names)
    function = next(x for x in names.values() if isinstance(x, FunctionType))
    return build_function(function)


def ir_of(source: str) -> Function:
    function = built(source).function
    assert function is not None
    verify(function)
    return function


def names_of(function: Function) -> list[str]:
    return [op.name for op in function.ops()]


def test_straight_line_code_is_one_block_without_stack_shuffles() -> None:
    function = ir_of("def f(a, b):\n    a, b = b, a\n    c = a + b\n    return c * a\n")
    assert names_of(function) == ["py.binop", "py.binop", "ret"]
    first, second, _ = function.ops()
    b, a = function.entries[0].block.params[1], function.entries[0].block.params[0]
    assert first.operands == [b, a]
    assert second.operands == [first.result, b]
    assert second.state is not None
    assert second.state.locals == (b, a, first.result)
    assert second.state.stack == (first.result, b)
    assert first.result.hint == "c"


def test_entry_names_all_parameters_keyword_only_ones_too() -> None:
    function = ir_of("def f(a, b=1, *, c=2):\n    d = a\n    return d\n")
    assert function.entries[0].slots == [("local", 0), ("local", 1), ("local", 2)]
    assert function.nlocals == 4


def test_headers_keep_every_local_and_stack_value() -> None:
    result = built(
        "def f(n):\n    for i in range(n):\n        x = i\n        while n:\n            n -= 1\n"
        "    later = 1\n    return later\n"
    )
    outer, inner = result.headers
    assert outer.slots == (
        ("local", 0),
        ("local", 1),
        ("bound", 1),
        ("local", 2),
        ("bound", 2),
        ("stack", 0),
    )
    assert (outer.stack, inner.stack) == ("v", "v")
    assert inner.slots == (("local", 0), ("local", 1), ("local", 2), ("stack", 0))
    for header in result.headers:
        reps = [param.rep for param in header.block.params]
        assert reps == [Rep.I1 if kind == "bound" else Rep.OBJ for kind, _ in header.slots]


def test_other_blocks_take_only_what_differs() -> None:
    function = ir_of(
        "def f(a, b):\n    if a:\n        c = 1\n    else:\n        c = 2\n    return b + c\n"
    )
    params = [len(block.params) for block in function.blocks[1:]]
    assert sum(params) <= 1  # c, or nothing where the compiler copied the return


def test_a_local_bound_on_some_paths_is_maybe_and_checked() -> None:
    function = ir_of(
        "def f(a):\n    if a:\n        x = 1\n    a += 1\n    a += 2\n    a += 3\n    return x\n"
    )
    check = next(op for op in function.ops() if op.name == "py.check")
    assert check.attrs == {"name": "x", "index": 1}
    assert check.state is not None
    assert isinstance(check.state.locals[1], Maybe)


def test_a_call_is_repeated_with_its_keyword_names() -> None:
    function = ir_of("def f(g, a):\n    return g(a, k=a)\n")
    call = next(op for op in function.ops() if op.name == "py.call")
    assert call.attrs["kwnames"] == ("k",)
    assert call.state is not None
    assert call.state.offset <= call.offset
    assert call.state.stack.count(None) == 1


def test_raise_leaves_at_the_start_of_its_statement() -> None:
    function = ir_of("def f(a):\n    raise ValueError(str(a))\n")
    assert names_of(function) == ["leave"]


def test_a_loop_behind_an_unmodelled_instruction_keeps_its_header() -> None:
    result = built("def f(n):\n    import math\n    while n:\n        n -= 1\n    return n\n")
    assert [finding.kind for finding in result.findings] == ["instruction"]
    (header,) = result.headers
    assert result.function is not None
    assert header.block in result.function.blocks
    assert "py.binop" in [op.name for op in header.block.ops]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("def f():\n    yield 1\n", "generator"),
        ("async def f():\n    return 1\n", "coroutine"),
        ("async def f():\n    yield 1\n", "async generator"),
        ("def f(*a):\n    return a\n", "star arguments"),
        ("def f(**a):\n    return a\n", "keyword arguments"),
    ],
)
def test_functions_without_ir_say_why(source: str, kind: str) -> None:
    result = built(source)
    assert result.function is None
    assert kind in [finding.kind for finding in result.findings]


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_text_is_read_back_as_the_same_ir(path: Any) -> None:
    for body in load(path).bodies.values():
        text = write(body.function)
        copy = parse(text)
        verify(copy)
        assert write(copy) == text


def test_bytecode_with_long_jumps_and_many_locals() -> None:
    lines = [f"    v{i} = a + {i + 1000}" for i in range(300)]
    body = "\n".join(f"    {line}" for line in lines)
    function = ir_of(f"def f(a):\n    while a < 5:\n{body}\n        a += v299\n    return v7\n")
    assert function.nlocals == 301
    assert "py.check" in names_of(function)
