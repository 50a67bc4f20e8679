"""The verifier process: local calls in, signed verdicts out. No database, no network, no other key.

judge {job_id, fence, tier, runtime}  outputs of the digest, compile, CPython and native jails
    → {"result", "cases", "differences"}  and, only if it passed, the signed verdict
"""

import asyncio
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pyvorin_wire.errors import WireError

from pyvorin_server.errors import RemoteError
from pyvorin_server.kit.ids import new_id
from pyvorin_server.kit.local import Message
from pyvorin_server.kit.sealing import read_secret, write_secret
from pyvorin_server.verifier.judge import Compiled, judge, read_compiled, read_digest
from pyvorin_server.verifier.verdict import Verdict, sign_verdict

SOCKET = "verifier.sock"
_KEY_ID = "verifier-1"


class Verifier:
    """Answers `judge` with the verifier's key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    async def answer_judge(self, request: Message) -> Message:
        """Local call: see the module."""
        if len(request.blobs) != 4:
            raise RemoteError("request_invalid", "four outputs")
        return await asyncio.to_thread(partial(self._judge, request))

    def _judge(self, request: Message) -> Message:
        digest_stdout, compiled_stdout, cpython_stdout, native_stdout = request.blobs
        found = judge(cpython_stdout, native_stdout)
        fields = {
            "result": found.result,
            "cases": found.cases,
            "differences": [
                {"path": d.path, "expected": d.expected, "actual": d.actual}
                for d in found.differences
            ],
        }
        if found.result != "pass":
            return Message(fields)
        verdict = self._verdict(request, digest_stdout, compiled_stdout, found.cases)
        return Message(fields, (sign_verdict(verdict, {_KEY_ID: self._key.sign}).to_bytes(),))

    @staticmethod
    def _verdict(
        request: Message, digest_stdout: bytes, compiled_stdout: bytes, cases: int
    ) -> Verdict:
        try:
            compiled = read_compiled(compiled_stdout)
            if not compiled.ok:
                raise RemoteError("compile_output", "there is no artifact")
            return Verdict.from_json(
                {
                    "verdict_id": new_id("job").replace("job_", "verdict-"),
                    "job_id": request.text("job_id"),
                    "fence": request.integer("fence"),
                    "cases": cases,
                    "artifact_sha256": compiled.sha256,
                    "artifact_size": len(compiled.artifact),
                    "digest": read_digest(digest_stdout),
                    "functions": [entry.to_json() for entry in compiled.functions()],
                    "toolchain": _toolchain(compiled, request.text("runtime")),
                    "sandbox_tier": request.text("tier"),
                }
            )
        except WireError as error:
            raise RemoteError("compile_output", error.code) from None


def _toolchain(compiled: Compiled, runtime: str) -> dict[str, str]:
    """What the compile jail says it used, and what made the jail, which it has no say in."""
    said = {name: version for name, version in compiled.toolchain().items() if name != "sandbox"}
    return said | ({"sandbox": runtime} if runtime else {})


def create_key(path: Path) -> bytes:
    """Make the verdict key in a new 0600 file; return its public half (32 bytes)."""
    key = Ed25519PrivateKey.generate()
    write_secret(path, key.private_bytes_raw().hex().encode())
    return public_half(key)


def load_key(path: Path) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(read_secret(path).decode()))


def public_half(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
