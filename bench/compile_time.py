"""What compiling costs: CPU time, memory and native text, over the number of functions.

    python bench/compile_time.py             the curve up to 1,000 functions
    python bench/compile_time.py 5 200       these sizes only

The functions are those of `examples` and `bench/programs`, whole modules at a time, copied under
new names until there are enough; calls are those of their doctests and samples. Each size is
compiled in a process of its own. Collecting the calls, which runs the program, is not counted; the
import of the compiler is, and so is recording. Writes `bench/results/compile_time.{txt,json}`.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import json
import os
import platform
import re
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench/results"
SIZES = (5, 20, 50, 100, 200, 500, 1000)
SMALLEST = "def f(x):\n    return x\n"
MAX_SECONDS = 600


def modules() -> Iterator[str]:
    """Yield each real module without its main block, its sample calls as doctests."""
    sys.path.insert(0, str(ROOT / "bench"))
    from workloads import WORKLOADS

    samples = {w.program: f"{w.function}({', '.join(map(repr, w.sample))})" for w in WORKLOADS}
    for path in [*sorted(ROOT.glob("examples/*.py")), *sorted(ROOT.glob("bench/programs/*.py"))]:
        source = path.read_text()
        lines = source.splitlines()
        for node in reversed(ast.parse(source).body):
            if isinstance(node, ast.If) or (isinstance(node, ast.Expr) and node.lineno == 1):
                del lines[node.lineno - 1 : node.end_lineno]
        call = samples.get(path.stem)
        if call is not None:
            lines.append(f"def sample_of_{path.stem}():\n    '''\n    >>> _ = {call}\n    '''\n")
        yield "\n".join(lines) + "\n"


def renamed(source: str, number: int) -> tuple[str, int]:
    """Return a copy whose top-level names end in a number, and how many functions it has."""
    names = set()
    count = 0
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
            count += not node.name.startswith("sample_of_")
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    pattern = rf"(?<![.\w])({'|'.join(sorted(names, key=len, reverse=True))})\b"
    return re.sub(pattern, rf"\1_{number}", source), count


def program(size: int) -> tuple[str, int]:
    """Return a program of at least so many functions, and how many."""
    parts: list[str] = []
    functions = 0
    known = list(modules())
    for number, source in enumerate(itertools.cycle(known)):
        if functions >= size:
            return "\n\n".join(parts), functions
        text, count = renamed(source, number)
        parts.append(text)
        functions += count
    raise AssertionError


def measure(path: str) -> dict[str, Any]:
    """Compile a file in this process."""
    began = time.process_time()
    from pyvorin import driver
    from pyvorin.cli import request
    from pyvorin.cli.arguments import parse

    imported = time.process_time()
    driver.warm()
    options = parse(["compile", path, "--on-unsupported", "keep-python"])
    wanted = request.make(options, run=True)
    ready = time.process_time()
    compiled = driver.compile_module(wanted.source, path, wanted.options)
    done = time.process_time()
    assert compiled.shared_object is not None
    return {
        "import_s": round(imported - began, 3),
        "compile_s": round(done - ready, 3),
        "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "native": sum(outcome.verdict == "native" for outcome in compiled.functions),
        "text_bytes": text_bytes(compiled.shared_object),
        "file_bytes": len(compiled.shared_object),
    }


def text_bytes(elf: bytes) -> int:
    """Return the size of the executable segment of a 64-bit little-endian ELF file."""
    table, size, count = struct.unpack_from("<Q14xHH", elf, 32)
    headers = (struct.unpack_from("<IIQQQQ", elf, table + size * n) for n in range(count))
    return sum(header[5] for header in headers if header[0] == 1 and header[1] & 1)


def in_a_process(source: str) -> dict[str, Any]:
    """Measure a program of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "many.py")
        path.write_text(source)
        command = [sys.executable, __file__, "--measure", str(path)]
        environment = {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
        answer = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=MAX_SECONDS,
            check=True,
            env=environment,
        )
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return found


def curve(sizes: list[int]) -> Iterator[dict[str, Any]]:
    """Yield a row a size."""
    in_a_process(SMALLEST)  # bytecode and the support library are made once a machine, not counted
    alone = in_a_process(SMALLEST)["text_bytes"]
    for size in sizes:
        source, functions = program(size)
        row = {"functions": functions, **in_a_process(source)}
        row["text_per_function"] = (row["text_bytes"] - alone) // max(row["native"], 1)
        yield row


HEAD = "functions  native  import s  compile s  ms a function  memory MiB  text a function"


def line(row: dict[str, Any]) -> str:
    """Return a row of the table."""
    each = row["compile_s"] * 1000 / row["functions"]
    return (
        f"{row['functions']:9}  {row['native']:6}  {row['import_s']:8.2f}  {row['compile_s']:9.2f}"
        f"  {each:13.1f}  {row['memory_mib']:10}  {row['text_per_function'] / 1024:11.1f} KiB"
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--measure", metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    load = f"load {os.getloadavg()[0]:.1f}"
    machine = f"{platform.machine()}, {os.cpu_count()} processors, {load}"
    lines = [f"CPython {platform.python_version()}, {machine}; CPU time of one process a row", HEAD]
    print("\n".join(lines), flush=True)
    rows = []
    for row in curve(options.sizes):
        rows.append(row)
        lines.append(line(row))
        print(lines[-1], flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "compile_time.txt").write_text("\n".join(lines) + "\n")
    content = {"python": platform.python_version(), "machine": machine, "rows": rows}
    (RESULTS / "compile_time.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
