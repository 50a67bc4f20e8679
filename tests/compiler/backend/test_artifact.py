"""The extension module as a file: reproducible, importable alone, closed to stray symbols."""

from __future__ import annotations

import hashlib
import importlib.machinery
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from pyvorin.backend import llvm
from pyvorin.backend.body import EMIT
from pyvorin.backend.elf import LinkError
from pyvorin.backend.layouts import LAYOUTS, probe, running_layout
from pyvorin.backend.link import link
from pyvorin.backend.module import (
    LoopHeader,
    NativeFunction,
    NativeModule,
    Standalone,
    build,
    metadata,
    parts,
)
from pyvorin.backend.object import compile_text
from pyvorin.ir.optable import OPS
from pyvorin.ir.text import parse

from tests.compiler.backend import programs
from tests.compiler.backend.attached import Written, built, source_function

SOURCE = programs.SOURCE + "\nHERE = __name__, fib(5), tight.__pyvorin__.state\n"


def _written() -> list[Written]:
    functions = programs.functions()
    return [programs.fib(functions["fib"]), programs.tight(functions["tight"])]


def _native(written: list[Written]) -> list[NativeFunction]:
    return [
        NativeFunction(
            w.function.__name__,
            w.function.__code__,
            [parse(body) for body in w.bodies],
            list(w.headers),
            list(w.assumptions),
        )
        for w in written
    ]


def _module(name: str, standalone: Standalone | None = None) -> NativeModule:
    return NativeModule(name, _native(_written()), standalone)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    standalone = Standalone(compile(SOURCE, "alone.py", "exec", dont_inherit=True), "alone.py")
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    path = tmp_path_factory.mktemp("artifact") / f"alone{suffix}"
    path.write_bytes(build(_module("alone", standalone)))
    return path


def _run(code: str, path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            f"import sys; sys.path.insert(0, {str(path.parent)!r})\n{code}",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **variables},
        check=False,
    )


def test_an_artifact_can_be_imported_by_itself(artifact: Path) -> None:
    run = _run(
        "import alone; print(alone.HERE, alone.fib(20), alone.fib.__pyvorin__.counts)", artifact
    )
    assert "('alone', 5, 'native') 6765 {'entries': 2" in run.stdout, run.stderr


def test_importing_it_twice_leaves_the_first_copy_attached(artifact: Path) -> None:
    code = (
        "import alone as a; del sys.modules['alone']; "
        "import alone as b; print(a.fib(10), b.fib(10))"
    )
    run = _run(code, artifact)
    assert run.stdout == "55 55\n", run.stderr


def test_a_subinterpreter_may_not_import_it(artifact: Path) -> None:
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    inside = f"import sys; sys.path.insert(0, {str(artifact.parent)!r}); import alone"
    code = f"import {name} as i; n = i.create(); r = i.run_string(n, {inside!r}); print(r)"
    run = _run(code, artifact)
    assert "ImportError" in run.stdout + run.stderr


def test_the_same_input_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    root = Path(__file__).parents[3]
    code = (
        "import hashlib; from tests.compiler.backend.test_artifact import _module; "
        "from pyvorin.backend.module import build; "
        "print(hashlib.sha256(build(_module('same'))).hexdigest())"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
            env={**env, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert answers == {hashlib.sha256(build(_module("same"))).hexdigest()}


def test_meta_lists_functions_points_and_sites() -> None:
    meta = json.loads(metadata(_module("meta")))
    assert meta["python"] == f"3.{sys.version_info.minor}"
    fib, tight = meta["functions"]
    assert fib["qualname"] == "fib"
    assert [stack for _, stack in fib["points"]].count("") == 1
    assert {site["reason"] for site in fib["sites"]} == {"poll", "call.native", "i64.add"}
    assert len(tight["headers"]) == 1


def test_no_segment_is_writable_and_executable() -> None:
    content = built(*_written())
    offset, size, count = (
        *struct.unpack_from("<Q", content, 32),
        *struct.unpack_from("<HH", content, 54),
    )
    flags = [struct.unpack_from("<II", content, offset + size * n) for n in range(count)]
    assert all(bits & 3 != 3 for _, bits in flags)
    assert sum(bits & 1 for _, bits in flags) == 1


def test_a_symbol_off_the_list_is_refused() -> None:
    text = (
        "declare i64 @__divti3(i64)\n"
        "define i64 @f(i64 %a) {\n  %r = call i64 @__divti3(i64 %a)\n  ret i64 %r\n}\n"
    )
    with pytest.raises(LinkError, match="__divti3"):
        link([compile_text(text, 2, "x86-64-v2")], "f", lambda name: name.startswith("Py"), "x.so")


WIDE_SHIFTS = """
function 'shift' index=0 variant='wide' result=i128 nlocals=2
entry ENTRY start [('local', 0), ('local', 1)]

start(%0:i128, %1:i64):
  %2:i128 = i128.shl %0, %1 [0 | %0, %1 | ]
  %3:i128 = i128.shr %2, %1 [0 | %0, %1 | ]
  ret %3
"""


def test_wide_shifts_in_a_loops_body_need_no_library_of_the_compiler() -> None:
    """LLVM would call libgcc for them in a function that is to be as small as possible."""
    function = source_function("def shift(a, n):\n    while a:\n        pass\n", "shift")
    bodies = tuple(WIDE_SHIFTS.replace("ENTRY", entry).lstrip() for entry in ("-1", "0"))
    assert built(Written(function, bodies, (LoopHeader(2, ""),), ()))


def test_a_hot_body_that_was_copied_everywhere_may_be_gone() -> None:
    text = "define internal i32 @copied() {\n  ret i32 1\n}\n"
    text += "define i32 @f() {\n  %x = call i32 @copied() alwaysinline\n  ret i32 %x\n}\n"
    assert compile_text(text, 2, "x86-64-v2", {"copied", "f"})


def test_functions_that_call_each_other_are_in_one_part(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = _native([_written()[1], *programs.chain(programs.functions()), _written()[0]])
    direct = {"outer": ["middle"], "middle": ["divide"], "fib": ["fib"]}
    assert parts(functions, direct) == [0, 0, 0, 0, 0]
    monkeypatch.setattr("pyvorin.backend.module.MOST_OPS", 1)
    assert parts(functions, direct) == [0, 1, 1, 1, 2]


def test_every_row_of_the_table_has_an_emitter() -> None:
    assert llvm.MISSING == []
    assert EMIT.keys() <= OPS.keys()


def test_the_running_interpreter_is_laid_out_as_its_table_says() -> None:
    assert list(probe(running_layout())) == []


def test_the_probe_notices_a_wrong_number() -> None:
    right = LAYOUTS[sys.version_info.minor]
    names = ("list_items", "float_value", "func_code", "frame_locals", "str_compact", "iter_index")
    for name in names:
        wrong = right._replace(**{name: getattr(right, name) + 8})
        assert list(probe(wrong)), name
