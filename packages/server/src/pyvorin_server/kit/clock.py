"""The only place that reads the time of day.

Every rule about time (nonce window, token life, retention) takes a `Clock`, so that its
boundaries can be tested to the second without waiting. Times are aware and in UTC.
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where a service process gets the current time from."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is told to move; for tests of boundaries."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


def epoch_s(moment: datetime) -> int:
    """Return whole seconds since 1970-01-01 UTC, rounded down."""
    return int(moment.timestamp())


def iso(moment: datetime) -> str:
    """Return RFC 3339 text in UTC to the second, e.g. `2026-11-22T12:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
