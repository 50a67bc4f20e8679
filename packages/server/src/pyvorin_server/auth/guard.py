"""Admit a request: signature, nonce, revocation, token and permission, in this order, in one place.

    1. the RFC 9421 signature is checked with the device's request key (derived, no look-up)
    2. one transaction inserts the nonce and reads device and licence: a replay, a revoked or
       suspended licence, a revoked device, or a database that is away, all refuse here; there is
       no cache
    3. the access token is checked and must be of the same device
    4. the permission that the route declares must follow from its scopes, or from the role of the
       person who approved the device; a person in a browser comes with a session instead
    5. an organisation named in the path must be the caller's, else it does not exist
    6. from here on the database shows this organisation's rows only (`db.tenant`)

Unknown devices, wrong keys and bad signatures give one and the same answer. `clock_skew` is told
apart only after the signature was good, and carries the server's time. Refusals are written to the
audit log (`auth.refusals`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request
from pyvorin_wire import httpsig
from pyvorin_wire.envelope import Verify
from pyvorin_wire.errors import HttpSigError
from pyvorin_wire.licence import hkdf

from pyvorin_server.auth import members
from pyvorin_server.auth.admission import Admission, in_good_standing, insert_nonces, still_admitted
from pyvorin_server.auth.permissions import DEVICE_ONLY, Permission, of_scopes
from pyvorin_server.auth.refusals import Refusals
from pyvorin_server.auth.routing import permission_of
from pyvorin_server.auth.sessions import COOKIE, Sessions
from pyvorin_server.auth.tokens import RingKeeper
from pyvorin_server.db import Database, tenant
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import Clock, epoch_s
from pyvorin_server.kit.http import signed_parts
from pyvorin_server.kit.ids import is_id

__all__ = ["KEY_EPOCH", "Guard", "Principal", "request_key", "request_key_id", "still_admitted"]

KEY_EPOCH = 1
_INFO = b"pyvorin device request key v1\0"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request was admitted for: a device, a person, or a person with a device."""

    device_id: str
    licence_id: str
    organisation_id: str
    member_id: str = ""
    permissions: frozenset[Permission] = frozenset()

    @property
    def actor(self) -> str:
        """Who the audit log names: the person where there is one."""
        return self.member_id or self.device_id


def request_key(master: bytes, device_id: str, epoch: int) -> bytes:
    """Return the device's 32-byte request key, derived from the API's master."""
    return hkdf(master, info=_INFO + device_id.encode(), salt=b"%d" % epoch)


def request_key_id(device_id: str, epoch: int) -> str:
    """Return the `keyid` of a device's request signatures, e.g. `dev_….1`."""
    return f"{device_id}.{epoch}"


class Guard:
    """Admits requests; the only way a route learns who is asking."""

    def __init__(
        self,
        database: Database,
        master: bytes,
        ring: RingKeeper,
        issuer: str,
        clock: Clock,
        *,
        sessions: Sessions,
        refusals: Refusals,
        requests_per_minute: int,
    ) -> None:
        self._database = database
        self._master = master
        self._ring = ring
        self._issuer = issuer
        self._clock = clock
        self._sessions = sessions
        self._refusals = refusals
        self._admission = Admission(database, requests_per_minute, clock)

    async def admit(self, request: Request) -> Principal:
        """Admit for the permission that the matched route declares."""
        async with self._refusals.recorded(request):
            principal = await self._who(request)
            if permission_of(request) not in principal.permissions:
                wanted = permission_of(request).value
                raise Problem("forbidden", f"this needs the permission `{wanted}`")
            named = request.path_params.get("organisation_id", principal.organisation_id)
            if named != principal.organisation_id:
                raise Problem("not_found")
        tenant.enter(principal.organisation_id)
        return principal

    async def by_signature(self, request: Request) -> Principal:
        """Admit by signature alone: the token routes."""
        async with self._refusals.recorded(request):
            principal = await self._signer(request)
        tenant.enter(principal.organisation_id)
        return principal

    async def by_own_key(
        self, request: Request, keyid: str, check: Verify, algorithm: str = httpsig.ED25519
    ) -> None:
        """Check a request signed with a key that is not a device's request key yet; the nonce is
        inserted in a transaction of its own.
        """
        parts = await signed_parts(request)
        parameters = self._verified(parts, check, algorithm)
        if parameters.keyid != keyid:
            raise Problem("unauthenticated", "the request signature was not accepted")
        async with self._database.write() as connection:
            if not await insert_nonces(connection, [parameters], self._clock.now()):
                raise Problem("unauthenticated", "this request was received before")

    async def _who(self, request: Request) -> Principal:
        if COOKIE in request.cookies and "signature" not in request.headers:
            person = await self._sessions.admit(request)
            granted = person.permissions - DEVICE_ONLY
            return Principal("", "", person.organisation_id, person.member_id, granted)
        return await self._device_with_token(request)

    async def _device_with_token(self, request: Request) -> Principal:
        device = await self._signer(request)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            raise Problem("unauthenticated", "the access token is missing")
        ring = await self._ring.current(token)
        claims = ring.check(token, self._issuer, self._clock.now())
        if (claims.device_id, claims.organisation_id) != (device.device_id, device.organisation_id):
            raise Problem("unauthenticated", "the access token was not accepted")
        granted = of_scopes(claims.scopes)
        if claims.member_id and permission_of(request) not in granted:
            with tenant.as_service():
                async with self._database.read() as connection:
                    person = await members.permissions_of(connection, claims.member_id)
            if person is None or person.organisation_id != device.organisation_id:
                raise Problem("unauthenticated", "the access token was not accepted")
            granted |= person.permissions - DEVICE_ONLY
        return Principal(
            device.device_id,
            device.licence_id,
            device.organisation_id,
            claims.member_id,
            granted,
        )

    async def _signer(self, request: Request) -> Principal:
        device_id, parameters = await self._check_signature(request)
        row = await self._admission.register(device_id, parameters)
        row = in_good_standing(row, self._clock.now())
        return Principal(device_id, row.licence_id, row.organisation_id)

    async def _check_signature(self, request: Request) -> tuple[str, httpsig.Parameters]:
        parts = await signed_parts(request)
        keyid = self._key_id(parts.headers)
        device_id, _, epoch = keyid.partition(".")
        if not is_id(device_id, "dev") or epoch != str(KEY_EPOCH):
            raise Problem("unauthenticated", "the request signature was not accepted")
        key = request_key(self._master, device_id, KEY_EPOCH)
        return device_id, self._verified(parts, httpsig.hmac_verifier(key), httpsig.HMAC)

    @staticmethod
    def _key_id(headers: Mapping[str, str]) -> str:
        try:
            return httpsig.read_parameters(headers).keyid
        except HttpSigError as error:
            raise Problem("unauthenticated", str(error)) from None

    def _verified(
        self, parts: httpsig.Request, check: Verify, algorithm: str
    ) -> httpsig.Parameters:
        now = self._clock.now()
        try:
            return httpsig.verify(parts, check, alg=algorithm, now_s=now.timestamp())
        except HttpSigError as error:
            if error.code == "clock_skew":
                raise Problem("clock_skew", str(error), server_time_s=epoch_s(now)) from None
            raise Problem("unauthenticated", "the request signature was not accepted") from None
