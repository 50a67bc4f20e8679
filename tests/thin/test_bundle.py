"""What is sent beside a program is what Python would import from beside it, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pyvorin_thin import build, bundle, cli, config
from pyvorin_thin.build import Consent
from pyvorin_thin.errors import LimitError, UsageError
from pyvorin_thin.switches import SEND_SOURCE

from tests.thin.test_build import run

TREE = {
    "pkg/__init__.py": "from . import first\n",
    "pkg/first.py": "import shared.deep.leaf\n",
    "pkg/rates.py": "from .sub import table as t\nRATE = 3\n",
    "pkg/sub/__init__.py": "",
    "pkg/sub/table.py": "from ..first import shared\nimport json, math\n",
    "pkg/sub/unused.py": "1 / 0\n",
    "pkg/app.py": "from .rates import RATE\nimport plain\n\ndef f(x):\n    return x * RATE\n",
    "shared/deep/leaf.py": "",
    "plain.py": "def late():\n    from pkg.sub import table\n    return table\n",
    "unrelated.py": "",
    "script.py": "import plain\nplain.late()\n",
}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name, text in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("file", "module"), [("pkg/app.py", "pkg.app"), ("script.py", "script")])
def test_it_is_what_python_imports(tree, file, module):
    show = (
        f"import sys, json, os; sys.path.insert(0, '.'); import {module}; print(json.dumps(["
        "os.path.relpath(m.__file__) for m in sys.modules.values()"
        " if getattr(m, '__file__', None) and m.__file__.startswith(os.getcwd())]))"
    )
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, check=True)
    found = bundle.collect(file, module, (tree / file).read_text())
    folders = {"shared/__init__.py", "shared/deep/__init__.py"}  # which have none of their own
    assert set(found) - folders == set(json.loads(done.stdout)) - {file}
    assert all(found[name] == TREE[name] for name in set(found) - folders)
    assert build.module_name(file) == module


BLOCKS = """
if 1:
    import m0
else:
    import m1
for _ in ():
    import m2
else:
    import m3
while 0:
    import m4
else:
    import m5
try:
    import m6
except ValueError:
    import m7
else:
    import m8
finally:
    import m9
try:
    pass
except* ValueError:
    import m10
with open("f"):
    import m11
match 1:
    case 1:
        import m12
class C:
    import m13
    async def f(self):
        import m14
        async with self:
            import m15
        async for _ in self:
            import m16
"""


def test_an_import_in_any_block_counts(tmp_path):
    for number in range(17):
        tmp_path.joinpath(f"m{number}.py").write_text("")
    found = bundle.collect(str(tmp_path / "app.py"), "app", BLOCKS)
    assert set(found) == {f"m{number}.py" for number in range(17)}


def test_only_imports_of_what_is_sent_count(tree):
    source = build.reached_source(TREE["pkg/app.py"], ("f",))
    assert "plain.py" not in bundle.collect("pkg/app.py", "pkg.app", source)
    assert "pkg/rates.py" in bundle.collect("pkg/app.py", "pkg.app", source)


def test_modules_that_are_no_source_are_refused_by_name(tree):
    (tree / "plain.py").write_text("def (:\n")
    with pytest.raises(UsageError, match=r"plain\.py is not valid Python") as refusal:
        bundle.collect("script.py", "script", "import plain")
    span = refusal.value.span
    assert span is not None
    assert (Path(span.file).name, span.line) == ("plain.py", 1)
    (tree / "plain.py").write_bytes(b"\x7fELF")
    with pytest.raises(UsageError, match="ELF"):
        bundle.collect("script.py", "script", "import plain")


def test_too_much_together_is_a_limit(tree):
    for number in range(6):
        (tree / f"big{number}.py").write_text(("#" * 79 + "\n") * 11_000)
    source = "import " + ", ".join(f"big{number}" for number in range(6))
    with pytest.raises(LimitError) as caught:
        bundle.collect("script.py", "script", source)
    assert caught.value.exit_code == 7


def test_a_credential_in_a_local_module_stops_the_upload(joined, tree):
    (tree / "plain.py").write_text('KEY = "AKIA' + 'QX5ZB7K2MPLN4RTD"\n')
    with pytest.raises(build.Refused) as caught:
        run(joined, "script.py", Consent(True, True))
    assert caught.value.diagnostics[0].span.file == "plain.py"
    assert b"AKIA" not in joined.sent()


def test_local_modules_go_with_the_source_and_never_without(joined, tree, monkeypatch, capsys):
    assert cli.main(["compile", "pkg/app.py"]) == 1
    assert b"RATE" not in joined.sent()
    assert "local module(s)" in capsys.readouterr().err
    monkeypatch.setenv(SEND_SOURCE, "1")
    assert cli.main(["compile", "pkg/app.py", "--include-source"]) == 0
    body = next(json.loads(body) for body in joined.bodies if b"RATE = 3" in body)
    assert body["path"] == "pkg/app.py"
    assert set(body["bundle"]) == set(bundle.collect("pkg/app.py", "pkg.app", body["source"]))
    assert str(tree).encode() not in joined.sent()


def test_a_changed_local_module_is_another_build(joined, tree):
    assert not run(joined, "script.py", Consent(True, True)).known
    assert run(joined, "script.py", Consent(False, False)).known
    (tree / "plain.py").write_text("# only a comment\n" + TREE["plain.py"])
    assert run(joined, "script.py", Consent(False, False)).known
    (tree / "plain.py").write_text(TREE["plain.py"] + "LATER = 1\n")
    assert not run(joined, "script.py", Consent(True, True)).known


def test_the_gain_asked_for_is_part_of_the_build(joined, tree):
    assert not run(joined, "script.py", Consent(True, True)).known
    settings = config.load({"min-speedup": 2.5})
    plan = build.plan("script.py", None, settings)
    assert plan.min_speedup == "2.5"
    one, other = (build.plan("script.py", None, each) for each in (config.load(), settings))
    assert build._options(one) != build._options(other)
    assert "min_speedup" not in build._options(one)
