"""The backend's input: a native module and its functions, with what they rely on."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import CodeType
from typing import NamedTuple

from pyvorin.ir.model import Function


class Assumption(NamedTuple):
    """A fact about names that the bodies rely on; checked when bound and whenever a namespace
    changed.

    kind     name            detail            holds while
    callee   global          function's name   globals[name] is that native function, still attached
    builtin  builtin's name  ""                no such global, and builtins[name] is CPython's own
    value    global          ""                globals[name] has the class of `value`, equals it
    current  global          ""                there is such a global; any object counts
    module   global          module's name     globals[name] is that module of the standard library
    attr     global          attribute         that module's own C function, or equal to `value`
    import   global          module.attribute  globals[name] is that module's own C function

    The callee's name is the `NativeFunction.name`. Every name that a `Const` source mentions should
    have an assumption that says what it is; a name without one is only required to stay the object
    it was when bound.
    """

    kind: str
    name: str
    detail: str = ""
    value: object = None
    owner: str = ""  # of an attr that is a C function: its `__module__`


class LoopHeader(NamedTuple):
    """Where a running frame can change over: the byte offset of a loop's first instruction, and the
    stack there ("v": a value, "0": NULL).
    """

    offset: int
    stack: str


@dataclass(slots=True)
class NativeFunction:
    """One Python function and its bodies. `name` is what `call.native` calls it: unique in the
    module, normally the qualified name. `headers` are numbered as `Entry.header` says.

    A comprehension with a function of its own (3.11) names the native function that it is in and
    its place among the constants there. `cells` are the variables that live in cells. `blames`:
    where CPython says that a local is unbound depends on how warm the code is. `grows`: runs made
    ints beyond 128 bits in it.
    """

    name: str
    code: CodeType
    bodies: list[Function]
    headers: list[LoopHeader] = field(default_factory=list)
    assumptions: list[Assumption] = field(default_factory=list)
    outer: str = ""
    const: int = -1
    cells: frozenset[int] = frozenset()
    blames: bool = False
    grows: bool = True


class Standalone(NamedTuple):
    """What makes an artifact importable by itself: the module's own code object and the path it was
    compiled from.
    """

    code: CodeType
    path: str


@dataclass(slots=True)
class NativeModule:
    """A module to build. `name` is its file's, without `.py`.

    `force` adds a test at every site that makes it leave when the environment variable
    PYVORIN_FORCE says so when the module is imported: `site:K` (site K, always), `every:N` (every
    N-th execution of any site), `once` (each site's first). Without it such a test costs nothing
    because it is not there. With the variable set, also to `keep`, no artifact gives a body up for
    leaving too often.
    """

    name: str
    functions: list[NativeFunction] = field(default_factory=list)
    standalone: Standalone | None = None
    force: bool = False
    optimise: int = 2  # LLVM's level
    cpu: str = "x86-64-v2"  # the least processor it is for

    @property
    def init_symbol(self) -> str:
        """What an import looks up, as `get_encoded_name` of CPython's Python/importdl.c makes it:
        any name a file can have, in ASCII.
        """
        last = self.name.rpartition(".")[2]
        if last.isascii():
            return "PyInit_" + last.replace("-", "_")
        return "PyInitU_" + last.encode("punycode").decode("ascii").replace("-", "_")
