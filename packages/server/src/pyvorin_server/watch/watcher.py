"""The loop of an API process that looks with the rules and delivers what they find."""

import asyncio

import structlog

from pyvorin_server.db import Database
from pyvorin_server.kit.clock import Clock
from pyvorin_server.watch import rules
from pyvorin_server.watch.delivery import Deliverer

LOOK_S = 5.0
_log = structlog.get_logger("watch")


class Watcher:
    """Looks every few seconds; every node does, the database sees to it that one alert is one."""

    def __init__(self, database: Database, deliverer: Deliverer, clock: Clock) -> None:
        self._database = database
        self._deliverer = deliverer
        self._clock = clock

    async def run(self) -> None:
        """Look for ever; a failed round is logged and the next one tried."""
        while True:
            try:
                await self.look()
            except Exception as error:  # the process edge: a database away now is asked again
                _log.error("watch failed", error=type(error).__name__)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """One round."""
        async with self._database.write() as connection:
            new = await rules.look(connection, self._clock.now(), mail=self._deliverer.mails)
        if new:
            _log.warning("alerts raised", count=new)
        await self._deliverer.deliver_due()
