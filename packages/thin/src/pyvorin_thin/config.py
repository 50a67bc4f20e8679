"""Settings, and where each comes from. The first of these that has a value wins:

| | place | example |
|---|---|---|
| 1 | command line | `--url https://pyvorin.example` |
| 2 | environment | `PYVORIN_THIN_URL` |
| 3 | project: `[tool.pyvorin]` in the nearest pyproject.toml upwards | `min-speedup = 1.2` |
| 4 | user: config.toml in the configuration folder | the same names |
| 5 | default | `DEFAULTS` below |

Two switches never come from a file: source upload (`PYVORIN_THIN_SEND_SOURCE` and
`--include-source`) and its absence. A project file is part of what is checked out, so it may only
name what the user could see and refuse. An unknown name is an error with the nearest known one.
"""

import os
from collections.abc import Mapping
from typing import Any, Final

from pyvorin_wire.value import Value

from pyvorin_thin import paths
from pyvorin_thin.errors import UsageError


class Setting(Value):
    """A known setting: its type, default, and the environment variable that overrides files."""

    kind: type
    default: Any
    variable: str | None = None
    choices: tuple[str, ...] = ()


DEFAULTS: Final[dict[str, Setting]] = {
    "include": Setting(list, []),
    "exclude": Setting(list, []),
    "python": Setting(str, ""),
    "on-unsupported": Setting(str, "error", "PYVORIN_ON_UNSUPPORTED", ("error", "keep-python")),
    "min-speedup": Setting(float, 1.2, "PYVORIN_MIN_SPEEDUP"),
    "opt-level": Setting(int, 2, "PYVORIN_OPT_LEVEL"),
    "require-fresh": Setting(int, 0, "PYVORIN_REQUIRE_FRESH"),
    "functions": Setting(dict, {}),
    "verify.inputs": Setting(list, ["doctest", "pytest", "recorded", "neighbours"]),
    "verify.budget": Setting(str, "60s"),
    "service.url": Setting(str, "", "PYVORIN_THIN_URL"),
    "service.timeout-s": Setting(float, 30.0, "PYVORIN_THIN_TIMEOUT_S"),
    "service.wait-s": Setting(float, 600.0, "PYVORIN_THIN_WAIT_S"),
    "telemetry.enabled": Setting(bool, True, "PYVORIN_THIN_TELEMETRY_ENABLED"),
    "telemetry.queue_retention_days": Setting(int, 30),
}
_TRUE: Final = frozenset({"1", "true", "yes", "on"})


class Settings(Value):
    """Effective values and their origins, by setting name."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def load(arguments: Mapping[str, Any] | None = None, folder: str | None = None) -> Settings:
    """The settings for a command started in `folder` (default: here). Raises UsageError PYV870."""
    values = {name: setting.default for name, setting in DEFAULTS.items()}
    origins = dict.fromkeys(DEFAULTS, "default")
    project = project_file(folder or os.getcwd())
    layers = [
        (user_path(), _file_values(user_path(), ())),
        (project or "", _file_values(project, ("tool", "pyvorin")) if project else {}),
        ("environment", _environment_values()),
        ("command line", {k: v for k, v in (arguments or {}).items() if v is not None}),
    ]
    for origin, layer in layers:
        values.update(layer)
        origins.update(dict.fromkeys(layer, origin))
    return Settings(values, origins)


def user_path() -> str:
    return os.path.join(paths.config(), "config.toml")


def project_file(folder: str) -> str | None:
    """The nearest pyproject.toml at or above `folder`."""
    folder = os.path.abspath(folder)
    while True:
        path = os.path.join(folder, "pyproject.toml")
        if os.path.isfile(path):
            return path
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def flag(name: str) -> bool | None:
    """A yes/no environment variable: None if unset. Anything unparsable is False: the careful side
    of every flag we have."""
    text = os.environ.get(name)
    return None if text is None else text.strip().lower() in _TRUE


def _file_values(path: str, prefix: tuple[str, ...]) -> dict[str, Any]:
    if not os.path.exists(path):
        return {}
    import tomllib  # slow to import, and most commands find no file

    try:
        with open(path, "rb") as file:
            table: Any = tomllib.load(file)
    except (OSError, ValueError) as error:
        raise UsageError("PYV870", f"{path} cannot be read: {error}") from error
    for part in prefix:
        table = table.get(part, {})
    return {name: _checked(path, name, value) for name, value in _flat(table)}


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        name = prefix + key
        if isinstance(value, dict) and name not in DEFAULTS:
            found += _flat(value, f"{name}.")
        else:
            found.append((name, value))
    return found


def _environment_values() -> dict[str, Any]:
    found = {}
    for name, setting in DEFAULTS.items():
        text = os.environ.get(setting.variable) if setting.variable else None
        if text is not None:
            found[name] = _from_text(setting, text, str(setting.variable))
    return found


def _from_text(setting: Setting, text: str, where: str) -> Any:
    if setting.kind is bool:
        return text.strip().lower() in _TRUE
    try:
        value = setting.kind(text)
    except ValueError as error:
        raise UsageError(
            "PYV870", f"{where}: expected {setting.kind.__name__}, found {text!r}"
        ) from error
    return _chosen(setting, value, where)


def _checked(path: str, name: str, value: Any) -> Any:
    setting = DEFAULTS.get(name)
    if setting is None:
        import difflib  # slow to import, and needed here only

        near = difflib.get_close_matches(name, DEFAULTS, n=1)
        hint = (f"did you mean `{near[0]}`?",) if near else ()
        raise UsageError("PYV870", f"{path}: unknown setting `{name}`", hint)
    if setting.kind is float and type(value) is int:
        value = float(value)
    if type(value) is not setting.kind:
        raise UsageError("PYV870", f"{path}: `{name}` must be {setting.kind.__name__}")
    return _chosen(setting, value, f"{path}: `{name}`")


def _chosen(setting: Setting, value: Any, where: str) -> Any:
    if setting.choices and value not in setting.choices:
        raise UsageError("PYV870", f"{where} must be one of {', '.join(setting.choices)}")
    return value
