"""The verdict: what passes, what differs, and that hostile outputs are never a pass."""

from __future__ import annotations

import asyncio
import hashlib
import io
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyvorin_server.errors import RemoteError
from pyvorin_server.kit.local import Message
from pyvorin_server.signer.keys import verify_ed25519
from pyvorin_server.verifier.judge import judge, read_compiled, read_digest
from pyvorin_server.verifier.service import Verifier, public_half
from pyvorin_server.verifier.verdict import open_verdict
from pyvorin_wire import frames
from pyvorin_wire.errors import WireError
from pyvorin_wire.outcome import encode_outcome

DIGEST = "ab" * 32
ARTIFACT = b"\x7fELF"


def message(*parts: Any) -> bytes:
    out = io.BytesIO()
    for part in parts:
        if isinstance(part, bytes):
            frames.write_bytes(out, part)
        else:
            frames.write_json(out, part)
    frames.write_end(out)
    return out.getvalue()


def outcomes(*values: Any) -> bytes:
    """What a check jail writes when native code ran."""
    return ran({"f": {"entries": 1, "osr": 0}}, *values)


def ran(counts: Any, *values: Any) -> bytes:
    return message(*(encode_outcome(value=value) for value in values), {"counts": counts})


COMPILED = message({"ok": True, "meta": {"functions": [], "toolchain": {}}}, ARTIFACT)


def test_equal_outcomes_pass_and_differences_are_named() -> None:
    assert judge(outcomes(1, "a"), outcomes(1, "a")).result == "pass"
    found = judge(outcomes(1, [0.0]), outcomes(1, [-0.0]))
    assert (found.result, found.cases) == ("mismatch", 2)
    assert found.differences[0].path.startswith("case 2: ")


@pytest.mark.attack
@pytest.mark.parametrize(
    "native",
    [
        b"",
        outcomes(),
        outcomes(1),
        outcomes(1, 2, 3),
        outcomes(1, 2)[:-1],
        message(b"\x01garbage", b"\x01garbage"),
        message({"match": True}, {"match": True}),
        b"\xff\xff\xff\xffB",
    ],
)
def test_missing_malformed_or_claimed_outcomes_are_not_a_pass(native: bytes) -> None:
    assert judge(outcomes(1, 2), native).result == "incomplete"


@pytest.mark.attack
def test_no_outcome_on_both_sides_is_not_a_pass() -> None:
    assert judge(outcomes(), outcomes()).result == "incomplete"


@pytest.mark.attack
@pytest.mark.parametrize(
    "stdout",
    [
        b"",
        message(),
        message([]),
        message({"ok": True, "meta": {}}),
        message({"ok": True, "meta": []}, b"x"),
        message({"ok": True}, b"x", b"y"),
        message({"ok": False}, b"x"),
        message({"ok": True}, b"x")[:-3],
    ],
)
def test_a_malformed_compile_answer_is_refused(stdout: bytes) -> None:
    with pytest.raises(WireError):
        read_compiled(stdout)


def test_the_digest_comes_from_its_own_jail() -> None:
    assert read_digest(message({"digest": DIGEST})) == DIGEST
    assert read_digest(message({"refused": "fingerprint_syntax"})) is None
    with pytest.raises(WireError):
        read_digest(message({"digest": DIGEST}, {"digest": DIGEST}))


@pytest.mark.attack
@pytest.mark.parametrize(
    "counts",
    [
        {},
        None,
        [],
        {"f": {}},
        {"f": {"entries": 0, "osr": 0, "declines": 9}},
        {"f": {"entries": "1"}},
        {"f": 1},
        {"f": {"entries": -1}},
    ],
)
def test_equal_answers_without_native_code_are_no_pass(counts: Any) -> None:
    assert judge(outcomes(1), ran(counts, 1)).result == "incomplete"
    assert judge(outcomes(1), ran({"f": {"osr": 1}}, 1)).result == "pass"


def ask(outputs: list[bytes], runtime: str = "") -> tuple[Message, Ed25519PrivateKey]:
    key = Ed25519PrivateKey.generate()
    fields = {"job_id": "job_a", "fence": 2, "tier": "native", "runtime": runtime}
    return asyncio.run(Verifier(key).answer_judge(Message(fields, outputs))), key


def test_a_verdict_names_job_attempt_and_bytes() -> None:
    good = outcomes(1)
    answer, key = ask([message({"digest": DIGEST}), COMPILED, good, good])

    def verify(signature: bytes, text: bytes) -> bool:
        return verify_ed25519(public_half(key), signature, text)

    verdict = open_verdict(answer.blobs[0], {"verifier": verify})
    assert (verdict.job_id, verdict.fence, verdict.cases) == ("job_a", 2, 1)
    assert verdict.artifact_sha256 == hashlib.sha256(ARTIFACT).hexdigest()
    assert verdict.digest == DIGEST
    with pytest.raises(WireError):
        open_verdict(answer.blobs[0], {"other": lambda signature, text: False})


@pytest.mark.attack
@pytest.mark.parametrize(("runtime", "said"), [("", None), ("runsc 1", "runsc 1")])
def test_the_compile_jail_has_no_say_in_what_made_it(runtime: str, said: str | None) -> None:
    forged = {"toolchain": {"sandbox": "runsc 99", "pyvorin": "1"}, "functions": []}
    compiled = message({"ok": True, "meta": forged}, ARTIFACT)
    good = outcomes(1)
    answer, key = ask([message({"digest": DIGEST}), compiled, good, good], runtime)

    def verify(signature: bytes, text: bytes) -> bool:
        return verify_ed25519(public_half(key), signature, text)

    toolchain = open_verdict(answer.blobs[0], {"verifier": verify}).toolchain
    assert toolchain.get("sandbox") == said
    assert toolchain["pyvorin"] == "1"


@pytest.mark.attack
def test_a_mismatch_gets_no_signature() -> None:
    answer, _ = ask([message({"digest": DIGEST}), COMPILED, outcomes(1), outcomes(2)])
    assert answer.fields["result"] == "mismatch"
    assert answer.blobs == ()


@pytest.mark.attack
def test_a_pass_without_a_digest_or_an_artifact_gets_no_signature() -> None:
    good = outcomes(1)
    for digest, compiled in (
        (message({"refused": "x"}), COMPILED),
        (message({"digest": DIGEST}), message({"ok": False})),
    ):
        with pytest.raises(RemoteError):
            ask([digest, compiled, good, good])
