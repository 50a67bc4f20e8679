"""`pyvorin-server init`: make an installation, once.

    <data>/                  0700
      keys/                  key files, each 0600: see `kit.sealing`, `signer.keys`, `auth.secrets`
      run/  log/  store/     sockets, process logs, artifacts
      app.db  engine.db  signer.db
      trust.json             what clients are given; `trust.signed.json`: signed by the root

Running it again changes nothing and refuses: keys are never overwritten.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from pyvorin_wire import trust as wire
from pyvorin_wire.trust import Role, Trust, TrustedKey

from pyvorin_server import app
from pyvorin_server.admin.certificates import Certificates, make_certificates
from pyvorin_server.audit import Event, append
from pyvorin_server.auth.secrets import create_secrets
from pyvorin_server.auth.tokens import add_key
from pyvorin_server.db import grants, open_database
from pyvorin_server.db.migrate import upgrade
from pyvorin_server.engine.port import prepare
from pyvorin_server.errors import ConfigError
from pyvorin_server.kit.clock import SystemClock, epoch_s
from pyvorin_server.kit.sealing import FileKeyProvider, KeyProvider, write_secret
from pyvorin_server.kit.tokens import create_tokens
from pyvorin_server.orgs import create
from pyvorin_server.settings import SERVICE_KEK_FILE, Settings
from pyvorin_server.signer import process as signer_process
from pyvorin_server.signer.keys import SignerKeys, create_keys
from pyvorin_server.verifier import process as verifier_process
from pyvorin_server.verifier.service import create_key

TRUST_LIFE = timedelta(days=365)
LOOPBACK = ["localhost", "127.0.0.1", "::1"]


@dataclass(frozen=True, slots=True)
class Made:
    """What `init` prints."""

    organisation_id: str
    trust_path: Path
    digest: str


def is_initialised(settings: Settings) -> bool:
    return (settings.data_dir / app.TRUST_FILE).exists()


def initialise(settings: Settings, organisation: str) -> Made:
    """Make folders, keys, certificates, database, organisation and trust file. Raises
    `ConfigError`.
    """
    if settings.key_dir.exists():
        raise ConfigError(f"{settings.data_dir} is an installation already; nothing was changed")
    for folder in (settings.data_dir, settings.key_dir, settings.run_dir, settings.log_dir):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    now = SystemClock().now()
    certificates = _write_certificates(settings, organisation, now)
    keys = FileKeyProvider.create(settings.key_dir / SERVICE_KEK_FILE)
    signer_keys = _write_keys(settings, keys)
    upgrade(settings)
    grants.apply(settings)
    prepare(settings)
    organisation_id = asyncio.run(_first_rows(settings, organisation, keys, now))
    trust = _trust(settings, organisation_id, organisation, certificates, signer_keys, now)
    return _write_trust(settings, trust, signer_keys)


def _write_certificates(settings: Settings, organisation: str, now: datetime) -> Certificates:
    host = urlsplit(settings.url).hostname or settings.listen_host
    hosts = list(dict.fromkeys([host, *LOOPBACK]))
    made = make_certificates(organisation, hosts, now)
    write_secret(settings.key_dir / "ca.key", made.ca_key)
    write_secret(settings.key_dir / "ca.crt", made.ca_certificate)
    write_secret(settings.key_dir / app.CERTIFICATE_KEY_FILE, made.server_key)
    write_secret(settings.key_dir / app.CERTIFICATE_FILE, made.server_certificate)
    write_secret(settings.key_dir / "tls-backup.key", made.backup_key)
    return made


def _write_keys(settings: Settings, keys: KeyProvider) -> SignerKeys:
    create_secrets(settings.key_dir, keys)
    create_tokens(settings.key_dir)
    verifier_public = create_key(settings.key_dir / verifier_process.KEY_FILE)
    write_secret(
        settings.key_dir / signer_process.VERIFIER_PUBLIC_FILE, verifier_public.hex().encode()
    )
    signer_kek = FileKeyProvider.create(settings.key_dir / signer_process.KEK_FILE)
    return create_keys(settings.key_dir / signer_process.RING_FILE, signer_kek)


async def _first_rows(
    settings: Settings, organisation: str, keys: KeyProvider, now: datetime
) -> str:
    database = open_database(settings.app_database)
    async with database.write() as connection:
        await append(connection, Event.INSTALLATION_CREATED, at=now)
        await add_key(connection, keys, now)
        organisation_id = await create(connection, organisation, keys, now)
    await database.close()
    return organisation_id


def _trust(
    settings: Settings,
    organisation_id: str,
    organisation: str,
    certificates: Certificates,
    keys: SignerKeys,
    now: datetime,
) -> Trust:
    return Trust(
        format=wire.FORMAT,
        organisation_id=organisation_id,
        organisation=organisation,
        region=settings.region,
        version=1,
        issued_at=epoch_s(now),
        expires_at=epoch_s(now + TRUST_LIFE),
        urls=(settings.url,),
        ca_pem=certificates.ca_certificate.decode(),
        spki_pins=certificates.pins,
        keys=tuple(
            TrustedKey(key.key_id, role, key.public.hex()) for role, key in keys.by_role.items()
        ),
    )


def _write_trust(settings: Settings, trust: Trust, keys: SignerKeys) -> Made:
    signed = wire.sign_update(trust, keys.by_role[Role.ROOT].signers())
    (settings.data_dir / app.SIGNED_TRUST_FILE).write_bytes(signed.to_bytes())
    path = settings.data_dir / app.TRUST_FILE
    path.write_bytes(trust.to_bytes() + b"\n")
    return Made(trust.organisation_id, path, wire.parse(path.read_bytes()).short_digest())
