"""Secrets as they stand in real programs, and what only looks like one. Templates as in
`credential_cases.toml`: no credential-like text is in the repository."""

import re

import pytest
from pyvorin_thin import cli, scan

from tests.thin.test_scan import filled

AKIA, GHP = "AK" + "IA", "gh" + "p_"
SECRETS = {
    "a setting": f'AWS_ACCESS_KEY_ID = "{AKIA}{{U16}}"',
    "the environment": 'os.environ["AWS_SECRET_ACCESS_KEY"] = "{b40}"',
    "an attribute": 'stripe.api_key = "sk_live_{A24}"',
    "a keyword": 'connect(user="a", passwd="{A14}")',
    "a dict": '{"password": "{A16}"}',
    "a default": 'def connect(user, secret="{A24}"): pass',
    "a comment": f"# old key: {AKIA}{{U16}}",
    "a docstring": f'"""\nuse token {GHP}{{A36}}\n"""',
    "bytes": f'k = b"{GHP}{{A36}}"',
    "a format": 'u = f"https://user:{A16}@host/{path}"',
    "a database": 'DB = "postgresql://app:{A14}@db.internal:5432/prod"',
    "a user-less url": 'DB = "redis://:{A20}@cache:6379/0"',
    "a header": 'headers = {"Authorization": "Bearer {A40}"}',
    "basic login": 'headers = {"Authorization": "Basic {b36}"}',
    "a connection string": 'C = "AccountName=a;AccountKey={b86}==;EndpointSuffix=x"',
    "a signed link": 'U = "https://a.blob.core.windows.net/c?sv=2022&sig={A43}%3D"',
    "a framework": "SECRET_KEY = 'django-insecure-{A50}'",
    "two pieces": f'k = "{AKIA}" "{{U16}}"',
    "two lines": f'k = (\n    "{AKIA}"\n    "{{U16}}"\n)',
    "a sum": f'k = "{GHP}" + "{{A36}}"',
    "a sum of three": 'api_key = "{A12}" + "{A12}" + "{A12}"',
    "an escape": f'k = "\\x41{AKIA[1:]}{{U16}}"',
    "bytes in pieces": f'k = b"{GHP}" b"{{A36}}"',
    "a key in a string": 'K = """-----BEGIN RSA PRIVATE KEY-----\n{b64}\n{b64}\n{b64}\n"""',
    "a key in pieces": 'K = ("-----BEGIN EC PRIVATE "\n     "KEY-----\\n"\n     "{b64}")',
    "a key in json": 'S = {"private_key": "-----BEGIN PRIVATE KEY-----\\n{b64}\\n{b64}"}',
}
CLEAN = {
    "a question": 'password = input("password: ")',
    "the environment": 'API_KEY = os.environ["API_KEY"]',
    "a placeholder": 'token = "<your token here>"',
    "an example": f'KEY = "{AKIA}IOSFODNN7EXAMPLE"',
    "a uuid": 'RUN_ID = "123e4567-e89b-12d3-a456-426614174000"',
    "a digest": 'SHA256 = "{h64}"',
    "a commit": 'commit = "{h40}"',
    "an alphabet": 'ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"',
    "a sentence": 'error = "password must not be empty"',
    "a function": "def check_password(password, hashed): return password == hashed",
    "an index": "token = tokens[i]",
    "a dotted name": 'key = "user.settings.theme"',
    "a pattern": 'TOKEN = r"[A-Za-z_][A-Za-z0-9_]*"',
    "a sequence": 'dna = "GATTACAGATTACAGATTACAGATTACAGATTACAGATTACA"',
    "a text in pieces": 'help = "the quick brown fox " "jumps over " + "the lazy dog"',
}


def text_of(template, seed=1):
    return (
        filled(template.replace("{path}", "\0").replace('{"', "\1"), seed)
        .replace("\0", "{path}")
        .replace("\1", '{"')
    )


def found(text):
    return [item for item in scan.upload({"app.py": text + "\n"}) if item.code == "PYV811"]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_found_wherever_it_stands(name, seed):
    text = text_of(SECRETS[name], seed)
    items = found(text)
    assert items, text
    for item in items:
        assert item.span.line >= 1
        shown = item.label + item.message + "".join(item.help)
        assert not any(piece in shown for piece in re.findall(r"[A-Za-z0-9+/]{16,}", text))


@pytest.mark.parametrize("name", CLEAN)
def test_what_is_no_secret_is_left_alone(name):
    assert not found(text_of(CLEAN[name]))


def test_a_line_in_pieces_can_be_allowed():
    text = text_of(SECRETS["two pieces"]) + "  # pyv: allow-secret[a test's own key]"
    assert not found(text)


@pytest.mark.parametrize("name", ["two pieces", "a comment", "a key in pieces", "a header"])
def test_nothing_is_sent_of_a_file_with_a_secret(joined, name, tmp_path, monkeypatch, capsys):
    path = tmp_path / "app.py"
    path.write_text(text_of(SECRETS[name]) + "\n\ndef f(x):\n    return x + 1\n")
    monkeypatch.setenv("PYVORIN_THIN_SEND_SOURCE", "1")
    assert cli.main(["compile", str(path), "--include-source"]) == 1
    assert "PYV811" in "".join(capsys.readouterr())
    assert b"x + 1" not in joined.sent()
