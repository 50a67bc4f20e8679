"""`pyvorin-server api`: the HTTP API over TLS 1.3, and the broker that holds source in memory."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI, Response
from pyvorin_wire import trust as trust_format
from pyvorin_wire.trust import Role

from pyvorin_server.artifacts import routes as artifact_routes
from pyvorin_server.artifacts.service import Artifacts
from pyvorin_server.artifacts.storage import open_store
from pyvorin_server.audit.checkpoints import Keys
from pyvorin_server.auth import members, people_routes
from pyvorin_server.auth import routes as auth_routes
from pyvorin_server.auth.confine import Confine
from pyvorin_server.auth.device_codes import DeviceCodes
from pyvorin_server.auth.guard import Guard
from pyvorin_server.auth.oidc import IdentityTokens
from pyvorin_server.auth.people import People
from pyvorin_server.auth.refusals import Refusals
from pyvorin_server.auth.routing import public, route_table
from pyvorin_server.auth.secrets import load_secrets
from pyvorin_server.auth.sessions import Sessions
from pyvorin_server.auth.tokens import RingKeeper, load_ring
from pyvorin_server.billing import routes as usage_routes
from pyvorin_server.billing.usage import Usage
from pyvorin_server.builds import routes as job_routes
from pyvorin_server.builds import store as job_store
from pyvorin_server.builds.broker import SOCKET as BROKER_SOCKET
from pyvorin_server.builds.broker import SourceBroker
from pyvorin_server.builds.service import Jobs
from pyvorin_server.builds.submit import Submit
from pyvorin_server.db import Database, open_database
from pyvorin_server.engine import EngineClient
from pyvorin_server.errors import ConfigError
from pyvorin_server.health import Health
from pyvorin_server.kit import process
from pyvorin_server.kit.clock import Clock, SystemClock
from pyvorin_server.kit.egress import Egress
from pyvorin_server.kit.front import Front
from pyvorin_server.kit.http import Gate, install_problem_answers
from pyvorin_server.kit.local import LocalClient, serve
from pyvorin_server.kit.sealing import FileKeyProvider
from pyvorin_server.kit.tokens import read_token
from pyvorin_server.licences import routes as licence_routes
from pyvorin_server.licences.delivery import Delivery
from pyvorin_server.licences.service import Licences
from pyvorin_server.manage import routes as manage_routes
from pyvorin_server.manage.alerting import Alerting
from pyvorin_server.manage.auditing import Auditing
from pyvorin_server.manage.organisation import Organisation
from pyvorin_server.orgs import DataKeys
from pyvorin_server.settings import SERVICE_KEK_FILE, Settings
from pyvorin_server.signer.keys import verify_ed25519
from pyvorin_server.signer.service import SOCKET as SIGNER_SOCKET
from pyvorin_server.watch.delivery import Deliverer
from pyvorin_server.watch.watcher import Watcher

CERTIFICATE_FILE = "tls.crt"
CERTIFICATE_KEY_FILE = "tls.key"
TRUST_FILE = "trust.json"
SIGNED_TRUST_FILE = "trust.signed.json"
_TIDY_S = 2.0
_DRAIN_S = 15
_log = structlog.get_logger("api")


async def build_app(settings: Settings, clock: Clock) -> FastAPI:
    """Connect everything and return the application; its life span owns the broker's socket."""
    keys = FileKeyProvider(settings.key_dir / SERVICE_KEK_FILE)
    secrets = load_secrets(settings.key_dir, keys)
    database = open_database(settings.app_database)
    async with database.read() as connection:
        ring = await load_ring(connection, keys, clock.now())
    signer = LocalClient(settings.run_dir / SIGNER_SOCKET, read_token(settings.key_dir, "signer"))
    keeper = RingKeeper(database, keys, ring, clock)
    sessions = Sessions(database, secrets.request_master, clock)
    refusals = Refusals(database, secrets.pepper, clock)
    guard = Guard(
        database,
        secrets.request_master,
        keeper,
        settings.url,
        clock,
        sessions=sessions,
        refusals=refusals,
        requests_per_minute=settings.requests_per_minute,
    )
    egress = Egress(settings.egress_allow, settings.egress_ca_file)
    identities = IdentityTokens(database, egress, clock)
    codes = DeviceCodes(database, secrets.pepper, clock)
    people = People(database, keys, sessions, refusals, clock)
    broker = SourceBroker(settings.broker_max_bytes)
    engine = EngineClient(settings, keys)
    data_keys = DataKeys(keys)
    jobs = Jobs(database, data_keys, broker, engine, clock)
    submit = Submit(settings, database, broker, engine, data_keys, clock)
    once = job_routes.Idempotent(database, clock)
    artifacts = Artifacts(
        database, open_store(settings), data_keys, signer, _artifact_keys(settings), clock
    )
    licences = Licences(
        settings,
        database,
        guard,
        Delivery(database, signer, secrets.request_master),
        keys,
        secrets,
        identities,
        refusals,
        clock,
    )
    tokens = auth_routes.Tokens(settings, database, keeper, clock)

    deliverer = Deliverer(settings, database, egress, keys, clock)
    watcher = Watcher(database, deliverer, clock)
    organisation = Organisation(database, secrets.pepper, egress, clock)
    auditing = Auditing(settings, database, _audit_keys(settings), clock)
    alerting = Alerting(database, keys, egress, clock)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        socket = await serve(
            settings.run_dir / BROKER_SOCKET,
            read_token(settings.key_dir, "broker"),
            {
                "fetch": broker.answer_fetch,
                "forget": broker.answer_forget,
                "differences": broker.answer_differences,
            },
        )
        background = [
            asyncio.create_task(_tidy(database, broker)),
            asyncio.create_task(watcher.run()),
        ]
        yield
        for task in background:
            task.cancel()
        socket.close()
        engine.close()
        await database.close()

    app = FastAPI(title="Pyvorin", version="1", docs_url=None, redoc_url=None, lifespan=life)
    install_problem_answers(app)
    app.include_router(Health(settings, database, signer, clock).router())
    app.include_router(auth_routes.router(tokens, codes, guard))
    app.include_router(people_routes.router(people, codes, guard))
    app.include_router(licence_routes.router(licences, guard))
    app.include_router(job_routes.router(settings, submit, jobs, guard, once))
    app.include_router(artifact_routes.router(artifacts, guard))
    app.include_router(usage_routes.router(Usage(database, clock), guard))
    app.include_router(manage_routes.router(organisation, auditing, alerting, guard))
    _add_trust_route(app, settings)
    route_table(app)  # refuses an application with a route that nobody thought about
    app.add_middleware(Confine)
    app.add_middleware(Gate, max_body_bytes=settings.body_max_bytes)
    return app


def _add_trust_route(app: FastAPI, settings: Settings) -> None:
    signed = (settings.data_dir / SIGNED_TRUST_FILE).read_bytes()

    @app.get("/v1/trust", tags=["trust"], **public("signed by the root, public keys only"))
    async def trust() -> Response:
        """The current trust file, signed by its root."""
        return Response(signed, media_type="application/json")


def _artifact_keys(settings: Settings) -> dict[str, bytes]:
    trust = json.loads((settings.data_dir / TRUST_FILE).read_bytes())
    return {
        key["key_id"]: bytes.fromhex(key["public"])
        for key in trust["keys"]
        if key["role"] == Role.ARTIFACT.value
    }


def _audit_keys(settings: Settings) -> Keys:
    trusted = trust_format.parse((settings.data_dir / TRUST_FILE).read_bytes())
    return dict(trusted.verifiers(Role.AUDIT, verify_ed25519))


async def _tidy(database: Database, broker: SourceBroker) -> None:
    """Forget the source of jobs that ended without this process hearing of it."""
    while True:
        await asyncio.sleep(_TIDY_S)
        with contextlib.suppress(Exception):  # a database that is away now is asked again
            for job_id in broker.held():
                async with database.read() as connection:
                    job = await job_store.find(connection, job_id)
                if job is not None and job.finished_at is not None:
                    broker.forget(job_id)


class TlsConfig(uvicorn.Config):
    """uvicorn's configuration with TLS 1.3 as the least; uvicorn has no setting for it."""

    def load(self) -> None:
        super().load()
        if self.ssl is None:
            raise ConfigError("the API is served over TLS only")
        self.ssl.minimum_version = ssl.TLSVersion.TLSv1_3


def server_config(settings: Settings, app: Any) -> TlsConfig:
    """Return how the API is served."""
    return TlsConfig(
        app,
        host=settings.listen_host,
        port=settings.listen_port,
        ssl_certfile=settings.key_dir / CERTIFICATE_FILE,
        ssl_keyfile=settings.key_dir / CERTIFICATE_KEY_FILE,
        http=Front,
        ws="none",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_DRAIN_S,
        limit_concurrency=2000,
    )


async def _check_exposure(settings: Settings) -> None:
    """Refuse to be reached from elsewhere before someone is responsible for the installation."""
    if settings.is_loopback:
        return
    database = open_database(settings.app_database)
    async with database.read() as connection:
        responsible = await members.administrators(connection)
    await database.close()
    if not responsible:
        raise ConfigError(
            "listening beyond loopback needs an administrator: start on loopback, run"
            " `pyvorin-server admin invite`, enrol, then change `listen_host`"
        )


async def run(settings: Settings) -> None:
    """Serve until SIGTERM; then finish open requests, within the drain time."""
    process.start_logging("api")
    await _check_exposure(settings)
    app = await build_app(settings, SystemClock())
    await uvicorn.Server(server_config(settings, app)).serve()


def main(settings: Settings) -> None:
    process.harden()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(settings))
