"""`pyvorin-server admin invite`, `keys rotate`, `organisation …`, `billing reconcile`, `routes`."""

from dataclasses import asdict
from typing import Any

from pyvorin_server import app
from pyvorin_server.admin.licence import only_organisation
from pyvorin_server.audit import Event, append
from pyvorin_server.auth import tokens
from pyvorin_server.auth.people import invite_first
from pyvorin_server.auth.routing import Rule, route_table
from pyvorin_server.billing import credits
from pyvorin_server.billing.plans import PLANS
from pyvorin_server.db import open_database
from pyvorin_server.db import tables as t
from pyvorin_server.errors import ConfigError
from pyvorin_server.kit.clock import SystemClock
from pyvorin_server.kit.sealing import FileKeyProvider
from pyvorin_server.orgs import create
from pyvorin_server.settings import SERVICE_KEK_FILE, Settings


async def invite(settings: Settings, organisation_id: str | None) -> str:
    """Return a one-time token with which a person becomes an administrator."""
    database = open_database(settings.app_database)
    try:
        async with database.write() as connection:
            owner = organisation_id or await only_organisation(connection)
            return await invite_first(connection, owner, SystemClock().now())
    finally:
        await database.close()


async def rotate_token_key(settings: Settings) -> str:
    """Add a signing key for access tokens; the present ones end when their tokens have."""
    keys = FileKeyProvider(settings.key_dir / SERVICE_KEK_FILE)
    database = open_database(settings.app_database)
    try:
        async with database.write() as connection:
            now = SystemClock().now()
            return await tokens.rotate(connection, keys, now, settings.access_token_s)
    finally:
        await database.close()


async def new_organisation(settings: Settings, name: str, plan: str) -> str:
    """Make an organisation; return its id."""
    _check_plan(plan)
    keys = FileKeyProvider(settings.key_dir / SERVICE_KEK_FILE)
    database = open_database(settings.app_database)
    try:
        async with database.write() as connection:
            return await create(connection, name, keys, SystemClock().now(), plan)
    finally:
        await database.close()


async def set_plan(settings: Settings, organisation_id: str, plan: str) -> None:
    """Put an organisation on another plan, from now on."""
    _check_plan(plan)
    database = open_database(settings.app_database)
    try:
        async with database.write() as connection:
            changed = await connection.execute(
                t.organisations.update()
                .where(t.organisations.c.id == organisation_id)
                .values(plan=plan)
                .returning(t.organisations.c.id)
            )
            if changed.first() is None:
                raise ConfigError(f"there is no organisation {organisation_id}")
            await append(
                connection,
                Event.PLAN_CHANGED,
                at=SystemClock().now(),
                organisation_id=organisation_id,
                detail={"plan": plan},
            )
    finally:
        await database.close()


async def reconcile(settings: Settings, *, correct: bool) -> list[dict[str, Any]]:
    """Return counters of credits that do not say what the rows say; set them right on request."""
    database = open_database(settings.app_database)
    try:
        async with database.write() as connection:
            differences = await credits.reconcile(connection)
            for each in differences if correct else ():
                await credits.correct(connection, each)
                await append(
                    connection,
                    Event.CREDITS_RECONCILED,
                    at=SystemClock().now(),
                    organisation_id=each.organisation_id,
                    subject=each.period,
                    detail={"used": each.used_by_rows, "reserved": each.reserved_by_jobs},
                )
        return [asdict(each) for each in differences]
    finally:
        await database.close()


async def routes(settings: Settings) -> list[Rule]:
    """Return the route table of the application as it would start."""
    return route_table(await app.build_app(settings, SystemClock()))


def _check_plan(plan: str) -> None:
    if plan not in PLANS:
        raise ConfigError(f"plans are {', '.join(PLANS)}")
