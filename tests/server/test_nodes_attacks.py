"""Attacks on requests, tokens and licences, on both databases, across two API processes."""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import json
import secrets
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyvorin_server.admin import offline
from pyvorin_server.errors import Problem
from pyvorin_wire import api, canonical, envelope, licence
from pyvorin_wire.identity import OFFLINE_TYPE

from tests.server.nodes import Nodes, other_node, send_to, settings_of, wait_for
from tests.server.service import Answer, Device

pytestmark = pytest.mark.attack
TARGET = "/v1/license/check"


def signed(device: Device, **signing: Any) -> tuple[dict[str, str], bytes]:
    body = b"{}"
    bearer = {"authorization": f"Bearer {device.tokens['access_token']}"}
    return device.signed("POST", TARGET, body, bearer, **signing), body


def check(device: Device) -> Answer:
    return device.send("POST", TARGET, {})


# ---- nonces (P19)


def test_a_nonce_counts_once_on_all_nodes(nodes: Nodes) -> None:
    headers, body = signed(nodes.device())
    assert send_to(nodes.first, "POST", TARGET, headers, body).status == 200
    for node in nodes.all:
        again = send_to(node, "POST", TARGET, headers, body)
        assert (again.status, again.code) == (401, "unauthenticated")


def test_a_nonce_still_counts_at_the_end_of_its_window(nodes: Nodes) -> None:
    created = int(time.time()) - 48
    headers, body = signed(nodes.device(), created=created)
    assert send_to(nodes.first, "POST", TARGET, headers, body).status == 200
    time.sleep(max(0, created + 58.5 - time.time()))
    again = send_to(nodes.second, "POST", TARGET, headers, body)
    assert again.status == 401
    assert "before" in again.json()["detail"] or time.time() > created + 60


def test_of_one_request_sent_at_once_to_both_nodes_one_is_admitted(nodes: Nodes) -> None:
    device = nodes.device()
    for _ in range(5):
        headers, body = signed(device)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            sent = [
                pool.submit(send_to, nodes.all[number % 2], "POST", TARGET, headers, body)
                for number in range(8)
            ]
            found = sorted(each.result().status for each in sent)
        assert found == [200] + [401] * 7


def test_a_nonce_counts_after_a_restart(nodes: Nodes) -> None:
    headers, body = signed(nodes.device())
    assert send_to(nodes.first, "POST", TARGET, headers, body).status == 200
    nodes.kill("api0", signal.SIGKILL)
    nodes.start_api(0)
    assert send_to(nodes.first, "POST", TARGET, headers, body).status == 401


@pytest.mark.parametrize(
    "nonce", ["", "short", "x" * 65, "x" * 5000, "with space 1234567", "é" * 20]
)
def test_a_strange_nonce_is_refused(nodes: Nodes, nonce: str) -> None:
    device = nodes.device()
    headers, body = signed(device)
    good = headers["signature-input"].split('nonce="')[1].split('"')[0]
    headers["signature-input"] = headers["signature-input"].replace(good, nonce)
    answer = send_to(nodes.first, "POST", TARGET, {**headers}, body)
    assert answer.status in (400, 401), answer


def test_a_request_without_a_nonce_is_refused(nodes: Nodes) -> None:
    headers, body = signed(nodes.device())
    start = headers["signature-input"].index(';nonce="')
    end = headers["signature-input"].index(";keyid")
    headers["signature-input"] = (
        headers["signature-input"][:start] + headers["signature-input"][end:]
    )
    assert send_to(nodes.first, "POST", TARGET, headers, body).status == 401


def test_with_the_nonce_store_away_nothing_is_admitted(nodes: Nodes) -> None:
    device = nodes.device()
    nodes.sql("ALTER TABLE nonces RENAME TO away")
    try:
        for node in nodes.all:
            refused = check(other_node(device, node))
            assert (refused.status, refused.code) == (503, "unavailable")
    finally:
        nodes.sql("ALTER TABLE away RENAME TO nonces")
    assert check(device).status == 200


# ---- refresh tokens (P11)


def refresh(device: Device, token: str) -> Answer:
    bare = other_node(device, device.installation)
    bare.tokens = {}
    return bare.send("POST", "/v1/auth/refresh", {"refresh_token": token})


def test_a_spent_refresh_token_from_another_device_revokes_the_family(nodes: Nodes) -> None:
    _, key = nodes.issue()
    owner, thief = nodes.device(licence_key=key), nodes.device(nodes.second, key)
    first = owner.tokens["refresh_token"]
    successor = refresh(owner, first).json()["refresh_token"]
    stolen = refresh(thief, first)
    assert (stolen.status, stolen.code) == (401, "unauthenticated")
    assert refresh(owner, successor).status == 401
    reused = [each for each in nodes.events("token.reused") if each["actor"] == thief.id]
    assert len(reused) == 1


def test_a_refresh_token_of_another_organisation_revokes_the_family(nodes: Nodes) -> None:
    owner = nodes.device()
    _, key = nodes.issue(organisation=nodes.organisation("Thieves"))
    thief = nodes.device(nodes.second, key)
    token = owner.tokens["refresh_token"]
    assert refresh(thief, token).status == 401
    assert refresh(owner, token).status == 401


def test_of_parallel_uses_of_a_refresh_token_one_succeeds(nodes: Nodes) -> None:
    device = nodes.device()
    token = device.tokens["refresh_token"]
    copies = [other_node(device, nodes.all[number % 2]) for number in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = sorted(each.status for each in pool.map(lambda d: refresh(d, token), copies))
    assert found == [200] + [401] * 7


# ---- keys


def kids(nodes: Nodes) -> list[set[str]]:
    return [
        {key["kid"] for key in node.raw("GET", "/.well-known/jwks.json", {}).json()["keys"]}
        for node in nodes.all
    ]


def test_a_rotated_token_key_overlaps_on_every_node(nodes: Nodes) -> None:
    device = nodes.device()
    before = kids(nodes)
    new = nodes.first.run("keys", "rotate").stdout.strip()
    wait_for(lambda: all(new in found for found in kids(nodes)), "published everywhere")
    assert all(old <= now for old, now in zip(before, kids(nodes), strict=True))
    for node in nodes.all:
        assert check(other_node(device, node)).status == 200
    nodes.sql("UPDATE token_keys SET active_at = created_at WHERE kid = :kid", kid=new)
    fresh = nodes.device(nodes.second)

    def signs_with_the_new_one() -> bool:
        fresh.tokens = fresh.fetch_tokens().json()
        return bool(header_of(fresh.tokens["access_token"])["kid"] == new)

    wait_for(signs_with_the_new_one, "the new key signs")
    for node in nodes.all:
        assert check(other_node(fresh, node)).status == 200
        assert check(other_node(device, node)).status == 200
    nodes.sql("UPDATE token_keys SET retire_at = created_at WHERE kid <> :kid", kid=new)
    wait_for(lambda: check(device).status == 401, "the old key is worth nothing any more")
    assert check(fresh).status == 200


def header_of(token: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))


# ---- licences (P16, P17)


def test_a_hundred_parallel_activations_stop_exactly_at_three(nodes: Nodes) -> None:
    licence_id, key = nodes.issue(devices=3)
    devices = [Device(nodes.all[number % 2], key) for number in range(100)]
    prepared = [(device, *device.activation()) for device in devices]

    def activate(parts: tuple[Device, bytes, dict[str, str]]) -> Answer:
        device, body, headers = parts
        return device.installation.raw("POST", "/v1/license/activate", headers, body)

    with concurrent.futures.ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(activate, prepared))
    assert sorted(each.status for each in answers) == [200] * 3 + [403] * 97
    assert {each.code for each in answers if each.status != 200} == {"device_limit"}
    assert nodes.sql("SELECT count(*) FROM devices WHERE licence_id = :id", id=licence_id) == [(3,)]


@pytest.mark.parametrize(("verb", "code"), [("suspend", "suspended"), ("revoke", "revoked")])
def test_a_licence_taken_away_is_refused_on_the_next_request_on_every_node(
    nodes: Nodes, verb: str, code: str
) -> None:
    licence_id, key = nodes.issue()
    device = nodes.device(licence_key=key)
    everywhere = [other_node(device, node) for node in nodes.all]
    assert [check(each).status for each in everywhere] == [200, 200]
    nodes.change(licence_id, verb)
    for each in everywhere:
        refused = check(each)
        assert (refused.status, refused.code) == (403, f"licence_{code}")
        assert each.fetch_tokens().code == f"licence_{code}"
        assert Device(each.installation, key).activate().code == f"licence_{code}"
    assert refresh(device, device.tokens["refresh_token"]).status == 403


def test_a_resumed_licence_works_again_with_new_tokens(nodes: Nodes) -> None:
    licence_id, key = nodes.issue()
    device = nodes.device(licence_key=key)
    nodes.change(licence_id, "suspend")
    nodes.change(licence_id, "resume")
    assert refresh(device, device.tokens["refresh_token"]).status == 401
    device.tokens = device.fetch_tokens().json()
    assert check(device).status == 200


def test_an_expired_licence_is_refused_on_every_node(nodes: Nodes) -> None:
    licence_id, key = nodes.issue()
    device = nodes.device(licence_key=key)
    nodes.sql("UPDATE licences SET expires_at = 1 WHERE id = :id", id=licence_id)
    for node in nodes.all:
        assert check(other_node(device, node)).code == "licence_expired"


def test_a_stolen_database_cannot_activate(nodes: Nodes) -> None:
    """The look-up is keyed, and only a public key is stored: neither signs an activation."""
    licence_id, key = nodes.issue()
    lookup, public = nodes.sql(
        "SELECT lookup, public_key FROM licences WHERE id = :i", i=licence_id
    )[0]
    device = Device(nodes.first, key)
    for secret in (bytes(lookup), bytes(public)):
        thief = Device(nodes.first, key)
        thief.secret = secret
        body, headers = thief.activation()
        assert nodes.first.raw("POST", "/v1/license/activate", headers, body).status == 401
    text = str(nodes.sql("SELECT * FROM licences WHERE id = :i", i=licence_id))
    assert device.secret.hex() not in text
    assert key not in text


def request_file(device: Device, folder: Path, made_at: int) -> Path:
    """An activation request as a file, as a machine without a network makes it."""
    body, _ = device.activation()
    asked = {"request": json.loads(body), "made_at": made_at}
    key = Ed25519PrivateKey.from_private_bytes(licence.activation_seed(device.secret))
    signed = envelope.sign(OFFLINE_TYPE, canonical.dumps(asked), {"licence": key.sign})
    path = folder / "request.json"
    path.write_bytes(signed.to_bytes())
    return path


def test_a_machine_without_a_network_is_activated_by_files_once(
    nodes: Nodes, tmp_path: Path
) -> None:
    device = Device(nodes.first, nodes.issue(devices=1)[1])
    path = request_file(device, tmp_path, int(time.time()))
    settings = settings_of(nodes.first)
    made = api.ActivateResponse.from_json(json.loads(asyncio.run(offline.answer(settings, path))))
    device._open(made)
    device.tokens = device.fetch_tokens().json()
    assert check(device).status == 200
    with pytest.raises(Problem, match="answered before"):
        asyncio.run(offline.answer(settings, path))
    other = Device(nodes.first, nodes.issue()[1])
    old = request_file(other, tmp_path, int(time.time()) - 31 * 86_400)
    with pytest.raises(Problem, match="older"):
        asyncio.run(offline.answer(settings, old))
    stolen = Device(nodes.first, nodes.issue()[1])
    forged = request_file(stolen, tmp_path, int(time.time()))
    content = json.loads(forged.read_bytes())
    content["signatures"][0]["sig"] = "A" * 86 + "=="
    forged.write_bytes(json.dumps(content).encode())
    with pytest.raises(Problem, match=r"not signed|not an activation"):
        asyncio.run(offline.answer(settings, forged))


def test_refusals_are_recorded_without_the_address(nodes: Nodes) -> None:
    device = nodes.device()
    before = nodes.sql("SELECT max(sequence) FROM audit")[0][0]
    newer = "SELECT subject, detail FROM audit WHERE event = 'request.refused' AND sequence > :n"

    # From an address of its own: one that was refused often is not recorded again this minute.
    own = "127.9.8.7"
    headers, body = signed(device)
    headers["signature"] = "pyvorin=:AAAA:"
    assert nodes.first.raw("POST", TARGET, headers, body, own).status == 401
    wait_for(lambda: nodes.sql(newer, n=before), "a refusal is recorded")
    subject, detail = nodes.sql(newer, n=before)[0]
    assert json.loads(detail) == {"code": "unauthenticated", "route": TARGET, "method": "POST"}
    assert subject.startswith("addr-")
    assert own not in subject + detail


def test_a_device_cannot_fill_the_nonce_store(nodes: Nodes) -> None:
    device = nodes.device()
    window = int(time.time()) // 60
    for minute in range(window, window + 3):
        set_window(nodes, f"device|{device.id}|60", minute, 5999)
    assert check(device).status == 200
    for node in nodes.all:
        refused = check(other_node(device, node))
        assert (refused.status, refused.code) == (429, "rate_limited")
        assert 1 <= int(refused.headers["retry-after"]) <= 60


def test_p15_guessing_keys_is_throttled_and_tells_nothing(nodes: Nodes) -> None:
    window, limit = int(time.time()) // 60, 100_000
    for minute in range(window, window + 4):
        set_window(nodes, "activate|127.0.0.1|60", minute, limit - 10)
    recorded = len(nodes.events("activation.refused"))
    template = Device(nodes.first, nodes.issue()[1])

    def guess(number: int) -> Answer:
        device = Device(nodes.all[number % 2], licence.format_key(secrets.token_bytes(32)))
        device.signing = template.signing
        body, headers = device.activation()
        return device.installation.raw("POST", "/v1/license/activate", headers, body)

    try:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(guess, range(200)))
    finally:
        nodes.sql("DELETE FROM rate_windows WHERE key = 'activate|127.0.0.1|60'")
    tried = [each for each in answers if each.status == 401]
    assert {each.status for each in answers} == {401, 429}
    assert len(tried) <= 40  # ten in each minute the guessing took
    assert len({each.body for each in tried}) == 1
    assert len(nodes.events("activation.refused")) - recorded <= len(tried)


def set_window(nodes: Nodes, key: str, minute: int, count: int) -> None:
    nodes.sql(
        'INSERT INTO rate_windows (key, "window", count) VALUES (:key, :minute, :count)'
        ' ON CONFLICT (key, "window") DO UPDATE SET count = :count',
        key=key,
        minute=minute,
        count=count,
    )


def test_a_forwarded_address_does_not_get_round_a_limit(nodes: Nodes) -> None:
    """Everything a caller may write about where it comes from counts as one address."""
    window = int(time.time()) // 60
    for minute in range(window, window + 3):
        set_window(nodes, "activate|127.0.0.1|60", minute, 1_000_000)
    try:
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "x-forwarded-for", "Via"):
            device = Device(nodes.first, nodes.issue()[1])
            body, headers = device.activation()
            headers[name] = f"203.0.113.{secrets.randbelow(250)}"
            answer = nodes.first.raw("POST", "/v1/license/activate", headers, body)
            assert answer.status == 429, name
    finally:
        nodes.sql("DELETE FROM rate_windows WHERE key = 'activate|127.0.0.1|60'")


def test_unknown_fields_and_large_tokens_are_refused_alike(nodes: Nodes) -> None:
    device = nodes.device()
    device.tokens = {}
    for body in ({"refresh_token": "x" * 300}, {"refresh_token": "pvr_" + "x" * 43, "a": 1}):
        assert device.send("POST", "/v1/auth/refresh", body).status == 400
