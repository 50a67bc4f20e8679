"""CI runs that log in by an identity token: a real local issuer, real nodes, forged tokens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from pyvorin_wire import canonical, httpsig, platform

from tests.server.nodes import Nodes, running
from tests.server.people import Person, administrator
from tests.server.service import Answer, Device
from tests.server.test_watch import HookSink, serving

pytestmark = pytest.mark.attack
AUDIENCE = "pyvorin"
SUBJECT = "repo:acme/app:ref:refs/heads/main"


class Issuer(HookSink):
    """An OpenID Connect issuer with one key, over TLS of its own authority."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.RequestHandlerClass = IssuerRequest
        self.key = RSAKey.generate_key(2048, parameters={"kid": "k1", "use": "sig", "alg": "RS256"})
        self.elsewhere = ""

    def token(self, key: Any = None, alg: str = "RS256", kid: str = "k1", **change: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": SUBJECT,
            "iat": now,
            "exp": now + 300,
            "jti": str(time.time_ns()),
        } | change
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": alg, "kid": kid}, claims, key or self.key, algorithms=[alg])


class IssuerRequest(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Issuer)
        issuer = self.server
        if self.path == "/.well-known/openid-configuration":
            keys = issuer.elsewhere or f"{issuer.url}/keys"
            body: Any = {"issuer": issuer.url, "jwks_uri": keys}
        else:
            body = {"keys": [issuer.key.as_dict(private=False)]}
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with serving(Issuer(tmp_path_factory.mktemp("issuer"))) as made:
        yield made


@pytest.fixture(scope="module")
def ci(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    folder = tmp_path_factory.mktemp("ci")
    allowed = {"egress_allow": f"private:{issuer.url}", "egress_ca_file": issuer.ca_file}
    with running(folder, "sqlite", 1, **allowed) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def boss(ci: Nodes) -> Person:
    return administrator(ci, "boss")


@pytest.fixture(scope="module")
def trusted(ci: Nodes, boss: Person, issuer: Issuer) -> str:
    """A licence that runs of one branch may use; returns the trust's id."""
    licence, _ = ci.issue(devices=50)
    asked = {"licence_id": licence, "issuer": issuer.url, "audience": AUDIENCE}
    target = f"/v1/orgs/{ci.first.trust().organisation_id}/ci"
    made = boss.send("POST", target, {**asked, "subject": "repo:acme/app:*"})
    assert made.status == 201, made
    return str(made.json()["trust_id"])


def log_in(nodes: Nodes, token: str, sign_with: Ed25519PrivateKey | None = None) -> Answer:
    """Log in as a run does; the device's own key signs unless another is given."""
    device = Device(nodes.first, nodes.issue()[1])
    public = device.signing.public_key().public_bytes_raw().hex()
    body = canonical.dumps(
        {
            "id_token": token,
            "ed25519": public,
            "x25519": device.sealing.public_key().public_bytes_raw().hex(),
            "platform": platform.running().to_json(),
            "client_version": "0.1.0",
        }
    )
    headers = {"host": f"127.0.0.1:{nodes.first.port}", "content-type": "application/json"}
    request = httpsig.Request("POST", headers["host"], "/v1/auth/ci", "", headers, body)
    nonce = f"nonce-{time.time_ns()}-x"
    parameters = httpsig.Parameters(int(time.time()), nonce, public, httpsig.ED25519)
    signed = headers | httpsig.sign(request, parameters, (sign_with or device.signing).sign)
    return nodes.first.raw("POST", "/v1/auth/ci", signed, body)


def test_a_run_becomes_a_device_for_an_hour(ci: Nodes, issuer: Issuer, trusted: str) -> None:
    answer = log_in(ci, issuer.token())
    assert answer.status == 200, answer
    made = answer.json()["device_id"]
    (row,) = ci.sql("SELECT created_at, expires_at FROM devices WHERE id = :id", id=made)
    assert abs(row[1] - row[0] - 3_600_000_000) < 60_000_000


def test_a_token_is_good_once(ci: Nodes, issuer: Issuer, trusted: str) -> None:
    token = issuer.token()
    assert [log_in(ci, token).status for _ in range(2)] == [200, 401]


Forge = Callable[[Issuer], str]
OTHER = RSAKey.generate_key(2048, parameters={"kid": "k1"})
FORGED: dict[str, Forge] = {
    "another key": lambda i: i.token(OTHER),
    "an unknown key": lambda i: i.token(OTHER, kid="k2"),
    "HMAC with the public key": lambda i: i.token(
        OctKey.import_key(str(i.key.as_dict(private=False)["n"])), "HS256"
    ),
    "an EC key of its own": lambda i: i.token(ECKey.generate_key("P-256"), "ES256"),
    "no signature": lambda i: i.token().rsplit(".", 1)[0] + ".",
    "another audience": lambda i: i.token(aud="other"),
    "no audience": lambda i: i.token(aud=None),
    "another repository": lambda i: i.token(sub="repo:evil/app:ref:refs/heads/main"),
    "a longer repository": lambda i: i.token(sub="repo:acme/app-evil:ref:x"),
    "no subject": lambda i: i.token(sub=None),
    "a subject that is a list": lambda i: i.token(sub=[SUBJECT]),
    "over": lambda i: i.token(iat=int(time.time()) - 600, exp=int(time.time()) - 60),
    "not yet": lambda i: i.token(nbf=int(time.time()) + 120),
    "for a day": lambda i: i.token(exp=int(time.time()) + 86_400),
    "without an end": lambda i: i.token(exp=None),
    "a fraction": lambda i: i.token(exp=time.time() + 60.5),
    "an issuer nobody trusts": lambda i: i.token(iss="https://evil.example"),
    "an issuer inside": lambda i: i.token(iss="https://127.0.0.1:1"),
    "no token": lambda _i: "x",
    "three dots": lambda _i: "..." * 100,
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_is_refused_alike(
    ci: Nodes, issuer: Issuer, trusted: str, name: str
) -> None:
    answer = log_in(ci, FORGED[name](issuer))
    assert (answer.status, answer.code) == (401, "unauthenticated"), name
    assert answer.json()["detail"] == "the identity token was not accepted"


def test_a_stolen_token_without_the_devices_key_is_refused(
    ci: Nodes, issuer: Issuer, trusted: str
) -> None:
    assert log_in(ci, issuer.token(), Ed25519PrivateKey.generate()).status == 401


def test_keys_are_not_fetched_from_elsewhere(ci: Nodes, issuer: Issuer, trusted: str) -> None:
    ci.kill("api0")  # which remembers keys for five minutes
    ci.start_api(0)
    issuer.elsewhere = "https://127.0.0.1:1/keys"
    try:
        assert log_in(ci, issuer.token()).status == 401
    finally:
        issuer.elsewhere = ""


def test_an_issuer_off_the_allow_list_cannot_be_trusted(ci: Nodes, boss: Person) -> None:
    licence, _ = ci.issue()
    target = f"/v1/orgs/{ci.first.trust().organisation_id}/ci"
    for issuer in ("https://evil.example", "https://127.0.0.1:1", "https://169.254.169.254"):
        asked = {"licence_id": licence, "issuer": issuer, "audience": "a", "subject": "s"}
        assert boss.send("POST", target, asked).status == 422
    for subject in ("*", "a*b", "**"):
        asked = {"licence_id": licence, "issuer": issuer, "audience": "a", "subject": subject}
        assert boss.send("POST", target, asked).status == 422


def test_a_trust_taken_back_admits_nobody(
    ci: Nodes, boss: Person, issuer: Issuer, trusted: str
) -> None:
    target = f"/v1/orgs/{ci.first.trust().organisation_id}/ci/{trusted}/revoke"
    assert boss.send("POST", target, {}).status == 200
    assert log_in(ci, issuer.token()).status == 401
