"""The way from a stored artifact to an attached function, with the dlopen of native code replaced
by a recorder.

What is real: store, verification, index, import hook, instrumentation, bytecode digests, refusals.
Native code itself is tested where it is made.
"""

import ast
import json
import os
import runpy
import subprocess
import sys
import time
import traceback
import types
from importlib.machinery import SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path

import pytest
import pyvorin_thin
from pyvorin_runtime.codehash import code_digest
from pyvorin_thin import events, hook, keys, loader, memfd, paths, recalls, store
from pyvorin_wire import canonical
from pyvorin_wire.artifact import FunctionEntry
from pyvorin_wire.recall import Recall, RecallEntry

from tests.thin import artifacts

SOURCE = """
import functools

def f(x):
    return x + 1

@functools.lru_cache
def cached(x):
    return x

class C:
    def method(self):
        return 2

used = f(1)
"""
NAMES = ("f", "cached", "C.method")


def codes(source, file):
    """qualname → code object, as compiled."""
    found = {}
    pending = [compile(source, file, "exec")]
    while pending:
        code = pending.pop()
        found[code.co_qualname] = code
        pending += [item for item in code.co_consts if isinstance(item, types.CodeType)]
    return found


@pytest.fixture
def project(activated, tmp_path, monkeypatch):
    """A module `sample` on the path with an accepted artifact for its functions; records what is
    attached."""
    file = tmp_path / "sample.py"
    file.write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("sample", None)
    compiled = codes(SOURCE, str(file))
    functions = tuple(FunctionEntry(name, code_digest(compiled[name])) for name in NAMES)
    about = artifacts.manifest(functions=functions)
    store.add(artifacts.container(about), about)
    attached = []

    def load(name, payload):
        assert payload == artifacts.PAYLOAD
        module = types.ModuleType(name)
        table = [
            {"qualname": entry.qualname, "code_sha256": entry.code_sha256} for entry in functions
        ]
        module.META = json.dumps({"functions": table}).encode()
        module.native = [(None, (), None, None, None, dict) for _ in table]
        return module

    def attach(function, extension, index):
        attached.append((function.__qualname__, index))

    monkeypatch.setattr(memfd, "load_extension", load)
    monkeypatch.setattr(loader, "attach_native", attach)
    monkeypatch.setattr(loader, "_loaded", [])
    monkeypatch.setattr(loader, "_by_module", {})
    yield types.SimpleNamespace(file=file, attached=attached, about=about, load=load)
    hook.uninstall()
    sys.modules.pop("sample", None)


def import_sample():
    sys.modules.pop("sample", None)
    return __import__("sample")


def tamper():
    path = store.container_path(store.entries("sample")[0].container)
    data = bytearray(paths.read(path))
    data[-1] ^= 1
    paths.write(path, bytes(data))


def test_functions_are_attached_as_they_are_defined(project):
    assert pyvorin_thin.install()
    module = import_sample()
    assert sorted(project.attached) == [("C.method", 2), ("cached", 1), ("f", 0)]
    assert module.used == 2
    assert module.__file__ == str(project.file)
    assert type(module.__spec__.loader) is hook.NativeLoader


def test_installing_twice_is_once(project):
    pyvorin_thin.install()
    pyvorin_thin.install()
    assert sum(isinstance(finder, hook.NativeFinder) for finder in sys.meta_path) == 1


def test_the_home_named_last_is_the_one_looked_into(project, home, monkeypatch, tmp_path):
    monkeypatch.setenv("PYVORIN_THIN_HOME", str(tmp_path / "another"))
    assert pyvorin_thin.install()
    monkeypatch.setenv("PYVORIN_THIN_HOME", str(home))
    assert pyvorin_thin.install()
    import_sample()
    assert len(project.attached) == len(NAMES)


def test_a_module_run_by_its_name_is_attached(project):
    """As `pyvorin-thin run -m sample` does."""
    pyvorin_thin.install()
    assert runpy.run_module("sample", run_name="__main__", alter_sys=True)["used"] == 2
    assert len(project.attached) == len(NAMES)


def test_a_module_whose_body_fails_has_no_frame_of_ours_in_its_traceback(project):
    project.file.write_text(SOURCE + "\nf()\n")
    seen = []
    for prepare in (lambda: None, pyvorin_thin.install):
        prepare()
        with pytest.raises(TypeError) as failure:
            import_sample()
        seen.append(traceback.format_tb(failure.value.__traceback__))
    assert project.attached
    assert seen[0] == seen[1]


class Foreign(SourceFileLoader):
    """Another tool's loader, which may run whatever it likes."""


@pytest.fixture
def foreign(project):
    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name != "sample":
                return None
            place = str(project.file)
            return spec_from_file_location(name, place, loader=Foreign(name, place))

    sys.meta_path.insert(0, Finder)
    yield project
    sys.meta_path.remove(Finder)


def test_a_module_from_another_loader_is_said_once(foreign, capsys):
    pyvorin_thin.install()
    for _ in range(2):
        assert import_sample().used == 2
    assert foreign.attached == []
    said = capsys.readouterr().err
    assert (said.count("\n"), "PYV863" in said, "Foreign" in said) == (1, True, True)
    assert events.recent()[-1]["code"] == "PYV863"


def test_a_module_from_another_loader_is_an_import_error_under_require(foreign, monkeypatch):
    monkeypatch.setenv("PYVORIN", "require")
    pyvorin_thin.install()
    with pytest.raises(ImportError, match="PYV863"):
        import_sample()


@pytest.mark.parametrize("name", ["math", "spaces"])
def test_what_is_no_source_cannot_be_required(project, monkeypatch, tmp_path, name):
    (tmp_path / "spaces").mkdir()
    monkeypatch.setenv("PYVORIN", "require")
    pyvorin_thin.install(require=[name])
    monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(ImportError, match="PYV863"):
        __import__(name)


def test_off_does_nothing(project, monkeypatch):
    monkeypatch.setenv("PYVORIN", "off")
    assert not pyvorin_thin.install()
    import_sample()
    assert project.attached == []


def test_the_off_switch_does_nothing(project):
    paths.write(hook.off_switch(), b"")
    assert not pyvorin_thin.install()


def test_the_light_paths_are_the_real_ones(home, monkeypatch, tmp_path):
    assert hook.cache_folder() == paths.cache()
    monkeypatch.delenv("PYVORIN_THIN_HOME")
    for value in (str(tmp_path), None):
        for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
            monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
        assert hook.cache_folder() == paths.cache()
        assert os.path.dirname(hook.off_switch()) == paths.config()


@pytest.mark.parametrize("value", ["shadow", "requir", "ja"])
def test_an_unknown_mode_is_an_error(project, monkeypatch, value):
    monkeypatch.setenv("PYVORIN", value)
    with pytest.raises(ImportError, match="on, off, require"):
        pyvorin_thin.install()


def test_other_modules_are_left_alone(project, tmp_path):
    (tmp_path / "plain.py").write_text("x = 1\n")
    pyvorin_thin.install()
    import plain

    assert type(plain.__spec__.loader) is not hook.NativeLoader


def test_a_tampered_artifact_is_loud_and_python_runs(project, capsys):
    tamper()
    pyvorin_thin.install()
    assert import_sample().used == 2
    assert project.attached == []
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "PYV803" in said
    assert "NOT loaded" in said
    refused = events.recent()[-1]
    assert (refused["event"], refused["code"]) == ("refused", "PYV803")
    assert os.listdir(os.path.join(paths.cache(), "quarantine"))


def test_a_tampered_artifact_is_an_import_error_under_require(project, monkeypatch):
    tamper()
    monkeypatch.setenv("PYVORIN", "require")
    pyvorin_thin.install()
    with pytest.raises(ImportError, match="PYV803"):
        import_sample()


def test_a_missing_artifact_is_an_import_error_under_require(project, monkeypatch):
    store.remove("sample", store.entries("sample")[0].container)
    monkeypatch.setenv("PYVORIN", "require")
    pyvorin_thin.install(require=["sample"])
    with pytest.raises(ImportError, match="PYV860"):
        import_sample()


def test_required_modules_can_be_named_in_the_environment(project, monkeypatch):
    store.remove("sample", store.entries("sample")[0].container)
    monkeypatch.setenv("PYVORIN", "require")
    monkeypatch.setenv("PYVORIN_REQUIRE", "other, sample")
    pyvorin_thin.install()
    with pytest.raises(ImportError, match="PYV860"):
        import_sample()


def test_a_recalled_artifact_is_refused_at_the_next_load(project, capsys):
    pyvorin_thin.install()
    import_sample()
    assert project.attached
    project.attached.clear()
    listed = Recall(1, "org-1", 1, (RecallEntry("artifact_id", "art-1", "stolen key"),))
    paths.write(
        recalls.recall_path(),
        json.dumps(listed.to_json(), sort_keys=True, separators=(",", ":")).encode(),
    )
    import_sample()
    assert project.attached == []
    assert "stolen key" in capsys.readouterr().err


def test_stale_artifacts_are_refused_where_freshness_is_required(project, monkeypatch, capsys):
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3 * 86_400)
    pyvorin_thin.install()
    import_sample()
    assert project.attached
    project.attached.clear()
    monkeypatch.setenv("PYVORIN_REQUIRE_FRESH", "2")
    import_sample()
    assert project.attached == []
    assert "PYV814" in capsys.readouterr().err
    store.confirm_all()
    import_sample()
    assert project.attached


def test_a_damaged_recall_list_stops_loading(project, capsys):
    paths.write(recalls.recall_path(), b"{}")
    pyvorin_thin.install()
    import_sample()
    assert project.attached == []
    assert "PYV854" in capsys.readouterr().err


def test_changed_source_is_not_attached_and_says_so(project):
    project.file.write_text(SOURCE.replace("x + 1", "x + 2"))
    pyvorin_thin.install()
    module = import_sample()
    assert ("f", 0) not in project.attached
    assert ("C.method", 2) in project.attached
    assert module.f(1) == 3
    assert "PYV862" in module.f.__pyvorin__.reason
    assert module.f.__pyvorin__.state == "python"
    assert module.f.__pyvorin__.counts == {}


def test_another_layout_of_the_same_function_is_found(project):
    """Two accepted builds of one module: each function is attached where its bytecode is equal."""
    text = SOURCE.replace("x + 1", "x + 2")
    changed = codes(text, str(project.file))["f"]
    about = artifacts.manifest(
        artifact_id="art-2",
        fingerprint=artifacts.manifest().fingerprint.replace("pf1-3", "pf1-4"),
        functions=(FunctionEntry("f", code_digest(changed)),),
    )
    assert not any(entry.code_sha256 == code_digest(changed) for entry in project.about.functions)
    store.add(artifacts.container(about), about)
    assert len(store.entries("sample")) == 2


def test_a_function_table_that_is_not_the_manifests_is_refused(project, monkeypatch, capsys):
    def lying(name, payload):
        module = project.load(name, payload)
        module.META = module.META.replace(b'"C.method"', b'"C.other"')
        return module

    monkeypatch.setattr(memfd, "load_extension", lying)
    pyvorin_thin.install()
    import_sample()
    assert project.attached == []
    assert "PYV810" in capsys.readouterr().err


def test_the_decorator_attaches_without_the_hook(project, tmp_path):
    (tmp_path / "sample.py").write_text(
        "from pyvorin_thin import compiled\n@compiled\n" + SOURCE.split("\n\n")[1]
    )
    module = import_sample()
    assert project.attached == [("f", 0)]
    assert module.f(1) == 2


def test_the_decorator_leaves_a_function_without_artifact_as_it_is(home):
    def g(x):
        return x

    assert pyvorin_thin.compiled(g) is g
    assert g.__pyvorin__.state == "python"
    assert "no artifact" in g.__pyvorin__.reason
    assert pyvorin_thin.compiled(len) is len


def test_the_decorator_requires(home, monkeypatch):
    monkeypatch.setenv("PYVORIN", "require")
    with pytest.raises(ImportError, match="PYV860"):

        @pyvorin_thin.compiled
        def g(x):
            return x


def test_keys_open_to_others_stop_loading(project, capsys):
    os.chmod(keys.device_path(), 0o644)
    pyvorin_thin.install()
    import_sample()
    assert project.attached == []
    assert "PYV823" in capsys.readouterr().err


NETWORK = {"asyncio", "cryptography", "http", "http.client", "socket", "ssl", "urllib.request"}
HEAVY = NETWORK | {
    *("argparse", "ast", "base64", "collections", "contextlib", "dataclasses", "dis", "enum"),
    *("functools", "hashlib", "hmac", "importlib.metadata", "importlib.util", "inspect", "json"),
    *("logging", "pathlib", "re", "tempfile", "tokenize", "traceback", "typing", "urllib"),
}
START = """
import sys
def said(stage):
    print(stage, *sys.modules)
import pyvorin_thin
pyvorin_thin.install()
said("start")
import pyvorin_thin.loader as loader
said("loader")
"""
ARTIFACT = """
import types
from pyvorin_thin import memfd
def load(name, payload):
    module = types.ModuleType(name)
    module.META = {meta!r}
    return module
attached = []
memfd.load_extension = load
loader.attach_native = lambda function, extension, index: attached.append(function)
import sample
assert len(attached) == {count}
said("artifact")
"""


def modules_of(program):
    """What is imported at each stage, in an interpreter that imported nothing before."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return {words[0]: set(words[1:]) for words in map(str.split, done.stdout.splitlines())}


def test_what_every_start_imports_is_small(home):
    """No network, no cryptography, no data formats, nothing that takes long to import."""
    found = modules_of(START)
    ours = {name for name in found["start"] if name.startswith("pyvorin")}
    assert ours == {"pyvorin_thin", "pyvorin_thin.hook"}
    assert not found["start"] & HEAVY
    assert not found["loader"] & HEAVY


def test_an_artifact_is_verified_and_attached_without_slow_imports(project):
    recall = Recall(3, "org-1", 1_700_000_000, (RecallEntry("artifact_id", "art-2", "a bug"),))
    paths.write(recalls.recall_path(), canonical.dumps(recall.to_json()))
    meta = project.load("sample", artifacts.PAYLOAD).META
    found = modules_of(START + ARTIFACT.format(meta=meta, count=len(NAMES)))
    assert "pyvorin_thin.verify" in found["artifact"]
    assert not (found["artifact"] - {"functools", "collections"}) & HEAVY  # `sample`'s own


def test_the_loader_never_compares_secrets_with_the_equality_operator():
    package = Path(pyvorin_thin.__file__).parent
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
                names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
                names |= {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
                assert not names & {"mac", "secret", "seed", "sign_seed"}, f"{path}:{node.lineno}"
