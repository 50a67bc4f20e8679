"""How often a loop asks for native code where asking is in vain: after each time it lets twice as
many passes by.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tests.compiler.golden.native import artifact_of

SOURCE = """
def added(row):
    total = 0.0
    for x in row:
        total += x * 0.5
    return total

added([1.0, 2.0])
"""


def test_a_loop_asks_more_and_more_seldom(tmp_path: Path) -> None:
    source = tmp_path / "budget.py"
    source.write_text(SOURCE)
    artifact = artifact_of(source, tmp_path)
    spec = importlib.util.spec_from_file_location("budget", artifact)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ((_, (hook,), *_),) = module.native
    for passes in (1, 3, 7, 15, 31):
        assert bool(hook), passes
        assert next(hook, "no") == "no"  # this frame is not one of the function's
        assert [bool(hook) for _ in range(passes)] == [False] * passes
    assert module.added([1.0, 2.0, 3.0]) == 3.0
    while not hook:
        pass
    assert module.added(iter([1.0, 2.0])) == 1.5


def test_calls_that_never_go_in_ask_seldom_until_one_does(tmp_path: Path) -> None:
    source = tmp_path / "starts.py"
    source.write_text("def scaled(x):\n    return x * 0.5 + 1.0\n\nscaled(2.0)\n")
    spec = importlib.util.spec_from_file_location("starts", artifact_of(source, tmp_path))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def entered() -> int:
        return int(module.scaled.__pyvorin__.counts["entries"])

    assert [module.scaled(2j) for _ in range(15)] == [1 + 1j] * 15
    module.scaled(2.0)
    before = entered()
    assert before > 0, "a few calls in vain close nothing"
    assert [module.scaled(2j) for _ in range(1000)] == [1 + 1j] * 1000
    assert entered() == before
    asked = 0
    while entered() == before:
        assert module.scaled(3.0) == 2.5
        asked += 1
    assert 1 < asked <= 2 * 65, asked
    for _ in range(100):
        assert module.scaled(3.0) == 2.5
    assert entered() == before + 101
