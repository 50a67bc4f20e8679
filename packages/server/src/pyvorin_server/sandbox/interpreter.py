"""Which paths of the host an isolated interpreter needs to read, and no more.

The interpreter itself is asked once, on the host and with `-I`, where it looks for modules; so a
virtual environment, an editable install and a system Python each give their own narrow list.
"""

import functools
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

from pyvorin_server.sandbox.model import Bind, JailRefused

_QUESTION: Final = """
import json, sys
print(json.dumps([sys.executable, sys.prefix, sys.base_prefix, sys.path]))
"""
_TIMEOUT_S: Final = 60
SYSTEM_LIBRARIES: Final = ("/usr/lib", "/usr/lib64", "/lib", "/lib64")


@functools.lru_cache(maxsize=32)
def python_binds(interpreter: str) -> tuple[Bind, ...]:
    """Binds for running `interpreter` with `-I`. Raises JailRefused if it does not start."""
    executable, prefix, base_prefix, module_path = _ask(interpreter)
    paths = [Path(path) for path in SYSTEM_LIBRARIES]
    paths += _link_chain(Path(interpreter)) + _link_chain(Path(executable))
    paths.append(Path(base_prefix) / "lib")
    if prefix != base_prefix:
        paths.append(Path(prefix) / "pyvenv.cfg")
    paths += [Path(path) for path in module_path]
    return tuple(Bind(path) for path in dict.fromkeys(paths) if os.path.lexists(path))


def _ask(interpreter: str) -> Any:
    command = [interpreter, "-I", "-c", _QUESTION]
    try:
        answer = subprocess.run(
            command, capture_output=True, env={}, timeout=_TIMEOUT_S, check=True
        )
        return json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise JailRefused("interpreter", f"{interpreter} does not start: {error}") from error


def _link_chain(path: Path) -> list[Path]:
    """`path` and every file its symbolic links lead through, the real one last."""
    chain = [path]
    while chain[-1].is_symlink():
        step = chain[-1].readlink()
        chain.append(Path(os.path.normpath(chain[-1].parent / step)))
    return chain
