"""How long the stages of one piece of work took, for one log line at its end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stages:
    """Milliseconds by stage; a stage that comes again adds up."""

    def __init__(self) -> None:
        self.ms: dict[str, int] = {}

    def add(self, stage: str, seconds: float) -> None:
        self.ms[stage] = self.ms.get(stage, 0) + round(seconds * 1000)

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Count the time that the body takes, whether or not it fails."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - began)
