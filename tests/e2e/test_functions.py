"""Functions stay functions: what Python tools do with a function they do with a compiled one.

The same assertions run three times: on the module in Python, on the compiled one imported by
itself, and through the client's import hook. The first shows that they are about Python.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

APP: Final = '''
"""A module to compile."""

import warnings

SCALE = 3


def total(n: int, step: int = 1, *, start: int = 0) -> int:
    """Add up.

    >>> total(10)
    135
    """
    s = start
    for i in range(0, n, step):
        s += i * SCALE
    return s


def helper(x):
    return x + 1


def calls(n):
    s = 0
    for i in range(n):
        s += helper(i)
    return s


def longest(n):
    s = 0
    for i in range(n):
        s = max(s, abs(i))
    return s


def spin():
    i = 0
    while True:
        i = (i + 1) & 1023


def warned(n):
    s = 0
    for i in range(n):
        s += i
    warnings.warn("here", stacklevel=1)
    return s


def fails(n):
    s = 0
    for i in range(n):
        s += 100 // (n - 1 - i)
    return s


if __name__ == "__main__":
    total(4000, start=2)
    calls(4000)
    longest(4000)
    warned(4000)
'''
CHECKS: Final[dict[str, str]] = {
    "it is native": """
        if WAY != "python":
            assert app.total(50) == 3675
            assert app.total.__pyvorin__.state == "native", app.total.__pyvorin__
    """,
    "signature and names": """
        import inspect, types, typing
        assert type(app.total) is types.FunctionType
        shown = str(inspect.signature(app.total))
        assert shown == "(n: int, step: int = 1, *, start: int = 0) -> int"
        assert (app.total.__name__, app.total.__qualname__) == ("total", "total")
        assert app.total.__module__ == app.__name__ == "app"
        assert app.total.__doc__.startswith("Add up.")
        assert app.total.__defaults__ == (1,) and app.total.__kwdefaults__ == {"start": 0}
        assert typing.get_type_hints(app.total)["n"] is int
        assert app.total.__code__.co_varnames[:3] == ("n", "step", "start")
        assert app.total.__globals__ is app.__dict__
        assert app.total(4, 2, start=1) == 7
        for bad in (lambda: app.total(), lambda: app.total(1, 2, 3), lambda: app.total(1, no=2)):
            try:
                bad()
            except TypeError as error:
                assert str(error).startswith("total() ")
            else:
                raise AssertionError
    """,
    "source": """
        import inspect
        assert inspect.getsource(app.helper) == "def helper(x):\\n    return x + 1\\n"
        assert inspect.getsourcelines(app.helper)[1] == app.helper.__code__.co_firstlineno
        assert inspect.getsourcefile(app.helper).endswith("app.py")
    """,
    "pickle and copy": """
        import copy, pickle
        assert pickle.loads(pickle.dumps(app.total)) is app.total
        assert copy.copy(app.total) is app.total and copy.deepcopy([app.total])[0] is app.total
        assert hash(app.total) == hash(app.total) and app.total == app.total
    """,
    "doctest": """
        import doctest
        found = doctest.testmod(app)
        assert (found.attempted, found.failed) == (1, 0)
    """,
    "mock and monkeypatching": """
        import builtins
        from unittest import mock
        assert app.calls(50) == 1275
        with mock.patch.object(app, "helper", return_value=7) as fake:
            assert app.calls(3) == 21 and fake.call_count == 3
        assert app.calls(3) == 6
        with mock.patch.object(app, "SCALE", 10):
            assert app.total(4) == 60
        assert app.total(4) == 18
        with mock.patch.object(builtins, "max", lambda a, b: -1):
            assert app.longest(5) == -1
        app.abs = lambda x: 100
        assert app.longest(5) == 100
        del app.abs
        assert app.longest(5) == 4
        auto = mock.create_autospec(app.total)
        try:
            auto(1, 2, 3, 4)
        except TypeError:
            pass
        else:
            raise AssertionError
    """,
    "defaults and code that change": """
        app.total.__defaults__ = (2,)
        assert app.total(4) == 6
        app.total.__defaults__ = (1,)
        assert app.total(4) == 18
        old = app.helper.__code__
        app.helper.__code__ = (lambda x: x * 100).__code__
        assert app.calls(3) == 300
        app.helper.__code__ = old
        assert app.calls(3) == 6
        fresh = app.total.__code__.replace(co_name="other")
        assert type(app.total)(fresh, app.__dict__, "t", (1,))(4, start=0) == 18
    """,
    "functools": """
        import functools
        cached = functools.lru_cache(app.total)
        assert cached(10) == cached(10) == 135 and cached.cache_info().hits == 1
        @functools.wraps(app.total)
        def wrapper(*a, **k):
            return app.total(*a, **k)
        assert (wrapper.__name__, wrapper.__wrapped__, wrapper(10)) == ("total", app.total, 135)
        assert functools.partial(app.total, 10)(start=5) == 140
        assert functools.reduce(lambda a, b: a + app.helper(b), range(5), 0) == 15
    """,
    "tracing, profiling and coverage": """
        import cProfile, sys, trace
        lines = []
        def tracer(frame, event, argument):
            if frame.f_code.co_name == "total":
                lines.append(frame.f_lineno - frame.f_code.co_firstlineno)
                return tracer
        sys.settrace(tracer)
        try:
            app.total(2)
        finally:
            sys.settrace(None)
        assert lines == [0, 6, 7, 8, 7, 8, 7, 9, 9], lines
        profile = cProfile.Profile()
        profile.runcall(app.calls, 10)
        counts = {entry.code.co_name: entry.callcount for entry in profile.getstats()
                  if hasattr(entry.code, "co_name")}
        assert counts["calls"] == 1 and counts["helper"] == 10, counts
        counter = trace.Trace(count=1, trace=0)
        counter.runfunc(app.total, 3)
        first = app.total.__code__.co_firstlineno
        hits = {line - first: n for (_, line), n in counter.results().counts.items()}
        assert hits[8] == 3 and hits[9] == 1, hits
        assert app.total(4) == 18
    """,
    "the debugger": """
        import io, pdb
        out = io.StringIO()
        debugger = pdb.Pdb(stdin=io.StringIO("next\\nnext\\np s, n\\ncontinue\\n"), stdout=out,
                           nosigint=True, readrc=False)
        debugger.use_rawinput = False
        assert debugger.runcall(app.total, 4) == 18
        assert "(0, 4)" in out.getvalue(), out.getvalue()
    """,
    "threads": """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(app.total, [2000] * 40)) == [app.total(2000)] * 40
    """,
    "processes": """
        import multiprocessing
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                assert pool.map(app.total, [10, 20]) == [135, 570]
    """,
    "reload": """
        import importlib
        if WAY != "native":  # an extension module is not run again by CPython
            old = app.total
            assert importlib.reload(app) is app
            assert app.total is not old and app.total(10) == old(10) == 135
    """,
    "Ctrl-C": """
        import _thread, signal, threading, time
        def interrupt():
            time.sleep(0.3)
            times.append(time.process_time())  # load does not count in it
            signal.raise_signal(signal.SIGINT)
        for _ in range(5):
            times = []
            thread = threading.Thread(target=interrupt)
            thread.start()
            try:
                app.spin()
            except KeyboardInterrupt:
                late = time.process_time() - times[0]
            thread.join()
            if late < 0.05:
                break
        assert late < 0.05, late
    """,
    "warnings and tracebacks": """
        import traceback, warnings
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            app.warned(50)
        first = app.warned.__code__.co_firstlineno
        assert seen[0].filename.endswith("app.py") and seen[0].lineno == first + 4
        try:
            app.fails(5)
        except ZeroDivisionError as error:
            text = traceback.format_exc()
            frame = error.__traceback__.tb_next.tb_frame
        assert "s += 100 // (n - 1 - i)" in text
        assert frame.f_locals == {"n": 5, "s": 25 + 33 + 50 + 100, "i": 4}, frame.f_locals
    """,
}
_START: Final = """
import os, sys
WAY, FOLDER = sys.argv[1:3]
sys.path.insert(0, FOLDER)
if WAY == "hook":
    import pyvorin_thin
    pyvorin_thin.install()
import app

def main():
"""


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, dict[str, str]]]:
    """Folder and environment of each way to import the module."""
    folder = tmp_path_factory.mktemp("functions")
    source, native, home = folder / "source", folder / "native", folder / "home"
    source.mkdir()
    (source / "app.py").write_text(APP)
    environment = {**os.environ, "PYVORIN_THIN_HOME": str(home)}
    environment |= {"PYVORIN_MIN_SPEEDUP": "0"}
    compiler = ["pyvorin", "compile", str(source / "app.py"), "-o", str(native)]
    client = ["pyvorin_thin", "compile", str(source / "app.py"), "--local-native"]
    for words in ([*compiler, "--min-speedup", "0"], client):
        done = subprocess.run(
            [sys.executable, "-m", *words], capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stdout + done.stderr
    off = {**environment, "PYVORIN": "off"}
    return {
        "python": (str(source), off),
        "native": (str(native), environment),
        "hook": (str(source), environment),
    }


@pytest.mark.parametrize("way", ["python", "native", "hook"])
@pytest.mark.parametrize("name", CHECKS)
def test_a_compiled_function_is_a_function(
    ways: dict[str, tuple[str, dict[str, str]]], name: str, way: str, tmp_path: Path
) -> None:
    folder, environment = ways[way]
    script = tmp_path / "check.py"
    body = CHECKS[name].rstrip().replace("\n    ", "\n")
    script.write_text(_START + body + "\n\nif __name__ == '__main__':\n    main()\n")
    command = [sys.executable, str(script), way, folder]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
