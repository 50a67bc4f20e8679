"""Refused requests in the audit log, bounded: who was refused, where and why.

An address is named by a keyed hash. One address fills at most `PER_MINUTE` entries of a kind a
minute on each node; what is beyond is refused all the same and counted nowhere, so that whoever may
not come in cannot fill the disk. Rules over these entries raise alerts (`watch.rules`).
"""

import hashlib
import hmac
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from pyvorin_server.audit import Event, append
from pyvorin_server.auth.limits import address_key
from pyvorin_server.db import Database, tenant
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import Clock, epoch_s

PER_MINUTE = 40
_MAX_ADDRESSES = 10_000
RECORDED = frozenset(
    {
        "unauthenticated",
        "clock_skew",
        "forbidden",
        "licence_unknown",
        "licence_revoked",
        "licence_suspended",
        "licence_expired",
        "device_limit",
        "device_revoked",
    }
)


class Refusals:
    """Writes refusals of one node."""

    def __init__(self, database: Database, key: bytes, clock: Clock) -> None:
        self._database = database
        self._key = key
        self._clock = clock
        self._minute = 0
        self._counts: dict[str, int] = {}

    def subject(self, request: Request) -> str:
        """Return the name under which this request's address is recorded."""
        return "addr-" + self._keyed(address_key(request.client.host if request.client else None))

    def network(self, request: Request) -> str:
        """Return the name of the network (IPv4 /16, IPv6 /32) that a request came from: as much of
        a place as is kept.
        """
        host = request.client.host if request.client else ""
        try:
            bits = 16 if ipaddress.ip_address(host).version == 4 else 32
            return self._keyed(str(ipaddress.ip_network((host, bits), strict=False)))
        except ValueError:
            return ""

    def _keyed(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:16]

    @asynccontextmanager
    async def recorded(
        self, request: Request, event: Event = Event.REQUEST_REFUSED
    ) -> AsyncIterator[None]:
        """Record the problem that the block raises, and raise it on."""
        try:
            yield
        except Problem as problem:
            if problem.code in RECORDED:
                await self.record(request, problem.code, event)
            raise

    async def record(self, request: Request, code: str, event: Event) -> None:
        subject = self.subject(request)
        if not self._room_for(f"{event}|{subject}"):
            return
        route = getattr(request.scope.get("route"), "path", "")
        with tenant.as_service():
            async with self._database.write() as connection:
                await append(
                    connection,
                    event,
                    at=self._clock.now(),
                    actor="unknown",
                    subject=subject,
                    detail={"code": code, "route": route, "method": request.method},
                )

    def _room_for(self, key: str) -> bool:
        minute = epoch_s(self._clock.now()) // 60
        if minute != self._minute or len(self._counts) >= _MAX_ADDRESSES:
            self._minute, self._counts = minute, {}
        self._counts[key] = self._counts.get(key, 0) + 1
        return self._counts[key] <= PER_MINUTE
