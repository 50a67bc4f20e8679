"""`pyvorin-server audit verify`: walk the chain, and compare it with the signed heads kept beside
it.

A head signed by the signer's audit key says that entry N had hash H. A chain that is whole but
shorter than a signed head, or has another hash there, was cut or rewritten.
"""

import sqlalchemy as sa
from pyvorin_wire import canonical, envelope
from pyvorin_wire import trust as wire
from pyvorin_wire.envelope import Envelope
from pyvorin_wire.errors import WireError
from pyvorin_wire.trust import Role
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server import app
from pyvorin_server.audit import first_bad_entry
from pyvorin_server.db import open_database
from pyvorin_server.db.tables import audit
from pyvorin_server.settings import Settings
from pyvorin_server.signer.keys import verify_ed25519
from pyvorin_server.signer.service import HEAD_TYPE


async def verify(settings: Settings) -> int | None:
    """Return the number of the first entry that is wrong or missing, or None."""
    database = open_database(settings.app_database)
    try:
        async with database.read() as connection:
            bad = await first_bad_entry(connection)
            return bad if bad is not None else await _first_lost(connection, settings)
    finally:
        await database.close()


async def _first_lost(connection: AsyncConnection, settings: Settings) -> int | None:
    for sequence, expected in signed_heads(settings):
        query = sa.select(audit.c.entry_hash).where(audit.c.sequence == sequence)
        found = (await connection.execute(query)).scalar_one_or_none()
        if sequence and (found is None or found.hex() != expected):
            return sequence
    return None


def signed_heads(settings: Settings) -> list[tuple[int, str]]:
    """Return (sequence, hash) of every head that the audit key signed; others are not counted."""
    trust = wire.parse((settings.data_dir / app.TRUST_FILE).read_bytes())
    keys = trust.verifiers(Role.AUDIT, verify_ed25519)
    path = settings.data_dir / "audit-heads.jsonl"
    found = []
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            body = envelope.verify(Envelope.from_bytes(line), HEAD_TYPE, keys)
        except WireError:
            continue
        head = canonical.loads(body)
        found.append((head["sequence"], head["hash"]))
    return found
