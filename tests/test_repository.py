"""The repository keeps its rules: imports go one way, and no file names a machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REGISTRY = re.compile(r"https?://\S+/simple\b|files\.pythonhosted|--(?:extra-)?index-url")


def tracked_texts() -> dict[str, str]:
    """Return every tracked text file's content by its path; skip where there is no checkout."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout: tracked files unknown")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    texts = {}
    for name in filter(None, listing.stdout.decode().split("\0")):
        path = ROOT / name
        if path.is_file():
            texts[name] = path.read_text("utf-8", errors="replace")
    return texts


def test_import_rules_hold() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run(
        [command, "--config", "importlinter.toml", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stdout[-3000:]


def test_no_file_names_this_machine() -> None:
    here = {str(ROOT), sys.base_prefix} - {"/usr", "/usr/local", "/"}
    found = [
        (name, path) for name, text in tracked_texts().items() for path in here if path in text
    ]
    assert not found


def test_no_file_names_a_package_registry() -> None:
    own = Path(__file__).name
    texts = tracked_texts().items()
    assert [name for name, text in texts if REGISTRY.search(text) and not name.endswith(own)] == []


def test_package_metadata_agrees() -> None:
    """One version, one licence, one lowest Python for all five packages."""
    files = sorted(ROOT.glob("packages/*/pyproject.toml"))
    assert len(files) == 5
    for key in ("version", "license", "requires-python"):
        values = {re.search(rf"^{key} = (.+)$", f.read_text(), re.MULTILINE)[1] for f in files}  # type: ignore[index]
        assert len(values) == 1, key
