"""Request and response bodies about people, CI runs, and an organisation's administration.

| route | request → response |
|---|---|
| POST /v1/auth/device/code | Scopes → DeviceCode |
| POST /v1/auth/device/token | DeviceCodePoll → api.TokenResponse |
| POST /v1/auth/ci | CiActivate (ed25519, keyid = its own key) → api.ActivateResponse |
| POST /v1/people/enrol | Enrol → Enrolled |
| POST /v1/people/session | PasswordLogin → SessionView |
| POST /v1/people/password | NewPassword → Empty |
| POST /v1/people/device | DeviceDecision → Empty |
| POST /v1/orgs/{id}/… | the records below |

What may never change: paths, field names, codes.
"""

from typing import Final

from pyvorin_wire.api import ActivateRequest
from pyvorin_wire.platform import PlatformTag
from pyvorin_wire.record import Annotated, Check, Count, Hex32, Identifier, Record, Seconds

OFFLINE_TYPE: Final = "application/vnd.pyvorin.activation.v1+json"

Name = Annotated[str, Check(pattern=r"[a-z0-9][a-z0-9._-]{0,39}")]
Login = Annotated[str, Check(pattern=r"[a-z0-9][a-z0-9._@+-]{0,63}")]
Password = Annotated[str, Check(low=12, high=256)]
Secret = Annotated[str, Check(low=20, high=256)]
TotpCode = Annotated[str, Check(pattern="[0-9]{6}")]
OrganisationId = Annotated[str, Check(pattern="org_[a-z2-7]{26}")]
Url = Annotated[str, Check(pattern="https?://[!-~]{1,390}")]
Subject = Annotated[str, Check(low=1, high=400)]


class Scopes(Record):
    scopes: tuple[Identifier, ...] = ("compile", "artifacts", "usage")


class DeviceCode(Record):
    """RFC 8628: the person types `user_code` where they are logged in; the device polls."""

    device_code: Secret
    user_code: Annotated[str, Check(pattern="[A-Z]{4}-[A-Z]{4}")]
    expires_in_s: Count
    interval_s: Count


class DeviceCodePoll(Record):
    device_code: Secret


class DeviceDecision(Record):
    user_code: Annotated[str, Check(low=8, high=16)]
    approve: bool


class CiActivate(Record):
    """An OpenID Connect token of a CI run, and the keys of the device it becomes for its time."""

    id_token: Annotated[str, Check(low=1, high=8192)]
    ed25519: Hex32
    x25519: Hex32
    platform: PlatformTag
    client_version: Identifier


class OfflineRequest(Record):
    """Payload of an Envelope of type OFFLINE_TYPE, signed with the key derived from the licence
    key: an activation that travels as a file. The answer is api.ActivateResponse."""

    request: ActivateRequest
    made_at: Seconds


class Enrol(Record):
    """`token` was given once, by a command on the server or by an administrator."""

    token: Secret
    login: Login
    password: Password


class Enrolled(Record):
    member_id: Identifier
    totp_uri: str


class PasswordLogin(Record):
    login: Login
    password: Annotated[str, Check(low=1, high=256)]
    code: TotpCode


class NewPassword(Record):
    current: Annotated[str, Check(low=1, high=256)]
    password: Password
    code: TotpCode


class SessionView(Record):
    """Who is logged in, and the CSRF token that unsafe requests carry."""

    member_id: Identifier
    organisation_id: Identifier
    role: Name
    role_version: Count
    permissions: tuple[Identifier, ...]
    csrf: str


class Invite(Record):
    role: Name


class Invited(Record):
    """Shown once; good for `expires_in_s` and one person."""

    token: Secret
    expires_in_s: Count


class RoleName(Record):
    role: Name


class RoleVersion(Record):
    name: Name
    permissions: tuple[Identifier, ...]


class LicenceTerms(Record):
    max_devices: Annotated[int, Check(low=1, high=100_000)] = 3
    days: Annotated[int, Check(low=1, high=3650)] = 365


class IssuedLicence(Record):
    """The key exists in this answer only."""

    licence_id: Identifier
    key: Secret


class CiTrust(Record):
    """Runs whose token has this issuer, audience and subject (a trailing `*` matches any rest)
    may activate a device of the licence."""

    licence_id: Identifier
    issuer: Url
    audience: Annotated[str, Check(low=1, high=200)]
    subject: Subject


class NewWebhook(Record):
    url: Url


class Webhook(Record):
    """`secret` signs each delivery and is shown once, when it is made."""

    webhook_id: Identifier
    url: Url
    secret: Annotated[str, Check(high=256)] = ""


class AlertView(Record):
    alert_id: Identifier
    rule: Identifier
    subject: str
    detail: str
    created_at: Seconds


class AuditEntry(Record):
    sequence: Count
    at: Seconds
    event: Identifier
    actor: str
    subject: str
    detail: str


class AuditPage(Record):
    items: tuple[AuditEntry, ...]
    next_cursor: str | None = None
