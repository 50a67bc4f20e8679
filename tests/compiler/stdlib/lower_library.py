"""Pass library modules through the front half of the compiler: `lower_library.py FILE…`.

Each in a process of its own, since being compiled means being imported. Prints a line for each
module at which the compiler fails; one that cannot be imported here is no failure of it. The last
line says how many modules and functions were passed.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from pathlib import Path

from pyvorin.driver import lower_source
from pyvorin.options import CompileOptions

LIMIT_S = 120  # for one module


def main(files: list[str]) -> None:
    modules = functions = 0
    for file in files:
        said = in_child(file)
        if said.isdecimal():
            modules += 1
            functions += int(said)
        elif said != "not imported":
            print(f"{file}: {said or 'the process ended'}")
    print(modules, "modules,", functions, "functions")


def in_child(file: str) -> str:
    """What lowering the module says: the number of its functions, or why there is none."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        signal.alarm(LIMIT_S)
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        os.write(write, lower(file).encode())
        os._exit(0)
    os.close(write)
    with open(read, "rb") as said:
        text = said.read().decode()
    os.waitpid(pid, 0)
    return text


def lower(file: str) -> str:
    source = Path(file).read_text(encoding="utf-8", errors="replace")
    try:
        _, bodies, _ = lower_source(source, file, CompileOptions(on_unsupported="keep-python"))
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        imports = any(frame.name in ("load_source", "import_parents") for frame in frames)
        last = frames[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        return "not imported" if imports else f"{type(error).__name__}: {error} at {place}"[:500]
    return str(len(bodies.names()))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1:])
