"""`pyvorin-server worker`: the supervisor process.

It holds the workflow engine's executing side, the pools of jails and, for the time of a job,
source in memory. It never runs user code itself, opens no file that a jail could have written, and
holds no signing key.
"""

import asyncio

import structlog

from pyvorin_server.artifacts.storage import open_store
from pyvorin_server.builds import metrics
from pyvorin_server.builds.broker import SOCKET as BROKER_SOCKET
from pyvorin_server.builds.jails import Jails, find_workers
from pyvorin_server.builds.sweep import Sweeper
from pyvorin_server.builds.work import Builder
from pyvorin_server.db import open_database
from pyvorin_server.engine import Engine, EngineClient
from pyvorin_server.kit import process
from pyvorin_server.kit.clock import SystemClock
from pyvorin_server.kit.local import LocalClient
from pyvorin_server.kit.sealing import FileKeyProvider
from pyvorin_server.kit.tokens import read_token
from pyvorin_server.orgs import DataKeys
from pyvorin_server.orgs import count as count_organisations
from pyvorin_server.settings import READY_FILE, SERVICE_KEK_FILE, Settings
from pyvorin_server.signer.service import SOCKET as SIGNER_SOCKET
from pyvorin_server.verifier.service import SOCKET as VERIFIER_SOCKET

_DRAIN_S = 20
_log = structlog.get_logger("worker")


async def run(settings: Settings) -> None:
    """Build until SIGTERM; then finish what runs, within the drain time."""
    process.start_logging("worker")
    clock = SystemClock()
    keys = FileKeyProvider(settings.key_dir / SERVICE_KEK_FILE)
    database = open_database(settings.app_database)
    workers = find_workers(settings)
    async with database.read() as connection:
        organisations = await count_organisations(connection)
    jails = {tag: Jails(settings, worker, organisations) for tag, worker in workers.items()}
    signer = _client(settings, "signer", SIGNER_SOCKET)
    builder = Builder(
        settings,
        database,
        DataKeys(keys),
        open_store(settings),
        jails,
        _client(settings, "broker", BROKER_SOCKET),
        _client(settings, "verifier", VERIFIER_SOCKET),
        signer,
        clock,
    )
    loop = asyncio.get_running_loop()

    async def build(job_id: str, attempt: int) -> str:
        """The engine has a loop of its own; the database and sockets belong to this one."""
        work = asyncio.run_coroutine_threadsafe(builder.build(job_id, attempt), loop)
        return await asyncio.wrap_future(work)

    engine = Engine(settings, keys, build)
    client = EngineClient(settings, keys)
    tier = next((str(each.tier) for each in jails.values()), "none")
    sweeper = Sweeper(settings, database, client, signer, workers.values(), tier, clock)
    for each in jails.values():
        await asyncio.to_thread(each.wait_ready, 30.0)
    await asyncio.to_thread(engine.start)
    beating = asyncio.create_task(sweeper.run())
    measuring = asyncio.create_task(metrics.keep_writing(settings.run_dir, jails))
    (settings.run_dir / READY_FILE).touch(mode=0o600)
    _log.info("building", targets=sorted(workers), tier=tier)
    await process.until_terminated()
    beating.cancel()
    measuring.cancel()
    await asyncio.to_thread(engine.stop, _DRAIN_S)
    for each in jails.values():
        await asyncio.to_thread(each.close)
    client.close()
    await database.close()


def main(settings: Settings) -> None:
    process.harden()
    asyncio.run(run(settings))


def _client(settings: Settings, service: str, socket: str) -> LocalClient:
    return LocalClient(settings.run_dir / socket, read_token(settings.key_dir, service))
