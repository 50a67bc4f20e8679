"""Attacks on the service over real processes: requests, licences, builds, the signer's socket."""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import hashlib
import json
import secrets
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from typing import Any

import pytest
from pyvorin_server.errors import RemoteError
from pyvorin_server.kit.local import LocalClient
from pyvorin_server.verifier.verdict import VERDICT_TYPE
from pyvorin_wire import canonical, envelope

from tests.server.service import PATIENCE_S, Answer, Device, Installation

pytestmark = pytest.mark.attack
SOURCE = "def attacked():\n    return 7\n"


def get_jobs(device: Device, headers: dict[str, str]) -> Answer:
    return device.installation.raw("GET", "/v1/compile/jobs", headers)


def with_token(device: Device, **signing: Any) -> dict[str, str]:
    bearer = {"authorization": f"Bearer {device.tokens['access_token']}"}
    return device.signed("GET", "/v1/compile/jobs", b"", bearer, **signing)


# ---- signed requests


def test_a_replayed_request_is_refused(device: Device) -> None:
    headers = with_token(device)
    assert get_jobs(device, headers).status == 200
    replayed = get_jobs(device, headers)
    assert (replayed.status, replayed.code) == (401, "unauthenticated")


def test_a_replay_with_another_signature_time_but_the_same_nonce_is_refused(
    device: Device,
) -> None:
    nonce = secrets.token_urlsafe(18)
    assert get_jobs(device, with_token(device, nonce=nonce)).status == 200
    later = int(time.time()) + 5
    assert get_jobs(device, with_token(device, nonce=nonce, created=later)).status == 401


@pytest.mark.parametrize("seconds", [-70, 70])
def test_a_skewed_clock_is_told_the_server_time(device: Device, seconds: int) -> None:
    answer = get_jobs(device, with_token(device, created=int(time.time()) + seconds))
    assert (answer.status, answer.code) == (401, "clock_skew")
    assert abs(answer.json()["server_time_s"] - time.time()) < 10


def test_a_wrong_key_learns_nothing_of_the_clock(device: Device) -> None:
    headers = with_token(device, created=1)
    headers["signature"] = "pyvorin=:" + base64.b64encode(bytes(32)).decode() + ":"
    assert get_jobs(device, headers).code == "unauthenticated"


def test_a_body_changed_after_signing_is_refused(device: Device) -> None:
    body = canonical.dumps(device.request(SOURCE))
    bearer = {"authorization": f"Bearer {device.tokens['access_token']}"}
    headers = device.signed("POST", "/v1/compile", body, bearer)
    changed = body.replace(b"return 7", b"return 8")
    answer = device.installation.raw("POST", "/v1/compile", headers, changed)
    assert (answer.status, answer.code) == (401, "unauthenticated")


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h.pop("signature"),
        lambda h: h.pop("signature-input"),
        lambda h: h.pop("content-digest"),
        lambda h: h.pop("authorization"),
        lambda h: h.update({"authorization": "Bearer x"}),
        lambda h: h.update({"host": "elsewhere.example"}),
        lambda h: h.update({"signature": h["signature"].replace("pyvorin=", "other=")}),
        lambda h: h.update({"signature-input": h["signature-input"].replace('"@query" ', "")}),
        lambda h: h.update(
            {"signature-input": h["signature-input"].replace("hmac-sha256", "none")}
        ),
    ],
)
def test_an_incomplete_signature_is_refused(device: Device, change: Any) -> None:
    headers = with_token(device)
    change(headers)
    assert get_jobs(device, headers).status == 401


def test_another_path_or_query_than_signed_is_refused(device: Device) -> None:
    assert device.installation.raw("GET", "/v1/usage", with_token(device)).status == 401
    target = "/v1/compile/jobs?limit=1"
    assert device.installation.raw("GET", target, with_token(device)).status == 401


# ---- tokens


def forged(device: Device, header: dict[str, Any], change: dict[str, Any]) -> str:
    _, payload, signature = device.tokens["access_token"].split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    parts = [json.dumps(header).encode(), json.dumps({**claims, **change}).encode()]
    encoded = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, signature])


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "HS256", "RS512", ""])
def test_a_token_of_another_algorithm_is_refused(device: Device, algorithm: str) -> None:
    keys = device.installation.raw("GET", "/.well-known/jwks.json", {}).json()["keys"]
    header = {"alg": algorithm, "typ": "at+jwt", "kid": keys[0]["kid"]}
    bearer = {"authorization": f"Bearer {forged(device, header, {})}"}
    headers = device.signed("GET", "/v1/compile/jobs", b"", bearer)
    assert get_jobs(device, headers).code == "unauthenticated"


@pytest.mark.parametrize("kid", ["../../dev/null", "' OR 1=1 --", "x" * 3000, ""])
def test_a_strange_key_id_is_refused(device: Device, kid: str) -> None:
    header = {"alg": "RS256", "typ": "at+jwt", "kid": kid}
    bearer = {"authorization": f"Bearer {forged(device, header, {})}"}
    headers = device.signed("GET", "/v1/compile/jobs", b"", bearer)
    assert get_jobs(device, headers).status == 401


def test_a_refresh_token_used_twice_revokes_its_family(installation: Installation) -> None:
    _, key = installation.issue()
    device = Device(installation, key)
    device.activate()
    first = {"refresh_token": device.tokens["refresh_token"]}
    tokens = dict(device.tokens)
    device.tokens = {}
    second = device.send("POST", "/v1/auth/refresh", first)
    assert second.status == 200
    assert device.send("POST", "/v1/auth/refresh", first).status == 401
    successor = {"refresh_token": second.json()["refresh_token"]}
    assert device.send("POST", "/v1/auth/refresh", successor).status == 401
    device.tokens = tokens


def test_another_devices_refresh_token_is_refused_and_revoked(installation: Installation) -> None:
    _, key = installation.issue()
    owner, thief = Device(installation, key), Device(installation, key)
    owner.activate()
    thief.activate()
    stolen = {"refresh_token": owner.tokens["refresh_token"]}
    owner.tokens = thief.tokens = {}
    assert thief.send("POST", "/v1/auth/refresh", stolen).status == 401
    assert owner.send("POST", "/v1/auth/refresh", stolen).status == 401


def test_another_devices_access_token_is_refused(
    installation: Installation, device: Device
) -> None:
    _, key = installation.issue()
    thief = Device(installation, key)
    thief.activate()
    thief.tokens = device.tokens
    assert thief.send("GET", "/v1/compile/jobs").status == 401


# ---- licences


def test_parallel_activations_stop_exactly_at_the_limit(installation: Installation) -> None:
    _, key = installation.issue(devices=3)
    devices = [Device(installation, key) for _ in range(12)]
    prepared = [device.activation() for device in devices]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(
            pool.map(
                lambda parts: installation.raw("POST", "/v1/license/activate", parts[1], parts[0]),
                prepared,
            )
        )
    codes = sorted(each.status for each in answers)
    assert codes == [200] * 3 + [403] * 9, [each.body for each in answers]
    refused = {each.code for each in answers if each.status != 200}
    assert refused == {"device_limit"}


def test_the_same_device_keeps_its_place(installation: Installation) -> None:
    _, key = installation.issue(devices=1)
    device = Device(installation, key)
    assert device.activate().status == 200
    first = device.id
    assert device.activate().status == 200
    assert device.id == first


def test_unknown_keys_and_wrong_proofs_answer_alike(installation: Installation) -> None:
    _, key = installation.issue()
    wrong = Device(installation, key)
    body, headers = wrong.activation()
    headers["signature"] = "pyvorin=:" + base64.b64encode(bytes(64)).decode() + ":"
    unknown = Device(installation, key)
    unknown.secret = secrets.token_bytes(32)
    other_body, other_headers = unknown.activation()
    answers = [
        installation.raw("POST", "/v1/license/activate", headers, body),
        installation.raw("POST", "/v1/license/activate", other_headers, other_body),
    ]
    assert answers[0].status == answers[1].status == 401
    assert answers[0].json() == answers[1].json()


def test_an_activation_cannot_be_replayed(installation: Installation) -> None:
    _, key = installation.issue()
    body, headers = Device(installation, key).activation()
    assert installation.raw("POST", "/v1/license/activate", headers, body).status == 200
    assert installation.raw("POST", "/v1/license/activate", headers, body).status == 401


def test_a_revoked_licence_is_refused_at_once_and_its_jobs_end(installation: Installation) -> None:
    licence_id, key = installation.issue()
    device = Device(installation, key)
    device.activate()
    slow = device.request('MISBEHAVE = "slow"\ndef revoked():\n    return 1\n')
    job_id = device.send("POST", "/v1/compile", slow).json()["job_id"]
    device.wait(job_id, until={"compiling"})
    installation.run("licence", "revoke", licence_id)
    refused = device.send("GET", f"/v1/compile/jobs/{job_id}")
    assert (refused.status, refused.code) == (403, "licence_revoked")
    device.tokens = {}
    assert device.fetch_tokens().code == "licence_revoked"
    rows = query(installation, "SELECT state FROM jobs WHERE id = ?", job_id)
    assert rows == [("cancelled",)]


def test_a_revoked_device_is_refused_and_gives_its_place_back(installation: Installation) -> None:
    _, key = installation.issue(devices=1)
    lost, found = Device(installation, key), Device(installation, key)
    assert lost.activate().status == 200
    assert found.activate().code == "device_limit"
    installation.run("device", "revoke", lost.id)
    assert lost.send("GET", "/v1/compile/jobs").code == "device_revoked"
    assert lost.activate().code == "device_revoked"
    assert found.activate().status == 200


def test_a_revoked_devices_stream_is_cut(installation: Installation) -> None:
    _, key = installation.issue()
    device = Device(installation, key)
    device.activate()
    slow = device.request('MISBEHAVE = "slow"\ndef streamed_on():\n    return 1\n')
    job_id = device.send("POST", "/v1/compile", slow).json()["job_id"]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        target, accept = f"/v1/compile/jobs/{job_id}", {"accept": "text/event-stream"}
        stream = pool.submit(device.send, "GET", target, headers=accept)
        time.sleep(1)
        installation.run("device", "revoke", device.id)
        cut = stream.result(PATIENCE_S)
    assert b'"state":"complete"' not in cut.body


def test_a_recalled_artifact_is_served_no_more_and_named_on_the_list(device: Device) -> None:
    body = device.request("def recalled():\n    return 1\n")
    view = device.build(body)
    device.installation.run(
        "recall", "artifact_id", view["artifact_id"], "--reason", "built wrongly"
    )
    download = device.send("GET", f"/v1/artifacts/{view['artifact_id']}/download")
    assert download.status == 404
    assert device.look_up(body["claim"]["fingerprint"]).code == "fingerprint_unknown"
    listed = base64.b64decode(device.send("GET", "/v1/recall").json()["payload"])
    assert view["artifact_id"].encode() in listed


# ---- tenancy


def test_foreign_ids_answer_as_unknown_ids_do(installation: Installation, device: Device) -> None:
    view = device.build(device.request("def mine():\n    return 1\n"))
    other = other_organisation(installation)
    job, made = view["job_id"], view["artifact_id"]
    for foreign, unknown in (
        (f"/v1/compile/jobs/{job}", f"/v1/compile/jobs/job_{'a' * 26}"),
        (f"/v1/compile/jobs/{job}/log", f"/v1/compile/jobs/job_{'a' * 26}/log"),
        (f"/v1/artifacts/{made}", f"/v1/artifacts/art_{'a' * 26}"),
        (f"/v1/artifacts/{made}/download", f"/v1/artifacts/art_{'a' * 26}/download"),
        (f"/v1/artifacts/{made}/provenance", f"/v1/artifacts/art_{'a' * 26}/provenance"),
    ):
        answers = [other.send("GET", target) for target in (foreign, unknown)]
        assert [each.status for each in answers] == [404, 404]
        assert answers[0].json() == answers[1].json()
    cancel = other.send("POST", f"/v1/compile/jobs/{job}/cancel", {})
    assert cancel.status == 404
    assert other.send("GET", "/v1/compile/jobs").json()["items"] == []
    shared = other.look_up(device.request("def mine():\n    return 1\n")["claim"]["fingerprint"])
    assert shared.code == "fingerprint_unknown"


@pytest.mark.parametrize("text", ["..%2f..%2fetc", "%00", "job_'--", "job_" + "a" * 500])
def test_strange_ids_are_not_found(device: Device, text: str) -> None:
    assert device.send("GET", f"/v1/compile/jobs/{text}").status == 404


# ---- claims, verdicts, signer


def test_a_claim_of_anothers_fingerprint_is_not_signed(device: Device) -> None:
    body = device.request("def honest():\n    return 1\n", claimed="def f():\n    return 2\n")
    view = device.build(body)
    assert (view["state"], view["code"]) == ("failed", "PYV891")
    found = device.look_up(body["claim"]["fingerprint"])
    assert found.code == "fingerprint_unknown"


@pytest.mark.parametrize("part", ["source_sha256", "options_sha256", "signature"])
def test_a_claim_that_does_not_fit_is_refused_at_the_door(device: Device, part: str) -> None:
    body = device.request(SOURCE)
    wrong = envelope.base64_text(bytes(64)) if part == "signature" else "0" * 64
    body["claim"][part] = wrong
    assert device.send("POST", "/v1/compile", body).code == "unprocessable"


@pytest.mark.parametrize(
    ("misbehaviour", "state", "code"),
    [
        ("forged", "mismatch", "PYV601"),
        ("crash", "mismatch", "PYV603"),
        ("silent", "failed", "PYV604"),
        ("garbage", "failed", "PYV901"),
        ("untold", "failed", "PYV901"),
        ("early", "failed", "PYV602"),
        ("network", "failed", None),
        ("files", "failed", None),
    ],
)
def test_a_hostile_worker_gets_nothing_signed(
    device: Device, misbehaviour: str, state: str, code: str | None
) -> None:
    source = f'MISBEHAVE = "{misbehaviour}"\ndef hostile():\n    return 1\n'
    view = device.build(device.request(source))
    assert view["state"] == state, view
    assert code is None or view["code"] == code
    assert view["artifact_id"] is None
    assert view["credits"] == 0


def signer(installation: Installation) -> LocalClient:
    token = (installation.folder / "keys" / "signer.token").read_text()
    return LocalClient(installation.folder / "run" / "signer.sock", token, patience_s=1)


def call_signer(installation: Installation, op: str, fields: Any, blobs: list[bytes]) -> str:
    """Return the code of the signer's refusal, or `ok`."""
    try:
        asyncio.run(signer(installation).call(op, fields, blobs))
    except RemoteError as error:
        return error.code
    return "ok"


def test_the_signer_refuses_a_verdict_that_the_verifier_did_not_sign(
    installation: Installation, device: Device
) -> None:
    slow = device.request('MISBEHAVE = "slow"\ndef forged_verdict():\n    return 1\n')
    job_id = device.send("POST", "/v1/compile", slow).json()["job_id"]
    device.wait(job_id, until={"compiling"})
    content = b"\x7fELF evil"
    verdict = {
        "verdict_id": "verdict-1",
        "job_id": job_id,
        "fence": 1,
        "cases": 1,
        "artifact_sha256": hashlib.sha256(content).hexdigest(),
        "artifact_size": len(content),
        "digest": "0" * 64,
        "functions": [],
        "toolchain": {},
        "sandbox_tier": "native",
    }
    signed = envelope.sign(
        VERDICT_TYPE, canonical.dumps(verdict), {"verifier-1": lambda _: bytes(64)}
    )
    fields = {"job_id": job_id, "fence": 1}
    assert call_signer(installation, "sign", fields, [signed.to_bytes(), content]) == "verdict"
    device.send("POST", f"/v1/compile/jobs/{job_id}/cancel", {})


def test_the_signer_refuses_a_finished_job_and_a_repeated_verdict(
    installation: Installation, device: Device
) -> None:
    view = device.build(device.request("def finished():\n    return 1\n"))
    fields = {"job_id": view["job_id"], "fence": 1}
    assert call_signer(installation, "sign", fields, [b"{}", b"x"]) in ("verdict", "lease")


def test_the_signer_wants_its_token(installation: Installation) -> None:
    stranger = LocalClient(installation.folder / "run" / "signer.sock", "0" * 64, patience_s=1)
    with pytest.raises(RemoteError, match="unreachable"):
        asyncio.run(stranger.call("recall", {"organisation_id": "x"}))


def test_an_envelope_is_only_made_for_the_bytes_that_were_signed(
    installation: Installation, device: Device
) -> None:
    view = device.build(device.request("def bound():\n    return 1\n"))
    fields = {"artifact_id": view["artifact_id"], "device_id": device.id}
    assert call_signer(installation, "envelope", fields, [b"other bytes"]) == "artifact"


def test_a_changed_or_older_statement_in_the_database_is_not_served(
    installation: Installation, device: Device
) -> None:
    old = device.build(device.request("def replay():\n    return 1\n"))
    new = device.build(device.request("def replay():\n    return 2\n"))
    (old_row,) = query(
        installation, "SELECT statement FROM artifacts WHERE id = ?", old["artifact_id"]
    )
    execute(
        installation,
        "UPDATE artifacts SET statement = ? WHERE id = ?",
        old_row[0],
        new["artifact_id"],
    )
    answer = device.send("GET", f"/v1/artifacts/{new['artifact_id']}/download")
    assert answer.status == 503
    assert b"ELF" not in answer.body


def test_a_changed_object_in_the_store_is_not_served(
    installation: Installation, device: Device
) -> None:
    view = device.build(device.request("def stored():\n    return 1\n"))
    (row,) = query(
        installation,
        "SELECT organisation_id, sha256 FROM artifacts WHERE id = ?",
        view["artifact_id"],
    )
    path = installation.folder / "store" / row[0] / row[1]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    answer = device.send("GET", f"/v1/artifacts/{view['artifact_id']}/download")
    assert answer.status == 503


# ---- transport and bodies


def test_tls_1_2_is_refused(installation: Installation) -> None:
    context = ssl.create_default_context(cadata=installation.trust().ca_pem)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", installation.port), 10) as plain,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_large_bodies_deep_json_and_other_media_types_are_refused(device: Device) -> None:
    bearer = {"authorization": f"Bearer {device.tokens['access_token']}"}
    for body, headers, code in (
        (b"x" * 5_000_000, {}, "too_large"),
        (b"[" * 100_000, {}, "malformed"),
        (b'{"a":1e400}', {}, "malformed"),
        (b'{"a":NaN}', {}, "malformed"),
        (b"a=1", {"content-type": "application/x-www-form-urlencoded"}, "malformed"),
        (b"{}", {"content-encoding": "gzip"}, "malformed"),
    ):
        signed = device.signed("POST", "/v1/compile", body, {**bearer, **headers})
        answer = device.installation.raw("POST", "/v1/compile", signed, body)
        assert answer.code == code, (body[:20], answer)


def test_activation_attempts_are_throttled_with_retry_after(installation: Installation) -> None:
    _, key = installation.issue()
    device = Device(installation, key)
    execute(
        installation,
        "INSERT OR REPLACE INTO rate_windows VALUES ('activate|127.0.0.1|60', ?, 9999)",
        int(time.time()) // 60,
    )
    body, headers = device.activation()
    answer = installation.raw("POST", "/v1/license/activate", headers, body)
    execute(installation, "DELETE FROM rate_windows WHERE key = 'activate|127.0.0.1|60'")
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 60


# ---- the audit log


def test_audit_rows_cannot_be_changed_and_a_cut_tail_is_found(installation: Installation) -> None:
    for statement in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit"):
        with pytest.raises(sqlite3.DatabaseError, match="append-only"):
            execute(installation, statement)
    assert installation.run("audit", "verify").returncode == 0


# ---- helpers


def query(installation: Installation, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(installation.folder / "app.db", timeout=300)
    try:
        return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


def execute(installation: Installation, statement: str, *values: Any) -> None:
    connection = sqlite3.connect(installation.folder / "app.db", timeout=300)
    try:
        with connection:
            connection.execute(statement, values)
    finally:
        connection.close()


def other_organisation(installation: Installation) -> Device:
    """A device of a second organisation; made through the service's own functions."""
    script = """
import asyncio, sys
from pyvorin_server.db import open_database
from pyvorin_server.kit.clock import SystemClock
from pyvorin_server.kit.sealing import FileKeyProvider
from pyvorin_server.orgs import create
from pyvorin_server.settings import SERVICE_KEK_FILE, current

async def main():
    settings = current()
    keys = FileKeyProvider(settings.key_dir / SERVICE_KEK_FILE)
    database = open_database(settings.app_database)
    async with database.write() as connection:
        print(await create(connection, "Other", keys, SystemClock().now()))
    await database.close()

asyncio.run(main())
"""
    made = subprocess.run(
        [sys.executable, "-c", script],
        env=installation.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    issued = installation.run(
        "licence", "issue", "--organisation", made.stdout.strip(), "--format", "json"
    )
    device = Device(installation, json.loads(issued.stdout)["key"])
    assert device.activate().status == 200
    return device
