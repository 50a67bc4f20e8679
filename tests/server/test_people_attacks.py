"""Attacks on sessions, roles and the line between organisations, on both databases."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pyvorin_server.admin.people import routes
from pyvorin_server.auth.people import LOGINS_PER_MINUTE
from pyvorin_server.auth.permissions import BUILT_IN_ROLES, DEVICE_ONLY, of_scopes
from pyvorin_server.auth.sessions import COOKIE, CSRF_HEADER

from tests.server.nodes import Node, Nodes, settings_of
from tests.server.people import PASSWORD, Person, administrator, member
from tests.server.service import Answer, Device

pytestmark = pytest.mark.attack
SESSION = "/v1/people/session"


@pytest.fixture(scope="module")
def boss(nodes: Nodes) -> Person:
    return administrator(nodes, "boss")


@pytest.fixture(scope="module")
def own(nodes: Nodes) -> str:
    return f"/v1/orgs/{nodes.first.trust().organisation_id}"


@pytest.fixture(scope="module")
def people(nodes: Nodes, boss: Person) -> dict[str, Person]:
    """A person of every built-in role."""
    roles = sorted(set(BUILT_IN_ROLES) - {"administrator"})
    return {"administrator": boss} | {
        role: member(nodes, boss, f"matrix-{role}", role) for role in roles
    }


@pytest.fixture(scope="module")
def stranger(nodes: Nodes) -> Person:
    """An administrator of another organisation."""
    return administrator(nodes, "stranger", nodes.organisation("Other"))


# ---- logging in


def test_an_enrolment_token_is_good_for_one_person(nodes: Nodes, boss: Person) -> None:
    token = nodes.invite()
    Person(nodes.first, "once", token)
    again = {"token": token, "login": "twice", "password": PASSWORD}
    for node in nodes.all:
        assert boss.send("POST", "/v1/people/enrol", again, node=node).status == 401


def test_an_old_enrolment_token_is_refused(nodes: Nodes, boss: Person) -> None:
    token = nodes.invite()
    nodes.sql("UPDATE enrolments SET expires_at = 1 WHERE used_at IS NULL")
    body = {"token": token, "login": "late", "password": PASSWORD}
    assert boss.send("POST", "/v1/people/enrol", body).status == 401


def test_wrong_login_password_and_code_answer_alike(nodes: Nodes, boss: Person) -> None:
    good = {"login": "boss", "password": PASSWORD, "code": boss.code()}
    answers = [
        boss.send("POST", SESSION, {**good, **change})
        for change in ({"login": "nobody"}, {"password": "wrong"}, {"code": "000000"})
    ]
    assert {each.status for each in answers} == {401}
    assert len({str(each.json()) for each in answers}) == 1


def test_a_code_is_good_once(nodes: Nodes, boss: Person) -> None:
    nodes.sql("UPDATE members SET totp_step = 0 WHERE id = :id", id=boss.id)
    asked = {"login": "boss", "password": PASSWORD, "code": boss.code()}
    found = [boss.send("POST", SESSION, asked, node=node).status for node in nodes.all]
    assert found == [200, 401]


def test_logins_are_throttled(nodes: Nodes, boss: Person) -> None:
    """At the limit and one below it, in every minute that this test may meet."""
    asked = {"login": "guessed", "password": "x", "code": "123456"}

    def tries(node: Node) -> int:
        return boss.send("POST", SESSION, asked, node=node).status

    def counted() -> int:
        sums = "SELECT SUM(count) FROM rate_windows WHERE key = :key"
        return int(nodes.sql(sums, key="login|guessed|60")[0][0] or 0)

    with windows_of(nodes, "login|guessed|60", LOGINS_PER_MINUTE - 1):
        before = counted()
        assert tries(nodes.first) == 401
        assert counted() == before + 1
    with windows_of(nodes, "login|guessed|60", LOGINS_PER_MINUTE):
        assert [tries(node) for node in nodes.all] == [429, 429]
    with windows_of(nodes, "people|127.0.0.1|60", 3 * LOGINS_PER_MINUTE):
        assert [tries(node) for node in nodes.all] == [429, 429]
    assert tries(nodes.second) == 401


@contextmanager
def windows_of(nodes: Nodes, key: str, count: int) -> Iterator[None]:
    """As if `count` uses had been made in each minute of the hour around now."""
    nodes.sql("DELETE FROM rate_windows")
    insert = 'INSERT INTO rate_windows (key, "window", count) VALUES (:key, :window, :count)'
    now = int(time.time()) // 60
    for window in range(now - 1, now + 60):
        nodes.sql(insert, key=key, window=window, count=count)
    yield
    nodes.sql("DELETE FROM rate_windows")


# ---- cookies and pages (P41, P43)


def test_the_cookie_has_every_flag(nodes: Nodes, boss: Person) -> None:
    answer = boss.log_in(nodes)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-")
    assert set(cookie.split("; ")[1:]) == {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"}


@pytest.mark.parametrize(
    "headers",
    [
        {CSRF_HEADER: ""},
        {CSRF_HEADER: "0" * 64},
        {"origin": ""},
        {"origin": "https://evil.example"},
        {"origin": "https://sub.127.0.0.1"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_an_unsafe_request_of_another_page_changes_nothing(
    nodes: Nodes, boss: Person, own: str, headers: dict[str, str]
) -> None:
    for method, target, body in unsafe_routes(nodes, own):
        refused = boss.send(method, target, body, headers)
        assert (refused.status, refused.code) == (403, "forbidden"), target


def unsafe_routes(nodes: Nodes, own: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Every route that a session may change something by."""
    found = []
    for rule in rules(nodes):
        if rule.method != "GET" and rule.access not in ("public", "signed"):
            target = re.sub(r"{[a-z_]+}", "x", rule.path.replace("/v1/orgs/{organisation_id}", own))
            found.append((rule.method, target, {}))
    return found


def rules(nodes: Nodes) -> list[Any]:
    return asyncio.run(routes(settings_of(nodes.first)))


def test_no_get_route_changes_anything_but_the_log(nodes: Nodes, boss: Person, own: str) -> None:
    tables = ("members", "roles", "licences", "devices", "webhooks", "identity_trusts")
    before = [nodes.sql(f"SELECT * FROM {table} ORDER BY 1") for table in tables]
    for rule in rules(nodes):
        if rule.method == "GET" and "{" not in rule.path.replace("{organisation_id}", ""):
            boss.send("GET", rule.path.replace("/v1/orgs/{organisation_id}", own))
    assert before == [nodes.sql(f"SELECT * FROM {table} ORDER BY 1") for table in tables]


@pytest.mark.parametrize(
    "change",
    [lambda c: c[:-1] + ("1" if c[-1] == "0" else "0"), lambda c: "x" + c, lambda c: "", str.upper],
)
def test_a_changed_cookie_is_no_session(boss: Person, change: Any) -> None:
    cookie = f"{COOKIE}={change(boss.cookie)}"
    assert boss.send("GET", SESSION, headers={"cookie": cookie}).status == 401


def test_a_session_token_is_kept_by_its_hash_alone(nodes: Nodes, boss: Person) -> None:
    assert boss.cookie.split(".")[0] not in str(nodes.sql("SELECT * FROM sessions"))


# ---- ends of sessions (P44, P46); boundaries to the second are in test_sessions.py


def ended(person: Person, nodes: Nodes) -> bool:
    return [person.send("GET", SESSION, node=node).status for node in nodes.all] == [401, 401]


def test_logging_out_ends_the_session_on_every_node(nodes: Nodes, boss: Person) -> None:
    person = member(nodes, boss, "leaver", "viewer")
    assert person.send("DELETE", SESSION).status == 200
    assert ended(person, nodes)


def test_a_new_password_ends_every_session(nodes: Nodes, boss: Person) -> None:
    person = member(nodes, boss, "changer", "viewer")
    nodes.sql("UPDATE members SET totp_step = 0 WHERE id = :id", id=person.id)
    body = {"current": PASSWORD, "password": "another long one", "code": person.code()}
    assert person.send("POST", "/v1/people/password", body).status == 200
    assert ended(person, nodes)
    old = {"login": "changer", "password": PASSWORD, "code": person.code()}
    assert person.send("POST", SESSION, old).status == 401


def test_another_role_ends_sessions_and_takes_effect(nodes: Nodes, boss: Person, own: str) -> None:
    person = member(nodes, boss, "mover", "auditor")
    assert person.send("GET", f"{own}/audit").status == 200
    changed = boss.send("POST", f"{own}/members/{person.id}/role", {"role": "viewer"})
    assert changed.status == 200
    assert ended(person, nodes)
    person.log_in(nodes)
    assert person.send("GET", f"{own}/audit").status == 403


def test_a_disabled_member_has_no_access_left(nodes: Nodes, boss: Person, own: str) -> None:
    person = member(nodes, boss, "gone", "auditor")
    device = approved(nodes, person)
    assert device.send("GET", f"{own}/audit").status == 200
    assert boss.send("POST", f"{own}/members/{person.id}/disable", {}).status == 200
    assert ended(person, nodes)
    assert device.send("GET", f"{own}/audit").status == 401
    assert person.log_in(nodes).status == 401


# ---- roles (P48, P49)


def test_nobody_raises_themselves(nodes: Nodes, boss: Person, own: str) -> None:
    version = {"name": "deputy", "permissions": ["members.read", "members.write", "roles.write"]}
    assert boss.send("POST", f"{own}/roles", version).status == 201
    deputy = member(nodes, boss, "deputy", "deputy")
    attempts = [
        ("members", {"role": "administrator"}),
        (f"members/{deputy.id}/role", {"role": "administrator"}),
        (f"members/{boss.id}/role", {"role": "administrator"}),
        ("roles", {"name": "deputy", "permissions": ["audit.read"]}),
        ("roles", {"name": "administrator", "permissions": ["members.read"]}),
        ("roles", {"name": "friend", "permissions": ["audit.read"]}),
        (f"members/{deputy.id}/disable", {}),
    ]
    for path, body in attempts:
        refused = deputy.send("POST", f"{own}/{path}", body)
        assert (refused.status, refused.code) == (403, "forbidden"), path
    unknown = {"name": "friend", "permissions": ["source.read"]}
    assert boss.send("POST", f"{own}/roles", unknown).status == 422


def test_every_edit_of_a_role_is_a_version_and_an_audit_entry(
    nodes: Nodes, boss: Person, own: str
) -> None:
    for wanted in (["jobs.read"], ["jobs.read", "usage.read"]):
        made = boss.send("POST", f"{own}/roles", {"name": "edited", "permissions": wanted})
        assert made.status == 201
    shown = boss.send("GET", f"{own}/roles").json()["items"]
    versions = [each for each in shown if each["name"] == "edited"]
    assert [each["version"] for each in versions] == [2, 1]
    assert versions[1]["permissions"] == ["jobs.read", "session.self"]
    entries = [each for each in nodes.events("role.changed") if each["subject"] == "edited"]
    assert [each["detail"]["version"] for each in entries] == [1, 2]
    assert {each["actor"] for each in entries} == {boss.id}
    with pytest.raises(Exception, match="append-only"):
        nodes.sql("UPDATE roles SET permissions = 'audit.read' WHERE name = 'edited'")


def test_the_last_administrator_stays(nodes: Nodes, stranger: Person) -> None:
    organisation = stranger.send("GET", SESSION).json()["organisation_id"]
    target = f"/v1/orgs/{organisation}/members/{stranger.id}"
    assert stranger.send("POST", f"{target}/disable", {}).status in (403, 409)
    assert stranger.send("POST", f"{target}/role", {"role": "viewer"}).status in (403, 409)


# ---- the matrix: every route, every role, own and other organisation (P35, P48)


def test_every_route_admits_exactly_the_roles_it_names(
    nodes: Nodes, people: dict[str, Person], stranger: Person, own: str
) -> None:
    """Own organisation: 403 without the permission, never 401 or 403 with it. Another one's and an
    unknown one's: the same answer, whatever the role.
    """
    other = f"/v1/orgs/{stranger.send('GET', SESSION).json()['organisation_id']}"
    unknown = f"/v1/orgs/org_{'a' * 26}"
    tried = 0
    for rule in rules(nodes):
        if rule.access in ("public", "signed") or rule.path.startswith("/v1/people"):
            continue
        for role, person in people.items():
            granted = rule.access in {each.value for each in BUILT_IN_ROLES[role] - DEVICE_ONLY}
            answers = [
                person.send(rule.method, path_in(rule.path, base), body_for(rule))
                for base in (own, other, unknown)
            ]
            mine, foreign, absent = answers
            assert mine.status < 500, (rule, mine)
            assert (mine.status == 403) == (not granted), (rule, role, mine)
            assert mine.status != 401, (rule, role)
            if "{organisation_id}" in rule.path:
                assert foreign.status == absent.status == (404 if granted else 403), (rule, role)
                assert foreign.json() == absent.json()
            tried += 1
    assert tried >= 25 * len(people)


def test_every_route_admits_a_device_by_its_scopes_only(nodes: Nodes, own: str) -> None:
    device = nodes.device()
    for scope in ("compile", "artifacts", "usage"):
        asked = {"device_id": device.id, "scopes": [scope]}
        device.tokens = {}
        device.tokens = device.send("POST", "/v1/auth/token", asked).json()
        granted = {each.value for each in of_scopes(frozenset({scope}))}
        for rule in rules(nodes):
            if rule.access in ("public", "signed"):
                continue
            answer = device.send(rule.method, path_in(rule.path, own), body_for(rule))
            assert (answer.status == 403) == (rule.access not in granted), (rule, scope, answer)
            assert answer.status not in (401, 500), (rule, answer)


def path_in(path: str, base: str) -> str:
    """A route's path in an organisation, with an id that does not exist."""
    filled = path.replace("/v1/orgs/{organisation_id}", base)
    return re.sub(r"{[a-z]+_id}", "x" * 20, filled)


def body_for(rule: Any) -> dict[str, Any] | None:
    return None if rule.method == "GET" else {}


def test_foreign_ids_inside_the_own_organisation_answer_as_unknown_ones(
    nodes: Nodes, boss: Person, stranger: Person, own: str
) -> None:
    """Ids of another organisation's rows, used in one's own paths."""
    licence, key = nodes.issue()
    device = nodes.device(licence_key=key)
    theirs = f"/v1/orgs/{stranger.send('GET', SESSION).json()['organisation_id']}"
    for path, real, kind in (
        ("licences/{}/revoke", licence, "lic"),
        ("licences/{}/suspend", licence, "lic"),
        ("devices/{}/revoke", device.id, "dev"),
        ("members/{}/disable", boss.id, "mem"),
    ):
        foreign = stranger.send("POST", f"{theirs}/{path.format(real)}", {})
        absent = stranger.send("POST", f"{theirs}/{path.format(f'{kind}_' + 'a' * 26)}", {})
        assert foreign.status == absent.status == 404
        assert foreign.json() == absent.json()
    trust = {"licence_id": licence, "issuer": "https://ci.example", "audience": "a", "subject": "s"}
    assert stranger.send("POST", f"{theirs}/ci", trust).status in (404, 422)
    assert device.send("POST", "/v1/license/check", {}).status == 200
    for listing in ("licences", "devices", "members", "alerts", "audit"):
        shown = stranger.send("GET", f"{theirs}/{listing}").body.decode()
        assert not any(each in shown for each in (licence, device.id, boss.id)), listing
    exported = stranger.send("GET", f"{theirs}/audit/export").body.decode()
    assert licence not in exported


# ---- device codes


def approved(nodes: Nodes, person: Person) -> Device:
    """A device that a person lent their role."""
    device = nodes.device()
    device.tokens = {}
    code = device.send("POST", "/v1/auth/device/code", {"scopes": ["usage"]}).json()
    body = {"user_code": code["user_code"], "approve": True}
    assert person.send("POST", "/v1/people/device", body).status == 200
    polled = device.send("POST", "/v1/auth/device/token", {"device_code": code["device_code"]})
    assert polled.status == 200, polled
    device.tokens = polled.json()
    return device


def test_a_device_code_lends_exactly_the_persons_role(
    nodes: Nodes, people: dict[str, Person], own: str
) -> None:
    device = approved(nodes, people["auditor"])
    assert device.send("GET", f"{own}/audit").status == 200
    assert device.send("GET", f"{own}/licences").status == 403
    assert device.send("POST", f"{own}/members", {"role": "viewer"}).status == 403
    assert device.send("POST", "/v1/license/check", {}).status == 200


def test_a_device_code_is_refused_to_others(nodes: Nodes, boss: Person, stranger: Person) -> None:
    device, thief = nodes.device(), nodes.device()
    for each in (device, thief):
        each.tokens = {}
    code = device.send("POST", "/v1/auth/device/code", {}).json()
    poll = {"device_code": code["device_code"]}
    assert device.send("POST", "/v1/auth/device/token", poll).code == "authorization_pending"
    assert device.send("POST", "/v1/auth/device/token", poll).code == "rate_limited"
    decision = {"user_code": code["user_code"], "approve": True}
    assert stranger.send("POST", "/v1/people/device", decision).status == 404
    assert boss.send("POST", "/v1/people/device", decision).status == 200
    assert boss.send("POST", "/v1/people/device", decision).status == 404
    assert thief.send("POST", "/v1/auth/device/token", poll).code == "access_denied"
    assert device.send("POST", "/v1/auth/device/token", poll).status == 200
    assert device.send("POST", "/v1/auth/device/token", poll).code == "access_denied"


def test_guesses_of_user_codes_are_counted(nodes: Nodes, boss: Person) -> None:
    person = member(nodes, boss, "guesser", "viewer")
    body = {"user_code": "BBBB-BBBB", "approve": True}
    found: list[Answer] = [person.send("POST", "/v1/people/device", body) for _ in range(12)]
    assert [each.status for each in found[:10]].count(404) >= 9
    assert found[-1].status == 429
