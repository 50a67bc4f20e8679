import os
import random
import re
import string
import time
import tomllib
from pathlib import Path

import pytest
from pyvorin_thin import events, scan
from pyvorin_thin.errors import UsageError
from pyvorin_thin.scan import imports, notpython, secrets

CASES = tomllib.loads((Path(__file__).parent / "credential_cases.toml").read_text("utf-8"))
ALPHABETS = {
    "A": string.ascii_letters + string.digits,
    "a": string.ascii_letters,
    "d": string.digits,
    "h": "0123456789abcdef",
    "l": string.ascii_lowercase + "234567",
    "U": string.ascii_uppercase + "234567",
    "V": string.ascii_uppercase + string.digits,
    "B": string.ascii_letters + string.digits + "_-",
    "b": string.ascii_letters + string.digits + "+/",
    "g": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}
HOLE = re.compile(r"\{([A-Za-z])(\d+)\}")


def filled(template, seed):
    chosen = random.Random(seed)

    def value(match):
        alphabet, size = ALPHABETS[match[1]], int(match[2])
        return "".join(chosen.choice(alphabet) for _ in range(size - 1)) + chosen.choice(
            [c for c in alphabet if c.isalnum()]
        )

    return HOLE.sub(value, template)


def found(line):
    return {rule.id for rule, _, _ in secrets.matches(line)}


def rules_alone(line, rule):
    """What this one rule says, whatever other rules take."""
    return any(
        secrets._is_random(match[match.re.groups and 1], rule.entropy)
        for match in rule.pattern.finditer(line)
    )


RULES = {rule.id: rule for rule in secrets.rules()}


def test_every_rule_has_a_case_and_there_are_enough():
    assert set(RULES) == set(CASES)
    assert len(RULES) >= 60


@pytest.mark.parametrize("name", CASES)
def test_positives(name):
    for seed in range(20):
        text = filled(CASES[name], f"{name}{seed}")
        for line in (f"x = '''{text}'''", f"# note: {text} ."):
            assert rules_alone(line, RULES[name]), line
            assert found(line), line


@pytest.mark.parametrize("name", CASES)
def test_negatives(name):
    template = CASES[name]
    if HOLE.search(template):
        placeholder = HOLE.sub(lambda m: "x" * int(m[2]), template)
        repeated = HOLE.sub(lambda m: "1" * int(m[2]), template)
        named = HOLE.sub(lambda m: ("EXAMPLE" * 40)[: int(m[2])], template)
        for line in (placeholder, repeated, named):
            assert not rules_alone(line, RULES[name]), line
    short = HOLE.sub("", template)
    assert not rules_alone(short.replace("PRIVATE", "PUBLIC"), RULES[name]), short


ORDINARY = """
password = input("password: ")
token = os.environ["API_TOKEN"]
api_key = get_secret("api/key")
secret_name = "projects/example/secrets/database"
digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
uuid = "123e4567-e89b-12d3-a456-426614174000"
url = "https://user@example.com/path?sig=none"
text = "Bearer of bad news and basic instincts"
pattern = r"(?i)password\\s*=\\s*[^ ]+"
table = {"sk": 1, "key-": 2, "pat": 3}
password = "changeme-please"
PASSWORD = "your_password_here"
"""


def test_ordinary_code_has_no_findings():
    assert list(secrets.scan("m.py", ORDINARY)) == []


def test_a_finding_never_shows_the_value():
    value = filled("ghp_{A36}", 1)
    (finding,) = secrets.scan("m.py", f'T = "{value}"')
    text = str(finding.to_json())
    assert value not in text
    assert value[8:] not in text
    assert finding.span.line == 1


def test_a_line_is_allowed_with_a_reason_which_is_logged():
    value = filled("ghp_{A36}", 2)
    assert list(secrets.scan("m.py", f'T = "{value}"  # pyv: allow-secret[revoked long ago]')) == []
    assert events.recent()[-1]["reason"] == "revoked long ago"
    assert value not in str(events.recent())
    assert list(secrets.scan("m.py", f'T = "{value}"  # pyv: allow-secret[]'))


def test_no_pattern_is_slow():
    lines = ["a" * 10_000, "eyJ" * 3000, "://" * 3000, "password=" * 1000, "key-" + "0" * 9_000]
    lines += ["secret" * 1500 + "='", "-----BEGIN " + "A " * 4000, "sk-" + "T3BlbkFJ" * 1000]
    started = time.process_time()
    for line in lines:
        list(secrets.matches(line))
    assert time.process_time() - started < 20


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess",
        "import os.path, socket as s",
        "from ctypes import CDLL",
        "from os import system",
        "import os\nos.system('x')",
        "import os as o\no.popen('x')",
        "eval('1')",
        "e = eval\ne('1')",
        "__import__('os')",
        "x.__subclasses__()",
        "f.__globals__['x']",
        "import sys\nsys.modules['os']",
        "import builtins\nbuiltins.exec('x')",
        "import pickle",
        "def f():\n    import importlib",
        "from urllib.request import urlopen",
        "open('/etc/passwd')",
    ],
)
def test_unsafe_code_is_found(source):
    (finding, *_) = imports.scan("m.py", source)
    assert finding.code == "PYV812"
    assert finding.span.line >= 1


@pytest.mark.parametrize(
    "source",
    [
        "import math, json, re",
        "x = 'import subprocess'  # eval(1)",
        "import os.path\nos.path.join('a', 'b')",
        "def evaluate(x): return x",
        "class A:\n    def open(self): pass\nA().open()",
        "from dataclasses import dataclass",
        "os = 1",
    ],
)
def test_ordinary_imports_pass(source):
    assert list(imports.scan("m.py", source)) == []


def test_both_scanners_report_in_order():
    value = filled("ghp_{A36}", 3)
    found_codes = [d.code for d in scan.upload({"m.py": f"import socket\nT = '{value}'\n"})]
    assert found_codes == ["PYV811", "PYV812"]


def refused(path, words):
    with pytest.raises(UsageError) as caught:
        notpython.read_source(str(path))
    assert caught.value.code == "PYV813"
    assert words in caught.value.message


CONTENTS = {
    "ELF": (b"\x7fELF\x02\x01", "ELF"),
    "zip": (b"PK\x03\x04", "zip"),
    "UTF-16": ("x = 1".encode("utf-16"), "UTF-16"),
    "NUL": (b"x = 1\0", "NUL"),
    "notebook": (b'{"cells": []}', "notebook"),
    "latin-1": ("# é".encode("latin-1"), "UTF-8"),
    "declared": (b"# -*- coding: latin-1 -*-\n", "iso-8859-1"),
    "utf-7": (b"# coding: utf-7\n", "utf-7"),
    "unknown": (b"# coding: nonsense\n", "UTF-8"),
    "bidi": ("x = 1  # \u202e".encode(), "bidirectional"),
    "long line": (b"x" * 200_000, "line over"),
    "nesting": (b"(" * 1000, "nests"),
    "large": (b"#\n" * 600_000, "larger"),
}


@pytest.mark.parametrize(("data", "words"), CONTENTS.values(), ids=CONTENTS)
def test_not_python(tmp_path, data, words):
    path = tmp_path / "m.py"
    path.write_bytes(data)
    refused(path, words)


def test_not_a_file(tmp_path):
    (tmp_path / "real.py").write_text("x = 1")
    os.symlink(tmp_path / "real.py", tmp_path / "link.py")
    os.mkfifo(tmp_path / "fifo.py")
    refused(tmp_path / "link.py", "symbolic link")
    refused(tmp_path / "fifo.py", "regular file")
    refused(tmp_path, "regular file")
    refused("/dev/zero", "regular file")
    refused(tmp_path / "absent.py", "cannot be read")


def test_python_is_read(tmp_path):
    path = tmp_path / "m.py"
    path.write_bytes(b"\xef\xbb\xbfx = '\xc3\xa9'\r\ny = 1\r\n")
    assert notpython.read_source(str(path)) == "x = 'é'\ny = 1\n"
