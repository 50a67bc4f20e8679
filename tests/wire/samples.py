"""One sample of every signed or stored format.

`test_golden` compares their bytes with tests/wire/golden. A difference means that artifacts,
licences or trust files already in the world would no longer be read. To add a format: `python
tests/wire/samples.py` writes the files that are missing, and only those.
"""

import hashlib
import hmac
import io
from collections.abc import Callable
from pathlib import Path

from pyvorin_wire import (
    artifact,
    delivered,
    envelope,
    fingerprint,
    frames,
    httpsig,
    licence,
    outcome,
    recall,
)
from pyvorin_wire import trust as trusting
from pyvorin_wire.api import CompileRequest, JobView, problem
from pyvorin_wire.canonical import dumps
from pyvorin_wire.diagnostic import Diagnostic, Label, Severity, Span, Suggestion
from pyvorin_wire.jobs import JobState
from pyvorin_wire.platform import PlatformTag

GOLDEN = Path(__file__).parent / "golden"
KEY = bytes(range(32))
TARGET = PlatformTag("linux", "x86_64", "glibc-2.17", "cp311", "cp311", 1)
PAYLOAD = b"\x7fELF" + bytes(60)
SOURCE = "from __future__ import annotations\nK = 2\ndef f(x: int) -> int:\n    return x * K\n"


def fake_signer(name: str) -> envelope.Sign:
    """Stands in for Ed25519: the formats only carry the signature."""
    return lambda message: hmac.new(name.encode(), message, hashlib.sha512).digest()


def fake_verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """The `Ed25519Verify` that belongs to `fake_signer`; a public key is the zero-padded name."""
    name = public.rstrip(b"\0").decode("ascii", "replace")
    return hmac.compare_digest(fake_signer(name)(message), signature)


def public_key(name: str) -> str:
    return name.encode().ljust(32, b"\0").hex()


def digest() -> str:
    return fingerprint.canonical_digest(
        SOURCE, ["f"], options={"opt_level": 2}, target=TARGET, compiler="0.1.0"
    )


def manifest() -> artifact.Manifest:
    return artifact.Manifest(
        format=1,
        artifact_id="art-1",
        module="m",
        sha256=hashlib.sha256(PAYLOAD).hexdigest(),
        size=len(PAYLOAD),
        seq=7,
        issued_at=1_800_000_000,
        expires_at=1_800_086_400,
        fingerprint=fingerprint.keyed(KEY, 1, digest()),
        options_sha256=fingerprint.options_digest({"opt_level": 2}),
        organisation_id="org-1",
        licence_id="lic-1",
        device_id="dev-1",
        mac_key_id="mac-1",
        target=TARGET,
        toolchain={"pyvorin": "0.1.0", "llvm": "22"},
        verdict_id="ver-1",
        sandbox_tier="native",
        quorum=1,
        functions=(artifact.FunctionEntry("f", "0" * 64),),
    )


def container() -> bytes:
    signed = artifact.sign_statement(manifest(), {"art-key": fake_signer("artifact")})
    return artifact.pack(manifest(), signed, PAYLOAD, KEY)


def trust(version: int = 1, organisation_id: str = "org-1", root: str = "root") -> trusting.Trust:
    names = {role: root if role is trusting.Role.ROOT else role.value for role in trusting.Role}
    return trusting.Trust(
        format=1,
        organisation_id=organisation_id,
        organisation="Example",
        region="eu-1",
        version=version,
        issued_at=1_800_000_000,
        expires_at=1_900_000_000,
        urls=("https://127.0.0.1:8443",),
        ca_pem="-----BEGIN CERTIFICATE-----\n",
        spki_pins=("1" * 64, "2" * 64),
        keys=tuple(
            trusting.TrustedKey(f"{role.value}-1", role, public_key(name))
            for role, name in names.items()
        ),
    )


def recall_list(version: int = 3) -> recall.Recall:
    entry = recall.RecallEntry("sha256", "3" * 64, "bad build")
    return recall.Recall(version, "org-1", 1_800_000_000, (entry,))


def licence_file() -> licence.Licence:
    return licence.Licence(
        licence_id="lic-1",
        organisation_id="org-1",
        plan="unlimited",
        features=("compile",),
        max_devices=3,
        not_before=1_800_000_000,
        expires_at=1_900_000_000,
        refresh_after=1_800_600_000,
        seq=1,
        terms=("fallback_events",),
    )


def diagnostic() -> Diagnostic:
    return Diagnostic(
        "PYV101",
        Severity.ERROR,
        "`eval` builds code at run time",
        Span("rules.py", 2, 11, 2, 15),
        label="text comes from parameter `rule`",
        secondary=(Label(Span("rules.py", 1, 10, 1, 14), "3 different texts seen"),),
        result="`apply` not compiled",
        notes=("what it runs is not known before it runs",),
        help=("parse once, dispatch many",),
        suggestions=(
            Suggestion("use a table", diff=("- return eval(rule)", "+ return RULES[rule]()")),
        ),
        function="apply",
        slug="dynamic-code",
    )


def request() -> httpsig.Request:
    headers = {"content-type": "application/json", "authorization": "Bearer t"}
    return httpsig.Request("POST", "h.example:8443", "/v1/compile", "a=1", headers, b"{}")


def signed_request() -> bytes:
    parameters = httpsig.Parameters(1_800_000_000, "n" * 24, "dev-1")
    return dumps(httpsig.sign(request(), parameters, httpsig.hmac_signer(KEY)))


def frame_stream() -> bytes:
    stream = io.BytesIO()
    frames.write_json(stream, {"ok": True})
    frames.write_bytes(stream, b"\x00\xff")
    frames.write_end(stream)
    return stream.getvalue()


def call_outcome() -> bytes:
    shared = [1, -0.0, float("nan"), "é\ud800", None]
    value = {"a": (shared, shared), 2: {3}, "r": range(3), "z": frozenset("q"), "c": 1j, "b": b"x"}
    return outcome.encode_outcome(value=value, arguments=((shared,), {"k": True}), stdout=b"hi")


def raised_outcome() -> bytes:
    return outcome.encode_outcome(error=ValueError("no", 2), stderr=b"!")


def compile_request() -> bytes:
    request = CompileRequest("m", TARGET, fingerprint=manifest().fingerprint, functions=("f",))
    return dumps(request.checked().to_json())


def job_view() -> bytes:
    view = JobView("job-1", JobState.REJECTED, 1, 2, diagnostics=(diagnostic(),), code="PYV101")
    return dumps(view.to_json())


SAMPLES: dict[str, Callable[[], bytes]] = {
    "pae": lambda: envelope.pae("application/x", b"body"),
    "manifest.json": lambda: manifest().to_bytes(),
    "container.bin": container,
    "statement.json": lambda: dumps(artifact.statement(manifest())),
    "trust.json": lambda: trust().to_bytes(),
    "trust_update.json": lambda: trusting.sign_update(
        trust(2), {"root-1": fake_signer("root")}
    ).to_bytes(),
    "recall.json": lambda: recall.sign(recall_list(), {"r": fake_signer("recall")}).to_bytes(),
    "licence.json": lambda: licence.sign_licence(
        licence_file(), {"l": fake_signer("licence")}
    ).to_bytes(),
    "licence_key": lambda: licence.format_key(KEY).encode(),
    "lookup_hash": lambda: licence.lookup_hash(KEY).encode(),
    "activation_seed": lambda: licence.activation_seed(KEY),
    "delivery_info": lambda: licence.delivery_info(
        licence.Delivered.ARTIFACT_KEY, "org-1", "dev-1"
    ),
    "delivered_key.json": lambda: delivered.DeliveredKey("mac-1", KEY.hex(), 4).to_bytes(),
    "canonical_digest": lambda: digest().encode(),
    "keyed_fingerprint": lambda: fingerprint.keyed(KEY, 1, digest()).encode(),
    "signed_request.json": signed_request,
    "frames.bin": frame_stream,
    "outcome_value.bin": call_outcome,
    "outcome_raised.bin": raised_outcome,
    "compile_request.json": compile_request,
    "job_view.json": job_view,
    "problem.json": lambda: dumps(problem("clock_skew", server_time_s=5).to_json()),
}


def write_missing() -> None:
    for name, make in SAMPLES.items():
        path = GOLDEN / name
        if not path.exists():
            path.write_bytes(make())


if __name__ == "__main__":
    write_missing()
