"""Signed heads of the chain, kept in two places, and what they prove.

A chain is whole in itself even when its tail was cut or when all of it was rewritten. A head that
the signer signed says that entry N had hash H; it is appended to `audit-heads.jsonl` beside the
data and to `audit_second_place`, a file that another user or machine owns. Verification looks at
both: a line that is not signed, heads that go back, and fewer heads here than there are findings.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from pyvorin_wire import canonical, envelope
from pyvorin_wire.envelope import Envelope, Verify
from pyvorin_wire.errors import WireError
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit import segments
from pyvorin_server.audit.log import first_bad_entry
from pyvorin_server.db.tables import audit
from pyvorin_server.settings import Settings

FILE = "audit-heads.jsonl"
HEAD_TYPE = "application/vnd.pyvorin.audit-head.v1+json"
_EXPECTED_WITHIN = timedelta(minutes=10)
Keys = dict[str, Verify]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and from which entry on the log cannot be trusted."""

    entry: int
    what: str


def places(settings: Settings) -> list[Path]:
    """Return where heads are kept, the installation's own folder first."""
    second = [Path(settings.audit_second_place)] if settings.audit_second_place else []
    return [settings.data_dir / FILE, *second]


def write(settings: Settings, signed: bytes) -> None:
    """Append a signed head to every place. Raises OSError when one cannot be written."""
    for path in places(settings):
        with path.open("ab") as file:
            file.write(signed + b"\n")


async def verify(
    connection: AsyncConnection, settings: Settings, keys: Keys, now: datetime
) -> Finding | None:
    """Check chain, segments and heads; return the first thing that is wrong."""
    for segment in await segments.listing(connection):
        if not _is_signed(segment, keys):
            return Finding(segment.first, "a segment was sealed without the signer")
    bad = await first_bad_entry(connection)
    if bad is not None:
        return Finding(bad, "the chain breaks")
    return await _check_heads(connection, settings, keys, now)


async def _check_heads(
    connection: AsyncConnection, settings: Settings, keys: Keys, now: datetime
) -> Finding | None:
    found = []
    for path in places(settings):
        heads = read(path, keys)
        if isinstance(heads, Finding):
            return heads
        found.append(heads)
    for heads in found[1:]:
        lost = set(heads) - set(found[0])
        if lost:
            return Finding(min(lost)[0], "heads of the second place are missing in the first")
    pruned = await _pruned_up_to(connection)
    for sequence, expected in sorted({head for heads in found for head in heads}):
        if sequence <= pruned or await _hash_of(connection, sequence) == expected:
            continue
        return Finding(sequence, "the log does not have the entry that was signed for")
    if not any(found):
        oldest = (await connection.execute(sa.select(sa.func.min(audit.c.at)))).scalar_one()
        if oldest is not None and oldest < now - _EXPECTED_WITHIN:
            return Finding(1, "there is no signed head at all")
    return None


def read(path: Path, keys: Keys) -> list[tuple[int, str]] | Finding:
    """Return (sequence, hash) of each head of a place, oldest first."""
    heads: list[tuple[int, str]] = []
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            head = canonical.loads(envelope.verify(Envelope.from_bytes(line), HEAD_TYPE, keys))
        except WireError:
            last = heads[-1][0] if heads else 0
            return Finding(last + 1, f"{path.name} holds a head that the signer did not sign")
        if heads and head["sequence"] < heads[-1][0]:
            return Finding(head["sequence"], f"the heads of {path.name} go back")
        heads.append((head["sequence"], head["hash"]))
    return heads


async def _pruned_up_to(connection: AsyncConnection) -> int:
    """Return the last entry that a segment stands for; what heads said of it is not comparable."""
    first = (await connection.execute(sa.select(sa.func.min(audit.c.sequence)))).scalar_one()
    newest = await segments.newest(connection)
    return 0 if newest is None else min(newest.last, (first or newest.last + 1) - 1)


async def _hash_of(connection: AsyncConnection, sequence: int) -> str | None:
    query = sa.select(audit.c.entry_hash).where(audit.c.sequence == sequence)
    found = (await connection.execute(query)).scalar_one_or_none()
    return None if found is None else str(found.hex())


def _is_signed(row: segments.Row, keys: Keys) -> bool:
    made = segments.Segment(row.first, row.last, row.hash_before, row.hash_at_last, row.root)
    try:
        signed = envelope.verify(Envelope.from_bytes(row.statement), segments.SEGMENT_TYPE, keys)
    except WireError:
        return False
    return bool(signed == canonical.dumps(made.document()))
