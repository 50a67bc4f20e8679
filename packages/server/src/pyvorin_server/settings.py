"""The service's configuration: frozen, from defaults, one file and the environment.

    default  <  pyvorin-server.toml (in the data folder, or --config)  <  PYVORIN_SERVER_<NAME>

Every value knows its origin (`Settings.origins`), so `doctor` can say where each came from. An
unknown key or a value of the wrong type stops the start: a misspelt limit must not be ignored.

    listen_port = 8443
    required_tier = "native"
    [workers]
    cp312 = "/opt/pyvorin/workers/cp312/bin/python"
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pyvorin_server.errors import ConfigError

FILE_NAME = "pyvorin-server.toml"
PREFIX = "PYVORIN_SERVER_"
TIERS = ("restricted", "native", "gvisor", "microvm")
DEFAULT = "default"  # the origin of a value that nobody set
SERVICE_KEK_FILE = "service.kek"  # in `key_dir`
READY_FILE = "worker.ready"  # in `run_dir`


@dataclass(frozen=True, slots=True)
class Settings:
    """One installation. Units end the names; empty URLs mean the embedded default in `data_dir`."""

    data_dir: Path
    listen_host: str = "127.0.0.1"
    listen_port: int = 8443
    public_url: str = ""
    region: str = "local"
    database_url: str = ""
    engine_url: str = ""
    store_url: str = ""
    executor_id: str = "slot-0"
    workers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    concurrency: int = 2
    required_tier: str = "restricted"
    security_contact: str = ""
    source_max_bytes: int = 1_000_000
    body_max_bytes: int = 4_000_000
    broker_max_bytes: int = 256_000_000
    artifact_max_bytes: int = 64_000_000
    compile_wall_s: float = 60.0
    check_wall_s: float = 60.0
    jail_memory_bytes: int = 1_000_000_000
    jail_output_bytes: int = 80_000_000
    source_wait_s: int = 900
    access_token_s: int = 480
    refresh_token_s: int = 30 * 86_400
    licence_file_s: int = 14 * 86_400
    artifact_accept_s: int = 90 * 86_400
    jobs_open_max: int = 200
    activations_per_minute: int = 30
    requests_per_minute: int = 6000
    owner_database_url: str = ""
    egress_allow: str = ""
    egress_ca_file: str = ""
    smtp_url: str = ""
    alert_mail_to: str = ""
    alert_mail_from: str = ""
    audit_keep_days: int = 400
    audit_second_place: str = ""
    poll_s: float = 0.1
    origins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_loopback(self) -> bool:
        return self.listen_host in ("127.0.0.1", "::1", "localhost")

    @property
    def url(self) -> str:
        """Where clients reach the service."""
        return self.public_url or f"https://{_bracketed(self.listen_host)}:{self.listen_port}"

    @property
    def app_database(self) -> str:
        """SQLAlchemy URL of the service's own tables."""
        return self.database_url or f"sqlite:///{self.data_dir / 'app.db'}"

    @property
    def owner_database(self) -> str:
        """The same database for the login that owns its tables: migrations and sealed segments."""
        return self.owner_database_url or self.app_database

    @property
    def engine_database(self) -> str:
        """SQLAlchemy URL (sync driver) of the workflow engine's tables."""
        return self.engine_url or f"sqlite:///{self.data_dir / 'engine.db'}"

    @property
    def key_dir(self) -> Path:
        return self.data_dir / "keys"

    @property
    def run_dir(self) -> Path:
        """Sockets and process ids; meaningless after a restart."""
        return self.data_dir / "run"

    @property
    def log_dir(self) -> Path:
        return self.data_dir / "log"


def load(data_dir: Path, environ: Mapping[str, str], config: Path | None = None) -> Settings:
    """Read the configuration of the installation in `data_dir`. Raises `ConfigError`."""
    values: dict[str, Any] = {}
    origins = dict.fromkeys(_KINDS, DEFAULT)
    path = config or data_dir / FILE_NAME
    for name, value in _read_file(path, required=config is not None).items():
        values[name] = _checked(name, value, str(path.name))
        origins[name] = path.name
    for variable, text in environ.items():
        name = variable.removeprefix(PREFIX).lower()
        if variable.startswith(PREFIX) and name in _KINDS:
            values[name] = _from_text(name, text, variable)
            origins[name] = variable
    settings = Settings(data_dir=data_dir.absolute(), origins=MappingProxyType(origins), **values)
    _check_ranges(settings)
    return settings


def _read_file(path: Path, *, required: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if required:
            raise ConfigError(f"there is no configuration file {path}") from None
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None


_KINDS: dict[str, Any] = {
    f.name: f.type for f in fields(Settings) if f.name not in ("data_dir", "origins")
}


def _checked(name: str, value: Any, origin: str) -> Any:
    """Return a value of the file as the field's type, or refuse it."""
    if name not in _KINDS:
        raise ConfigError(f"{origin}: unknown setting `{name}`")
    kind = _KINDS[name]
    if name == "workers":
        if isinstance(value, dict) and all(isinstance(v, str) for v in value.values()):
            return MappingProxyType(dict(value))
    elif kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif type(value) is kind:
        return value
    raise ConfigError(f"{origin}: `{name}` must be of type {getattr(kind, '__name__', 'table')}")


def _from_text(name: str, text: str, origin: str) -> Any:
    """Return a variable's text as the field's type; workers are `tag=path,tag=path`."""
    kind = _KINDS[name]
    try:
        if name == "workers":
            pairs = (item.split("=", 1) for item in text.split(",") if item)
            return MappingProxyType({tag: path for tag, path in pairs})
        return kind(text)
    except ValueError:
        raise ConfigError(f"{origin}: `{text}` is not a {kind.__name__}") from None


def _check_ranges(settings: Settings) -> None:
    for f in fields(settings):
        value = getattr(settings, f.name)
        if isinstance(value, int | float) and value <= 0:
            raise ConfigError(f"`{f.name}` must be above zero, not {value}")
    if settings.required_tier not in TIERS:
        raise ConfigError(f"`required_tier` is one of {', '.join(TIERS)}")
    if not settings.is_loopback and not settings.security_contact:
        raise ConfigError("listening beyond loopback needs `security_contact`")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def current(data_dir: str | None = None, config: str | None = None) -> Settings:
    """Return the settings of this process: folder from the argument, the environment or the XDG
    default.
    """
    home = data_dir or os.environ.get(PREFIX + "DATA_DIR")
    if home is None:
        base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
        home = str(Path(base) / "pyvorin-server")
    return load(Path(home), os.environ, Path(config) if config else None)
