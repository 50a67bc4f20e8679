"""What was signed: one row per (job, fencing token), in a database of the signer's own.

A repeated request with the same bytes gets the same statement again; other bytes under the same
token are refused for good. A newer token may sign once more: the older attempt's lease is over by
then.
"""

import sqlite3
from pathlib import Path


class Ledger:
    """The signer's memory across restarts."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS signed (job_id TEXT NOT NULL, fence INTEGER NOT NULL,"
            " sha256 TEXT NOT NULL, statement BLOB NOT NULL, PRIMARY KEY (job_id, fence))"
        )

    def enter(self, job_id: str, fence: int, sha256: str, statement: bytes) -> bytes | None:
        """Record a signature and return it; return the earlier one for the same bytes, None for
        others.
        """
        self._connection.execute(
            "INSERT OR IGNORE INTO signed VALUES (?, ?, ?, ?)", (job_id, fence, sha256, statement)
        )
        known, kept = self._connection.execute(
            "SELECT sha256, statement FROM signed WHERE job_id = ? AND fence = ?", (job_id, fence)
        ).fetchone()
        return bytes(kept) if known == sha256 else None

    def close(self) -> None:
        self._connection.close()
