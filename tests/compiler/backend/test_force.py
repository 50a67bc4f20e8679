"""Programs that once could not be built with a test at every guard."""

from pyvorin.check.inputs import collect
from pyvorin.driver import compile_module
from pyvorin.options import CompileOptions

STORES = """
def fill(items, n):
    for i in range(len(items)):
        items[i] = n * i
    return items

def scale(items, x):
    for i in range(len(items)):
        items[i] = items[i] * x
    return items

fill([1, 2, 3], 5)
scale([0.5, 1.5], 2.0)
"""


def test_stores_into_lists_can_be_forced_to_leave() -> None:
    options = CompileOptions(inputs=collect(STORES, "stores.py"), force=True)
    compiled = compile_module(STORES, "stores.py", options)
    assert [item.verdict for item in compiled.functions] == ["native", "native"]
