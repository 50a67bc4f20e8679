"""From verified bytes to a loaded extension module, with no file name in between that someone could
swap.

The bytes are copied to an anonymous file (memfd_create), which is then sealed: from there on
nobody, this process included, can write, grow or shrink it. The dynamic linker opens it through
/proc/self/fd. The descriptor stays open for the life of the process, so its number, and thus its
path, is never used for other bytes, and debuggers can still read symbols from it.
"""

from __future__ import annotations

import fcntl
import os
from importlib._bootstrap import module_from_spec  # `importlib.util` imports more
from importlib.machinery import ExtensionFileLoader, ModuleSpec

from pyvorin_thin.errors import ProvenanceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Final

SEALS: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def sealed(name: str, data: bytes) -> int:
    """A sealed anonymous file holding exactly `data`; the caller owns the descriptor."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
        if fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & SEALS != SEALS:
            raise ProvenanceError("PYV861", "the kernel did not seal the memory file")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def load_extension(module: str, payload: bytes) -> ModuleType:
    """Load a shared object's bytes as an extension module, without entering it in `sys.modules`.

    Raises ProvenanceError if it cannot be loaded; nothing of it ran then but what `dlopen` runs.
    """
    descriptor = sealed(module, payload)
    path = f"/proc/self/fd/{descriptor}"
    loader = ExtensionFileLoader(module, path)
    spec = ModuleSpec(module, loader, origin=path)
    try:
        native = module_from_spec(spec)
        native.__dict__["__attach_only__"] = True  # a standalone artifact then runs no module code
        loader.exec_module(native)
    except (ImportError, SystemError) as error:
        os.close(descriptor)
        raise ProvenanceError("PYV810", f"the native module cannot be loaded: {error}") from error
    return native
