"""Pyvorin's client for Python programs.

    import pyvorin_thin
    pyvorin_thin.install()                  # imports attach native code from now on

    @pyvorin_thin.compiled                  # or function by function
    def f(x): ...

    f.__pyvorin__                           # state, reason, counts

Importing this package imports no network, no cryptography and no data formats.
"""

from pyvorin_thin.hook import compiled, install, uninstall

__all__ = ["compiled", "install", "uninstall"]
__version__ = "0.1.0"
