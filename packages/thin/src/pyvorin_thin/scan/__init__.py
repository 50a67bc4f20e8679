"""What must not leave the machine: credentials, unsafe imports, and files that are not Python.

`scan.upload` looks at exactly the bytes that would be sent. For an upload a finding is a refusal;
for local compilation it is a warning. These are courtesies to the user, not a boundary: the
service's sandbox is.
"""

from collections.abc import Iterator, Mapping

from pyvorin_wire.diagnostic import Diagnostic

from pyvorin_thin.scan import imports, secrets


def upload(texts: Mapping[str, str]) -> list[Diagnostic]:
    """Findings in the texts (file name → what would be sent of it), by file and line."""
    return [finding for file, text in texts.items() for finding in _one(file, text)]


def _one(file: str, text: str) -> Iterator[Diagnostic]:
    yield from secrets.scan(file, text)
    yield from imports.scan(file, text)
