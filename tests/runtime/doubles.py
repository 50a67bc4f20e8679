"""Stand-ins for an extension module: hooks in Python, with the metadata a compiler would write."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from pyvorin_runtime.codehash import code_digest
from pyvorin_runtime.merge import LoopHeader, ResumePoint

from tests.runtime.resume_fuzz import loop_headers, resume_points

NO = object()
UNBOUND = object()


class Asked(Iterator[object]):
    """A hook that calls a Python function; NO means no."""

    def __init__(self, answer: Callable[[], object]) -> None:
        self.answer = answer

    def __next__(self) -> object:
        result = self.answer()
        if result is NO:
            raise StopIteration
        return result


def never() -> Iterator[object]:
    """A hook in C that always says no."""
    return iter(())


class Native:
    """An extension module with native code for some functions, which always declines at first.

    Set `entry`, `osr` and `take` (by index) to make it answer.
    """

    def __init__(self, *functions: FunctionType, python: str = "") -> None:
        self.unbound = UNBOUND
        self.log: list[object] = []
        self.entry: dict[int, Callable[[], object]] = {}
        self.osr: dict[int, Callable[[int], object]] = {}
        self.take: dict[int, Callable[[], object]] = {}
        self.refuse_bind = ""
        self.headers = [loop_headers(f.__code__) for f in functions]
        self.points = [resume_points(f.__code__) for f in functions]
        self.native = tuple(self._item(i, len(h)) for i, h in enumerate(self.headers))
        facts = [self._fact(i, f) for i, f in enumerate(functions)]
        self.META = json.dumps({"python": python or running(), "functions": facts}).encode()

    def _fact(self, i: int, function: FunctionType) -> dict[str, Any]:
        return {
            "qualname": function.__qualname__,
            "code_sha256": code_digest(function.__code__),
            "points": [[p.offset, p.stack] for p in self.points[i]],
            "headers": [[h.offset, h.stack] for h in self.headers[i]],
        }

    def _item(self, i: int, loops: int) -> tuple[Any, ...]:
        none: Callable[..., object] = lambda *_: NO  # noqa: E731
        entry = Asked(lambda: self.entry.get(i, none)())
        osr = tuple(Asked(lambda k=k: self.osr.get(i, none)(k)) for k in range(loops))  # type: ignore[misc]
        take = Asked(lambda: self.take.get(i, none)())
        return entry, osr, take, self._bind, lambda: self.log.append(("unbind", i)), dict

    def _bind(self, function: FunctionType) -> None:
        if self.refuse_bind:
            raise RuntimeError(self.refuse_bind)
        self.log.append(("bind", function.__name__, function.__code__))

    def point(self, i: int, header: int) -> int:
        """The number of the resume point at a loop header."""
        at: LoopHeader = self.headers[i][header]
        return self.points[i].index(ResumePoint(at.offset, at.stack))


def running() -> str:
    import sys

    return f"{sys.version_info[0]}.{sys.version_info[1]}"
