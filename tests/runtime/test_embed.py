from __future__ import annotations

import marshal
import subprocess
import sys
from pathlib import Path
from typing import Any

from pyvorin_runtime import embed

SCRIPT = """
import sys
before = set(sys.modules)
import marshal
blob = open(sys.argv[1], "rb").read()
one, two = {}, {}
exec(marshal.loads(blob), one)
exec(marshal.loads(blob), two)
assert one["runtime"] is two["runtime"]
runtime = one["runtime"]
assert runtime.__name__.startswith("pyvorin_runtime_")
assert "pyvorin_runtime" not in sys.modules

def f(n):
    for i in range(n):
        pass
    return n

no = iter(())
merge = runtime.merge
f.__code__ = merge.merge(f.__code__, [], [], merge.Hooks(no, [], no, None))
assert f(3) == 3
heavy = {"ast", "dis", "inspect", "typing", "dataclasses", "json", "re", "collections", "hashlib"}
print(sorted(heavy & (set(sys.modules) - before)))
"""


def test_bundle_works_alone_and_once(tmp_path: Path) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(embed.bundle())
    isolated = [sys.executable, "-I", "-S", "-c", SCRIPT, str(blob)]
    done = subprocess.run(isolated, capture_output=True, text=True, timeout=600)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_bundle_is_reproducible_and_names_no_path() -> None:
    blob = embed.bundle()
    assert blob == embed.bundle()
    assert str(Path(embed.__file__).parent).encode() not in blob


def test_bundle_has_every_module_that_attach_needs() -> None:
    namespace: dict[str, Any] = {}
    exec(marshal.loads(embed.bundle()), namespace)
    runtime = namespace["runtime"]
    try:
        assert callable(runtime.attach.attach)
        assert callable(runtime.instrument.instrument)
        assert runtime.attach.attach.__code__.co_filename == "<pyvorin_runtime>/attach.py"
    finally:
        for name in [name for name in sys.modules if name.startswith(runtime.__name__)]:
            del sys.modules[name]
