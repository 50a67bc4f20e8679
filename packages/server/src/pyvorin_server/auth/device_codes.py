"""Device-code login (RFC 8628): a person lends their role to a device they have at hand.

    device   POST /v1/auth/device/code    → device_code (256 bits), user_code (8 letters)
    person   POST /v1/people/device       types the user code in a session: approve or deny
    device   POST /v1/auth/device/token   polls; once approved, gets tokens that name the person

The device signs every one of its requests, so a stolen device code is worth nothing elsewhere, and
a person can approve only devices of their own organisation. User codes are kept as keyed hashes,
live ten minutes, and guesses are counted.
"""

import hashlib
import hmac
import secrets
from datetime import timedelta

import sqlalchemy as sa
from pyvorin_wire import identity

from pyvorin_server.audit import Event, append
from pyvorin_server.auth import limits
from pyvorin_server.auth.guard import Principal
from pyvorin_server.db import Database
from pyvorin_server.db.people_tables import device_codes
from pyvorin_server.errors import Problem, retry_later
from pyvorin_server.kit.clock import Clock

LIFE = timedelta(minutes=10)
INTERVAL = timedelta(seconds=2)
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # RFC 8628 section 6.1: no vowels, nothing easily misread
_GUESSES_PER_MINUTE = 10


class DeviceCodes:
    """Issues codes, takes decisions, answers polls."""

    def __init__(self, database: Database, key: bytes, clock: Clock) -> None:
        self._database = database
        self._key = key
        self._clock = clock

    async def begin(self, principal: Principal, scopes: tuple[str, ...]) -> identity.DeviceCode:
        """Return a fresh pair of codes for the asking device."""
        now = self._clock.now()
        device_code = secrets.token_urlsafe(32)
        letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
        user_code = f"{letters[:4]}-{letters[4:]}"
        async with self._database.write() as connection:
            await connection.execute(device_codes.delete().where(device_codes.c.expires_at < now))
            await connection.execute(
                device_codes.insert().values(
                    digest=_digest(device_code),
                    user_code=self._keyed(user_code),
                    organisation_id=principal.organisation_id,
                    device_id=principal.device_id,
                    scopes=" ".join(sorted(scopes)),
                    state="pending",
                    created_at=now,
                    expires_at=now + LIFE,
                )
            )
            await append(
                connection,
                Event.DEVICE_CODE_ISSUED,
                at=now,
                organisation_id=principal.organisation_id,
                actor=principal.device_id,
            )
        life, interval = int(LIFE.total_seconds()), int(INTERVAL.total_seconds())
        return identity.DeviceCode(device_code, user_code, life, interval)

    async def decide(self, person: Principal, user_code: str, approve: bool) -> None:
        """Approve or deny a device of the person's organisation, once."""
        now = self._clock.now()
        async with self._database.write() as connection:
            await limits.take(connection, f"user-code|{person.member_id}", _GUESSES_PER_MINUTE, now)
        cleaned = user_code.upper().replace("-", "").replace(" ", "")
        wanted = self._keyed(f"{cleaned[:4]}-{cleaned[4:]}")
        async with self._database.write() as connection:
            decided = (
                await connection.execute(
                    device_codes.update()
                    .where(
                        device_codes.c.user_code == wanted,
                        device_codes.c.organisation_id == person.organisation_id,
                        device_codes.c.state == "pending",
                        device_codes.c.expires_at > now,
                    )
                    .values(state="approved" if approve else "denied", member_id=person.member_id)
                    .returning(device_codes.c.device_id)
                )
            ).first()
            if decided is None:
                raise Problem("not_found", "there is no such code, or its time is over")
            await append(
                connection,
                Event.DEVICE_CODE_DECIDED,
                at=now,
                organisation_id=person.organisation_id,
                actor=person.member_id,
                subject=decided.device_id,
                detail={"approved": int(approve)},
            )

    async def poll(self, principal: Principal, device_code: str) -> tuple[str, str]:
        """Return scopes and member of an approved code, once. Raises `authorization_pending`,
        `rate_limited`, `access_denied`.
        """
        now = self._clock.now()
        of_device = (device_codes.c.digest == _digest(device_code)) & (
            device_codes.c.device_id == principal.device_id
        )
        async with self._database.write() as connection:
            row = (await connection.execute(sa.select(device_codes).where(of_device))).first()
            if row is not None:
                await connection.execute(
                    device_codes.update().where(of_device).values(polled_at=now)
                )
            taken = None
            if row is not None and row.expires_at > now and row.state == "approved":
                taken = (
                    await connection.execute(
                        device_codes.update()
                        .where(of_device, device_codes.c.state == "approved")
                        .values(state="used")
                        .returning(device_codes.c.scopes, device_codes.c.member_id)
                    )
                ).first()
        if taken is not None:
            return taken.scopes, taken.member_id
        if row is None or row.expires_at <= now or row.state != "pending":
            raise Problem("access_denied", "the code was denied, used, or its time is over")
        if row.polled_at is not None and now - row.polled_at < INTERVAL:
            raise retry_later("rate_limited", INTERVAL.total_seconds(), "poll less often")
        raise Problem("authorization_pending", "nobody has approved this device yet")

    def _keyed(self, user_code: str) -> bytes:
        return hmac.new(self._key, user_code.encode("utf-8", "replace"), hashlib.sha256).digest()


def _digest(device_code: str) -> bytes:
    return hashlib.sha256(device_code.encode()).digest()
