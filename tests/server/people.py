"""A person in a browser, as the service's tests write one: enrol, log in, send with cookie."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pyvorin_server.auth.people import totp_code
from pyvorin_server.auth.sessions import COOKIE, CSRF_HEADER
from pyvorin_wire import canonical

from tests.server.nodes import Nodes
from tests.server.service import Answer, Installation

PASSWORD = "correct horse battery"


class Person:
    """A member with a password and an authenticator."""

    def __init__(self, node: Installation, login: str, token: str) -> None:
        self.node = node
        self.login = login
        self.cookie = self.csrf = ""
        made = self.send(
            "POST", "/v1/people/enrol", {"token": token, "login": login, "password": PASSWORD}
        )
        assert made.status == 201, made
        self.id = made.json()["member_id"]
        self.secret = parse_qs(urlsplit(made.json()["totp_uri"]).query)["secret"][0]

    @property
    def origin(self) -> str:
        return f"https://127.0.0.1:{self.node.port}"

    def code(self) -> str:
        """Return what the authenticator shows now."""
        return totp_code(self.secret, int(time.time()))

    def log_in(self, nodes: Nodes | None = None) -> Answer:
        """Log in. A code works once, so a test that logs in often forgets the used step."""
        if nodes is not None:
            nodes.sql("UPDATE members SET totp_step = 0 WHERE id = :id", id=self.id)
        asked = {"login": self.login, "password": PASSWORD, "code": self.code()}
        answer = self.send("POST", "/v1/people/session", asked)
        if answer.status == 200:
            cookie = answer.headers["set-cookie"].split(";")[0]
            self.cookie, self.csrf = cookie.partition("=")[2], answer.json()["csrf"]
        return answer

    def send(
        self,
        method: str,
        target: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        node: Installation | None = None,
    ) -> Answer:
        """Send as the page does; a header given as an empty text is left out."""
        data = b"" if body is None else canonical.dumps(body)
        sent = {"host": f"127.0.0.1:{self.node.port}", "origin": self.origin}
        if data:
            sent["content-type"] = "application/json"
        if self.cookie:
            sent |= {"cookie": f"{COOKIE}={self.cookie}", CSRF_HEADER: self.csrf}
        sent |= headers or {}
        kept = {name: value for name, value in sent.items() if value}
        return (node or self.node).raw(method, target, kept, data)


def administrator(nodes: Nodes, login: str, organisation: str = "") -> Person:
    """Enrol and log in an administrator by the command's one-time token."""
    person = Person(nodes.first, login, nodes.invite(organisation))
    assert person.log_in(nodes).status == 200
    return person


def member(nodes: Nodes, by: Person, login: str, role: str, organisation: str = "") -> Person:
    """Have an administrator invite someone; enrol and log in."""
    owner = organisation or nodes.first.trust().organisation_id
    invited = by.send("POST", f"/v1/orgs/{owner}/members", {"role": role})
    assert invited.status == 201, invited
    person = Person(nodes.first, login, invited.json()["token"])
    assert person.log_in(nodes).status == 200
    return person
