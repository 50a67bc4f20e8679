"""One share of the machine per organisation: what it holds never serves another one.

Jails forked from one zygote share the layout of the address space and the hash seed, so a zygote
belongs to one organisation. One spare share is made ahead of time; the first organisation that
asks owns it from then on. Beyond `most` shares the one unused for longest is closed.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar


class Share(Protocol):
    def close(self) -> None: ...


S = TypeVar("S", bound=Share)


class Shares(Generic[S]):
    """Thread-safe. `make` starts one share."""

    def __init__(self, make: Callable[[], S], most: int = 4) -> None:
        self._make = make
        self._most = most
        self._lock = threading.Lock()
        self._spare: S | None = make()
        self._owned: OrderedDict[str, S] = OrderedDict()  # used longest ago first
        self._users: dict[str, int] = {}

    @contextmanager
    def lend(self, owner: str) -> Iterator[S]:
        """The owner's share, which stays open for the time of the block."""
        with self._lock:
            share, unused = self._take(owner)
        for each in unused:
            each.close()
        try:
            yield share
        finally:
            with self._lock:
                self._users[owner] -= 1

    def all(self) -> list[S]:
        """Every open share, the spare one first."""
        with self._lock:
            spare = [self._spare] if self._spare is not None else []
            return [*spare, *self._owned.values()]

    def close(self) -> None:
        for share in self.all():
            share.close()

    def _take(self, owner: str) -> tuple[S, list[S]]:
        if owner not in self._owned:
            self._owned[owner] = self._spare or self._make()
            self._spare = None
        self._owned.move_to_end(owner)
        self._users[owner] = self._users.get(owner, 0) + 1
        return self._owned[owner], list(self._drop_unused())

    def _drop_unused(self) -> Iterator[S]:
        for owner in list(self._owned):
            if len(self._owned) <= self._most:
                return
            if not self._users[owner]:
                del self._users[owner]
                yield self._owned.pop(owner)
