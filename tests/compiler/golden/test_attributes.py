"""Attributes of instances, on edges: classes of every kind that keep or compute them, with guards
made to fail now and then and always. `behaviours/attributes.py` changes classes while a loop runs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compiler.fuzz.engine import Plan, run_program
from tests.compiler.golden.native import compiled, driver, in_turn, program_of

pytestmark = pytest.mark.slow

FILE = Path(__file__).parent / "behaviours" / "attributes.py"
SOURCE = FILE.read_text(encoding="utf-8").partition("def mixed_classes")[0]
INSTANCES = (
    "Point(1, 2)", "Point(1.5, 0)", "Point(True, None)", "Point('a', 0)", "Point(10**30, 0)",
    "Point(2**63 - 1, 0)", "Point([1], 0)", "Child(2, 3)", "Slotted(3, 4)", "Slotted(-0.0, 4)",
    "Mixed(4, 5)", "Reversed(5, 6)", "Computed(7)", "Dynamic()", "Watching(9)", "Asked(6, 7)",
    "Point", "None", "5", "'a'", "[1]", "total", "Point.__new__(Point)", "Slotted.__new__(Slotted)",
    "(lambda p: p.__dict__ and p)(Point(1, 2))",
    "(lambda p: setattr(p, 'kind', 3) or p)(Child(1, 2))",
)  # fmt: skip


def calls() -> list[tuple[str, bool]]:
    recorded = [
        "total([Point(1, 2), Point(2, 3)])", "move([Point(1, 2), Point(2, 3)], 1)",
        "grow(Point(1, 0), 3)", "fill(Slotted(1, 0), [1, 2])", "kinds([Point(1, 2)])",
        "same(Point(1, 2), 3)", "total([Slotted(1.5, 2)])",
    ]  # fmt: skip
    others = [f"{name}([{a}, {b}])" for name in ("total", "kinds")
              for a in INSTANCES for b in INSTANCES[::3]]  # fmt: skip
    others += [f"move([{a}, {b}], {dx})" for a in INSTANCES for b in INSTANCES[::5]
               for dx in ("1", "0.5", "'x'")]  # fmt: skip
    others += [f"{name}({a}, {n})" for name in ("grow", "same") for a in INSTANCES for n in (1, 9)]
    others += [f"fill({a}, [{b}, 1, 2.5, None, 10**40, 7, {b}, 'x'])"
               for a in INSTANCES for b in INSTANCES[::4]]  # fmt: skip
    return [(call, True) for call in recorded] + [(call, False) for call in in_turn(others)]


def test_attributes_answer_as_cpython() -> None:
    forced = ("keep", "once", "every:1", "every:2", "every:3")
    result = run_program(program_of(SOURCE, calls()), driver.compile_module, Plan(forced=forced))
    assert not result.failures, "\n".join(result.failures[:20])
    assert result.native >= 6, result.reasons
    assert result.agreed > 1000


LOOP = """
class Point:
    def __init__(self, x):
        self.x = x

class Slotted:
    __slots__ = ("x",)
    def __init__(self, x):
        self.x = x

def bump(p, n):
    for i in range(n):
        p.x = p.x + i
    return p.x
"""


def test_a_loop_over_attributes_stays_native(tmp_path: Path) -> None:
    """Values and slots of several classes at one place; an int that grows leaves once."""
    from pyvorin.check import load

    path = str(tmp_path / "looping.py")
    artifact = tmp_path / "looping.so"
    artifact.write_bytes(compiled(LOOP + "\nbump(Point(1), 3)\nbump(Slotted(1), 3)\n", path)[0])
    module = load.load_artifact(str(artifact), path, "looping")
    for cls in [
        module.Point,
        module.Slotted,
        *(type(f"C{i}", (module.Point,), {}) for i in range(2)),
    ]:
        assert module.bump(cls(5), 1000) == 5 + sum(range(1000))
    counts = module.bump.__pyvorin__.counts
    assert counts["entries"] >= 4
    assert counts["resumes"] == 0, counts
