"""Attacks on the HTTP server: raw bytes over TLS, hostile bodies, a fuzzed OpenAPI document."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pyvorin_server.kit.front import HEAD_BYTES, HEAD_S

from tests.server.nodes import Nodes, other_node
from tests.server.service import Device, Installation

pytestmark = pytest.mark.attack
ANSWER_S = 60  # twice what a body may take to arrive: by then the server has answered or closed
# Words that only our own internals would say.
INTERNALS = re.compile(
    rb"Traceback|sqlalchemy|sqlite3|psycopg|SELECT |INSERT |pyvorin_server|site-packages|\.py\b"
    rb"|UNIQUE constraint|asyncio|starlette|File \"",
    re.IGNORECASE,
)


def open_tls(node: Installation) -> ssl.SSLSocket:
    context = ssl.create_default_context(cadata=node.trust().ca_pem)
    plain = socket.create_connection(("127.0.0.1", node.port), 20)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def talk(node: Installation, data: bytes) -> bytes:
    """Send bytes, return everything that comes back until the server closes or, having answered,
    falls silent. Only one who sends more than a head may be is cut off while still sending.
    """
    with open_tls(node) as connection:
        try:
            connection.sendall(data)
        except (ConnectionError, ssl.SSLError):
            assert len(data) > HEAD_BYTES, "closed before it had read a request of lawful size"
        connection.settimeout(ANSWER_S)
        received = b""
        with contextlib.suppress(TimeoutError, ConnectionError, ssl.SSLError):
            while part := connection.recv(65536):
                received += part
                connection.settimeout(3)
        return received


def assert_serving(node: Installation) -> None:
    """What a refusal is worth: the same server answers a lawful request, and `talk` sees it."""
    lawful = b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert statuses(talk(node, lawful)) == [200]


def statuses(answer: bytes) -> list[int]:
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]


# ---- smuggling (P32) and headers (P26)

HEAD = b"POST /v1/auth/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
HIDDEN = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 60\r\n\r\n0\r\n\r\n" + HIDDEN,
        HEAD + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}" + HIDDEN,
        HEAD + b"Content-Length: +2\r\n\r\n{}" + HIDDEN,
        HEAD + b"Content-Length: 0x2\r\n\r\n{}" + HIDDEN,
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
        HEAD
        + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"
        + HIDDEN,
        HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
        HEAD + b"X: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    ],
)
def test_p32_a_hidden_request_is_not_answered(nodes: Nodes, data: bytes) -> None:
    found = statuses(talk(nodes.first, data))
    assert 200 not in found, found
    assert len(found) <= 1 or set(found) <= {400, 401}
    assert_serving(nodes.first)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nSignature: a\r\nsignature: b\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nContent-Type: a\r\nCONTENT-TYPE: b\r\n\r\n",
        b"GET /health\r\n\r\n",
        b"GET /health HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHo st: a\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nX\x00Y: b\r\n\r\n",
        b"\x16\x03\x01" + b"A" * 100,
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 500_000 + b"\r\n\r\n",
    ],
)
def test_p26_ambiguous_requests_are_refused(nodes: Nodes, data: bytes) -> None:
    answer = talk(nodes.first, data)
    assert 200 not in statuses(answer), answer[:200]
    assert not INTERNALS.search(answer), answer[:300]
    assert_serving(nodes.first)


def test_p26_a_header_of_other_case_is_the_same_header(nodes: Nodes) -> None:
    device = nodes.device()
    bearer = {"authorization": f"Bearer {device.tokens['access_token']}"}
    signed = device.signed("GET", "/v1/usage", b"", bearer)
    upper = {name.upper(): value for name, value in signed.items()}
    assert nodes.first.raw("GET", "/v1/usage", upper).status == 200
    other = device.signed("GET", "/v1/usage", b"", bearer)
    other["authorization"] = other["authorization"].replace("Bearer", "bearer")
    assert nodes.first.raw("GET", "/v1/usage", other).status == 401


# ---- bodies (P30) and patience (P31)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"device_id": ' + b"9" * 100_000 + b"}",
        b'{"device_id": NaN}',
        b'{"device_id": 1e999}',
        b'{"device_id": "a", "device_id": "b"}',
        b'{"device_id": "\xff\xfe"}',
        b'{"device_id": "\\ud800"}',
        b"\x00" * 1000,
        b"",
        b"null",
        b'"text"',
        b"\x1f\x8b" + b"\x00" * 1000,
    ],
)
def test_p30_a_hostile_body_is_refused_and_costs_little(nodes: Nodes, body: bytes) -> None:
    device = nodes.device()
    headers = device.signed("POST", "/v1/auth/token", body, {"content-type": "application/json"})
    answer = nodes.first.raw("POST", "/v1/auth/token", headers, body)
    assert answer.status in (400, 413), answer
    assert not INTERNALS.search(answer.body), answer.body


def test_p30_an_endless_chunked_body_is_cut(nodes: Nodes) -> None:
    before = resident_kib(nodes)
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    with open_tls(nodes.first) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
            while sent < 64_000_000:
                connection.sendall(chunk)
                sent += len(chunk)
    assert resident_kib(nodes) - before < 40_000
    assert nodes.first.raw("GET", "/health", {}).status == 200


def resident_kib(nodes: Nodes) -> int:
    status = Path(f"/proc/{nodes.processes['api0'].pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


def test_p31_five_hundred_slow_connections_do_not_stop_others(nodes: Nodes) -> None:
    """They send a part of a head and wait; others are served, and they are closed in time."""
    slow = [open_tls(nodes.first) for _ in range(500)]
    try:
        for connection in slow:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nX")
        device = nodes.device()
        assert device.send("GET", "/v1/usage").status == 200
        slow[-1].settimeout(HEAD_S * 3)
        assert slow[-1].recv(1000) == b""
    finally:
        for connection in slow:
            connection.close()


# ---- ids and texts (P34, P36, P40)

STRANGE = [
    "..",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5c..%5cwindows",
    "%00",
    "%c0%ae%c0%ae",
    "%ef%bc%8e%ef%bc%8e",
    "job_%0d%0aset-cookie:%20a=b",
    "%25%32%65",
    "'%20OR%20'1'='1",
    "1;DROP%20TABLE%20jobs--",
    "%22%3e%3cscript%3e",
    "a" * 5000,
    "job_" + "a" * 25 + "%41",
]


@pytest.mark.parametrize("text", STRANGE)
def test_p34_strange_ids_do_not_exist(nodes: Nodes, text: str) -> None:
    device = nodes.device()
    for path in ("compile/jobs", "artifacts", "orgs"):
        answer = device.send("GET", f"/v1/{path}/{text}")
        assert answer.status in (400, 401, 404), (path, answer)
        assert not INTERNALS.search(answer.body), answer.body
        assert "set-cookie" not in answer.headers


SQL = [
    "'",
    "' OR 1=1 --",
    '" OR ""="',
    "1; DROP TABLE audit; --",
    "\\'; SELECT pg_sleep(5); --",
    "%' UNION SELECT NULL--",
    "$$;--",
    "\x00",
    "\n\r\x1b[31m{}",
    "𝕊𝕢𝕝",
]


@pytest.mark.parametrize("text", SQL)
def test_p36_text_in_any_field_is_text(nodes: Nodes, text: str) -> None:
    device = nodes.device()
    count = nodes.sql("SELECT count(*) FROM audit")[0][0]
    bodies: list[tuple[str, Any]] = [
        ("/v1/auth/token", {"device_id": text}),
        ("/v1/auth/token", {"device_id": device.id, "scopes": [text]}),
        ("/v1/auth/refresh", {"refresh_token": text * 30}),
        ("/v1/people/session", {"login": text, "password": text, "code": "123456"}),
        ("/v1/people/enrol", {"token": text * 30, "login": "a", "password": "a" * 12}),
        ("/v1/compile", {"module": text, "fingerprint": text}),
        ("/v1/usage/event", {"client_version": text, "python_tag": "cp311", "events": []}),
    ]
    for target, body in bodies:
        answer = device.send("POST", target, body)
        assert 400 <= answer.status < 500, (target, answer)
        assert not INTERNALS.search(answer.body), answer.body
    for query in ("status", "cursor", "limit"):
        target = f"/v1/compile/jobs?{query}={percent(text)}"
        answer = device.send("GET", target)
        assert answer.status < 500, answer
        assert not INTERNALS.search(answer.body), answer.body
    assert nodes.sql("SELECT count(*) FROM audit")[0][0] >= count


def percent(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode("utf-8"))


def test_p40_nothing_a_caller_sends_makes_a_line_of_its_own_in_a_log(nodes: Nodes) -> None:
    device = nodes.device()
    forged = '\n{"event":"forged","level":"error"}\r\n\x1b[2J'
    device.send("POST", "/v1/people/session", {"login": forged, "password": "x", "code": "1"})
    device.send("GET", f"/v1/compile/jobs/{percent(forged)}")
    nodes.first.raw("GET", "/health", {"user-agent": "a forged", "x-request-id": "forged"})
    for path in nodes.first.folder.glob("log/*.log"):
        for line in path.read_text().splitlines():
            assert "\x1b" not in line
            if line.startswith("{"):
                assert json.loads(line).get("event") != "forged"


# ---- the OpenAPI document, fuzzed (P36, P52)


def test_p52_errors_show_nothing_of_the_inside(nodes: Nodes) -> None:
    device = nodes.device()
    nodes.sql("ALTER TABLE jobs RENAME TO away")
    try:
        for node in nodes.all:
            answer = other_node(device, node).send("GET", "/v1/compile/jobs")
            assert answer.status in (500, 503)
            assert not INTERNALS.search(answer.body), answer.body
            assert set(answer.json()) <= {
                "type",
                "title",
                "status",
                "code",
                "detail",
                "retry_after_s",
            }
    finally:
        nodes.sql("ALTER TABLE away RENAME TO jobs")


@pytest.mark.slow
def test_p52_no_fuzzed_request_makes_a_server_error(nodes: Nodes, tmp_path: Path) -> None:
    """schemathesis over the OpenAPI document, unsigned: what anybody can send.

    `/ready` is left out: it answers 503 by design, as no supervisor runs here.
    """
    ca = tmp_path / "ca.pem"
    ca.write_text(nodes.first.trust().ca_pem)
    schema = nodes.first.raw("GET", "/openapi.json", {}).json()
    (tmp_path / "openapi.json").write_text(json.dumps(schema))
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("st")),
            "run",
            str(tmp_path / "openapi.json"),
            "--url",
            f"https://127.0.0.1:{nodes.first.port}",
            "--tls-verify",
            str(ca),
            "--exclude-path",
            "/ready",
            "--checks",
            "not_a_server_error",
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "12",
            "--generation-deterministic",
            "--request-timeout",
            "30",
            "--no-color",
        ],
        capture_output=True,
        text=True,
        timeout=1200,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout[:4000] + done.stderr[-1000:]
    assert len(schema["paths"]) >= 40


@pytest.mark.slow
def test_p52_no_admitted_body_makes_a_server_error(nodes: Nodes) -> None:
    """The same with the signature made anew: hostile JSON to every route that takes a body."""
    device = nodes.device()
    schema = nodes.first.raw("GET", "/openapi.json", {}).json()
    values: list[Any] = [None, 0, -1, 2**63, 1.5, True, "", "x" * 5000, [], {}, [[]], {"a": {}}]
    names = ("device_id", "refresh_token", "scopes", "source", "fingerprint", "events", "role")
    for path, methods in schema["paths"].items():
        if path.startswith("/v1/people") or path == "/v1/license/activate":
            continue
        for method in set(methods) - {"get"}:
            target = re.sub(r"{[a-z_]+}", device.organisation, path)
            for value in values:
                body = {name: value for name in names} if value != {} else value
                answer = sent(device, method.upper(), target, body)
                assert answer.status < 500, (target, body, answer)
                assert not INTERNALS.search(answer.body), answer.body


def sent(device: Device, method: str, target: str, body: Any) -> Any:
    data = json.dumps(body).encode()
    bearer = {"authorization": f"Bearer {device.tokens['access_token']}"}
    signed = device.signed(method, target, data, bearer)
    return device.installation.raw(method, target, signed, data)


def test_the_document_names_every_routes_access(nodes: Nodes) -> None:
    schema = nodes.first.raw("GET", "/openapi.json", {}).json()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            rule = operation["x-pyvorin"]
            assert rule["access"], (path, method)
            assert rule["access"] != "public" or rule["why"], (path, method)
