"""The code that a standalone artifact runs when it is imported: the module's own, instrumented.

It is a marshalled code object, evaluated in the module's namespace.
"""

from __future__ import annotations

from pyvorin.backend.unit import Standalone


def starter(standalone: Standalone | None) -> bytes:
    """The marshalled code, or nothing for an artifact that is only attached."""
    if standalone is None:
        return b""
    raise NotImplementedError
