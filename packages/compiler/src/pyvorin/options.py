"""What one compilation was asked to do. Values only: nothing here reads a file or an environment
variable."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from pyvorin.check.case import Inputs

OnUnsupported = Literal["error", "keep-python"]

MIN_SPEEDUP: Final = 1.2
DEFAULT_SEED: Final = 0x7F3A
NO_INPUTS: Final = Inputs()


class CompileOptions(NamedTuple):
    """The options of `pyvorin compile` that change what is built.

    functions       qualified names to compile; None means every function of the module
    exclude         functions left in Python although they could be compiled (measured: no gain)
    on_unsupported  "error": a function that cannot be compiled stops the build;
                    "keep-python": it stays Python and is listed
    min_speedup     a function that gains less than this is not shipped
    inputs          representative calls; their types seed inference; check and gain run them
    opt_level       0 to 3: how much time the code generator may take
    force           add a test to every guard that makes it fail on request (PYVORIN_FORCE)
    cpu             baseline CPU level of the generated code
    """

    functions: tuple[str, ...] | None = None
    exclude: frozenset[str] = frozenset()
    on_unsupported: OnUnsupported = "error"
    min_speedup: float = MIN_SPEEDUP
    inputs: Inputs = NO_INPUTS
    opt_level: int = 2
    force: bool = False
    cpu: str = "x86-64-v2"

    def wants(self, qualname: str) -> bool:
        """Whether the function of this name is to become native."""
        if qualname in self.exclude:
            return False
        return self.functions is None or qualname in self.functions
