"""This package as one blob of bytes, for an artifact that is importable without it.

An artifact evaluates the blob in a namespace of its own and finds the package there::

    marshal.loads(bundle())  --exec in {}-->  {"runtime": <module pyvorin_runtime_3f9c2d>, …}

The name in `sys.modules` is private and ends in a digest of the contents: artifacts that carry the
same runtime share one, artifacts that carry different ones do not meet, and an installed
`pyvorin_runtime` is left alone. Docstrings are left out. The same sources give the same bytes, and
no path of the building machine is in them. A blob is for the minor that made it, as marshalled code
always is.
"""

from __future__ import annotations

import marshal
from pathlib import Path

from .codehash import digest_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

_MODULES = ("bytecode", "stackmap", "codehash", "merge", "instrument", "attach")
"""In the order of their imports: each finds what it imports in `sys.modules`."""

_BOOTSTRAP = """\
import marshal, sys
NAME = {name!r}
MODULES = {modules!r}
def load():
    package = sys.modules.get(NAME)
    if package is not None:
        return package
    package = type(sys)(NAME)
    package.__path__ = []
    package.__package__ = NAME
    sys.modules[NAME] = package
    for each, code in MODULES:
        module = type(sys)(NAME + "." + each)
        module.__package__ = NAME
        sys.modules[module.__name__] = module
        exec(marshal.loads(code), module.__dict__)
        setattr(package, each, module)
    return package
runtime = load()
"""


def bundle() -> bytes:
    """Return marshalled code that puts the package in `sys.modules` once, and in `runtime`."""
    modules = [(each, marshal.dumps(_compiled(each))) for each in _MODULES]
    name = "pyvorin_runtime_" + digest_of(repr(modules).encode())[:12]
    source = _BOOTSTRAP.format(name=name, modules=modules)
    return marshal.dumps(compile(source, f"<{name}>", "exec", dont_inherit=True))


def _compiled(module: str) -> CodeType:
    source = (Path(__file__).parent / f"{module}.py").read_bytes()
    return compile(source, f"<pyvorin_runtime>/{module}.py", "exec", dont_inherit=True, optimize=2)
