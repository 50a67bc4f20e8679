"""The workflow engine: what it stores, what it refuses to read, and that it runs a job once per
lease.
"""

from __future__ import annotations

import base64
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from pyvorin_server.engine.serializer import (
    EnginePayloadError,
    SealedJson,
    WorkflowFailed,
    pickle_is_refused,
    refuse_pickle,
)
from pyvorin_server.kit.sealing import AesKey

SEALED = SealedJson(AesKey(b"k" * 32))


@pytest.mark.parametrize("value", [None, True, 3, "job_abc", ["a", 1], {"k": "v"}])
def test_ids_and_codes_survive(value: Any) -> None:
    assert SEALED.deserialize(SEALED.serialize(value)) == value


def test_arguments_come_back_as_a_tuple() -> None:
    stored = SEALED.serialize({"args": ("job_a", 0), "kwargs": {}})
    assert SEALED.deserialize(stored) == {"args": ("job_a", 0), "kwargs": {}}


def test_an_exception_is_stored_as_its_type_alone() -> None:
    back = SEALED.deserialize(SEALED.serialize(ValueError("secret source")))
    assert isinstance(back, WorkflowFailed)
    assert str(back) == "ValueError"


@pytest.mark.attack
@pytest.mark.parametrize(
    "value",
    [b"bytes", "def f():\n    return 1", "x" * 500, 1.5, object(), {1: 2}, ["a" * 200] * 30],
)
def test_what_could_be_source_is_refused_where_it_is_written(value: Any) -> None:
    with pytest.raises(EnginePayloadError):
        SEALED.serialize(value)


class Evil:
    """Runs `os.mkdir` when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.attack
@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(pickle.dumps(Evil(Path("/nowhere/ran")))).decode(),
        SealedJson(AesKey(b"o" * 32)).serialize("job_a"),
        SEALED.serialize("job_a")[:-8] + "AAAAAAA=",
        "",
        "{}",
    ],
    ids=["pickle", "another key", "another tag", "nothing", "plain JSON"],
)
def test_rows_of_another_writer_are_not_read(text: str) -> None:
    with pytest.raises(EnginePayloadError):
        SEALED.deserialize(text)


@pytest.mark.attack
def test_the_default_serializer_is_refused_in_the_process() -> None:
    refuse_pickle()
    assert pickle_is_refused()


CHILD = """
    import sys, time
    from pathlib import Path
    from pyvorin_server.engine import Engine
    from pyvorin_server.kit.sealing import AesKey
    from pyvorin_server.settings import load

    async def build(job_id, attempt):
        with open(sys.argv[2], "a") as file:
            file.write(f"{job_id} {attempt}\\n")
        return "complete"

    engine = Engine(load(Path(sys.argv[1]), {}), AesKey(b"k" * 32), build)
    engine.start()
    print("started", flush=True)
    time.sleep(float(sys.argv[3]))
    engine.stop(1)
"""

PLANT = """
    import sys
    from pathlib import Path
    from pyvorin_server.engine import EngineClient
    from pyvorin_server.kit.sealing import AesKey
    from pyvorin_server.settings import load
    import asyncio

    client = EngineClient(load(Path(sys.argv[1]), {}), AesKey(b"k" * 32))
    for job in sys.argv[2:]:
        asyncio.run(client.enqueue(job, 0))
    client.close()
"""


def python(script: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr


STOPPED = """
    import threading
    engine.stop(20)
    left = [each.name for each in threading.enumerate() if "run_notif" in each.name]
    assert not left, left
"""


def test_a_stopping_engine_does_not_give_up_on_its_threads(tmp_path: Path) -> None:
    """It waits up to 10 s for each: one that sleeps longer makes every stop of the service slow."""
    script = textwrap.dedent(CHILD).replace("engine.stop(1)\n", textwrap.dedent(STOPPED))
    python(script, str(tmp_path), str(tmp_path / "ran"), "1")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the database that an engine makes when it first starts."""
    folder = tmp_path_factory.mktemp("engine")
    python(CHILD, str(folder), str(folder / "ran"), "0")
    assert not (folder / "ran").exists()
    return folder


UNGUARDED = """
    from pyvorin_server.engine import port
    port.prepare = lambda settings: None
"""


@pytest.mark.attack
@pytest.mark.parametrize("guarded", [True, False])
def test_a_pickled_row_never_runs_when_the_engine_recovers(
    prepared: Path, tmp_path: Path, guarded: bool
) -> None:
    """A real engine, a real queued row, its argument replaced by an evil pickle.

    Without the refusal the same row does run: the attack is a real one.
    """
    ran = tmp_path / "evil-ran"
    log = tmp_path / "ran"
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    python(PLANT, str(tmp_path), "job_evil", "job_good")
    evil = base64.b64encode(pickle.dumps({"args": (Evil(ran), 0), "kwargs": {}})).decode()
    connection = sqlite3.connect(tmp_path / "engine.db")
    with connection:
        for statement in (
            "UPDATE workflow_status SET serialization = 'py_pickle' WHERE workflow_uuid = ?",
            f"UPDATE workflow_input SET inputs = '{evil}' WHERE workflow_uuid = ?",
        ):
            assert connection.execute(statement, ("job_evil-0",)).rowcount == 1
    connection.close()
    before = "" if guarded else textwrap.dedent(UNGUARDED)
    python(before + textwrap.dedent(CHILD), str(tmp_path), str(log), "4")
    assert ran.exists() is not guarded
    assert "job_good 0" in log.read_text()
    if guarded:
        assert "job_evil" not in log.read_text()


@pytest.mark.slow
def test_a_queued_job_is_run_once_and_kept_in_wal(prepared: Path, tmp_path: Path) -> None:
    log = tmp_path / "ran"
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    python(PLANT, str(tmp_path), "job_a", "job_a")
    python(CHILD, str(tmp_path), str(log), "3")
    assert log.read_text() == "job_a 0\n"
    connection = sqlite3.connect(tmp_path / "engine.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    dumped = "\n".join(connection.iterdump())
    assert "py_pickle" not in dumped
    connection.close()
